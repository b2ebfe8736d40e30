"""The report for the person who pays and the person who reviews: one HTML file without scripts or network."""

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.curation.fates import SELECTED, STAGE_ORDER, Funnel
from jobs.curation.reasons import meaning_of
from jobs.deduplication.figures import HEAVY_LOSS
from jobs.rendering.html import render_page
from jobs.rendering.templates import by_count
from jobs.reports.project_status import ProjectStatus, next_steps
from udfs.scoring.agreement import MEASURED, MEASURED_ON
from udfs.scoring.calibration import NOT_CALIBRATED

REPORT_FILE = "report.html"
DATA_SET = "data set"
"""The last step of the funnel."""

# What the rows that a stage decides on have in common. A stage that is not here is shown by its name.
_WHAT_LEAVES = {
    "screen": "kept out by a named rule",
    "decontaminate": "hold an item of a benchmark",
    "deduplicate-prompts": "repeat an instruction that stays",
    "distill": "have no answer",
    "deduplicate-pairs": "repeat a pair that stays",
    "score": "have no score",
    "select": "score too low, or need what the file cannot hold",
}


@dataclass(frozen=True)
class FunnelStep:
    """One step of the way from the source files to the data set."""

    name: str
    left: int
    lost: int = 0
    why: str = ""
    reasons: tuple[tuple[str, int], ...] = ()
    """What the lost rows are put down to, the most frequent first."""
    stage: str = ""
    """That decided, by the name under which the reasons are stored."""

    @property
    def meanings(self) -> list[tuple[str, str]]:
        """What each reason means, for those that somebody has described."""
        found = ((reason, meaning_of(self.stage, reason)) for reason, _ in self.reasons)
        return [(reason, meaning) for reason, meaning in found if meaning]


def funnel_steps(funnel: Funnel) -> list[FunnelStep]:
    """The funnel, one step for each stage that decides: records read, records used, examples, what each stage left."""
    return list(_steps(funnel))


def _steps(funnel: Funnel) -> Iterator[FunnelStep]:
    read = sum(funnel.records.values())
    not_used = {reason: rows for reason, rows in funnel.records.items() if reason != "used"}
    lost = sum(not_used.values())
    yield FunnelStep("records read", read)
    yield FunnelStep(
        "records used", read - lost, lost, "refused, or part of another's example", _ordered(not_used), "ingest"
    )
    left = sum(funnel.examples.values())
    copies = funnel.exact_copies
    reasons = (("exact copies", copies),) if copies else ()
    yield FunnelStep("examples", left, copies, f"of the {left + copies:,} in those records", reasons, "ingest")
    for stage in STAGE_ORDER:
        taken = {why: rows for (by, why), rows in funnel.examples.items() if by == stage and why != SELECTED}
        lost = sum(taken.values())
        left -= lost
        if taken:
            yield FunnelStep(stage, left, lost, _WHAT_LEAVES.get(stage, f"left by {stage}"), _ordered(taken), stage)
    yield FunnelStep(DATA_SET, left)


def _ordered(reasons: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(by_count(reasons))


def render_report(status: ProjectStatus) -> str:
    """The text of `report.html`."""
    steps = funnel_steps(status.funnel)
    flows = [(name, {step.name: step for step in funnel_steps(of)}) for name, of in status.funnel.by_source.items()]
    return render_page(
        "report.html.j2",
        status=status,
        agreed=MEASURED,
        agreed_on=MEASURED_ON,
        not_calibrated=NOT_CALIBRATED,
        next_steps=next_steps(status),
        sources=by_count(status.sources),
        steps=steps,
        flows=flows,
        widest=max([1, *(step.left + step.lost for step in steps)]),
        bars=sorted({least for row in status.lengths for least in row.histogram}),
        heavy_loss=HEAVY_LOSS,
    )
