"""The status report: what a run produced, from measured figures only.

`ProjectStatus` is plain data; whoever fills it has counted. What was not measured is null and is said to be.
`PROJECT_STATUS.md` is made of it here, `report.html` in `jobs.reports.html_report`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from jobs.curation.fates import SELECTED, Funnel
from jobs.curation.findings import FindingRows
from jobs.deduplication.figures import HEAVY_LOSS, DuplicateGroup, Twins
from jobs.publish.card import JUDGED_BY_RULES
from jobs.rendering.markdown import render_template
from jobs.rendering.templates import by_count
from jobs.reports.teacher_costs import TeacherCost
from jobs.validation.stored_checks import TableCheck
from jobs.verify.measures import CLEAN_BAND
from udfs.contamination import FALSELY_MARKED_SHARE
from udfs.scoring.agreement import MEASURED, MEASURED_ON
from udfs.scoring.calibration import NOT_CALIBRATED

MAX_TWINS_SHOWN = 3
GROUPS_SHOWN = 5

CriterionOutcome = Literal["PASS", "FAIL", "NOT ASSESSED"]


@dataclass(frozen=True)
class Criterion:
    """One target of the configuration."""

    name: str
    measured: str
    wanted: str
    outcome: CriterionOutcome


@dataclass(frozen=True)
class StageRow:
    """The last run of one stage."""

    name: str
    status: str
    rows_in: int
    rows_out: int
    seconds: float
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class CategoryRow:
    """Rows of one category."""

    category: str
    rows: int
    wanted_share: float | None
    """Null where the configuration asks for no composition."""


@dataclass(frozen=True)
class NearDuplicateLoss:
    """What duplicates cost one source."""

    source: str
    distinct_rows: int
    removed: int
    """Of them, to near-duplicates."""
    copies: int = 0
    """Rows beside them that say exactly what another one says."""
    twins: tuple[Twins, ...] = ()

    @property
    def share(self) -> float:
        """Of its distinct rows, those removed."""
        return self.removed / self.distinct_rows if self.distinct_rows else 0.0

    @property
    def is_high(self) -> bool:
        """Whether a person should look at it."""
        return self.share > HEAVY_LOSS


@dataclass(frozen=True)
class DeduplicationFigures:
    """What both passes removed."""

    threshold: float
    expected_recall: float
    """Probability that a pair at exactly the threshold is found."""
    prompts_removed: int
    pairs_removed: int
    numbers_only: int
    """Removed rows that differ from their twin only in numbers."""
    losses: tuple[NearDuplicateLoss, ...]
    groups: tuple[DuplicateGroup, ...] = ()
    """The largest, in order."""


@dataclass(frozen=True)
class LengthRow:
    """Lengths of one text, in tokens."""

    name: str
    minimum: int
    mean: float
    maximum: int
    median: int | None = None
    histogram: Mapping[int, int] = field(default_factory=dict)
    """Least length of a bar -> rows, in order and without a gap; see `jobs.verify.measures.LENGTH_STEPS`."""


@dataclass(frozen=True)
class OutputFile:
    """A file of the export."""

    name: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ProjectStatus:
    """Everything that the report says."""

    title: str
    run_id: str
    created_at: datetime
    benchmarks: tuple[Mapping[str, Any], ...] = ()
    """What was looked for and found; see `searched_benchmarks`."""
    settings: Mapping[str, str]
    """What a reader should know of the configuration: key -> value."""
    rows: int
    """In the exported file."""
    scorer: str
    scorer_kind: str
    mean_quality: float | None
    criteria: tuple[Criterion, ...]
    categories: tuple[CategoryRow, ...]
    sources: Mapping[str, int]
    """Who wrote the response -> rows."""
    calibrations: tuple[str, ...] = ()
    """How the scorer compares with people, a sentence each; empty: nobody has compared it."""
    predictions: tuple[str, ...] = ()
    """How many scores were predicted and how far that agrees with the judge, a sentence each; empty: none was."""
    read_by_people: str | None = None
    """The share of good rows as people found them, with its interval; null: nobody has read a row."""
    findings: tuple[FindingRows, ...] = ()
    """What rules found, the most frequent in the data set first; empty where a judge scored."""
    quality_bands: Mapping[str, int]
    """Band -> rows, such as `9-10`; in the order to be shown."""
    dimension_means: Mapping[str, float] = field(default_factory=dict)
    """Empty where they are not known."""
    deduplication: DeduplicationFigures
    lengths: tuple[LengthRow, ...]
    token_definition: str
    """What a token is in `lengths`, as a clause."""
    spent_usd: Decimal
    budget_usd: Decimal | None
    """Null: no budget was set."""
    assumed_usd: Decimal = Decimal(0)
    """Of what was spent: nobody knows whether it was billed, so it counts at worst."""
    teachers: tuple[TeacherCost, ...] = ()
    """Who was asked and who answered; empty where no model was."""
    funnel: Funnel
    stages: tuple[StageRow, ...]
    files: tuple[OutputFile, ...]
    tables: tuple[TableCheck, ...] = ()
    """The last validation of each table."""
    data_docs: str | None = None
    """Link to their folder from the folder of the report; null where they are kept elsewhere."""
    warnings: tuple[str, ...] = ()

    @property
    def expected_false_marks(self) -> float:
        """Examples that are expected to be left out for an item that they do not hold."""
        return FALSELY_MARKED_SHARE * sum(self.funnel.examples.values())

    @property
    def is_judged(self) -> bool:
        """Whether scores come from a judge and not from rules."""
        return self.scorer_kind != JUDGED_BY_RULES

    @property
    def rows_without_remark(self) -> int:
        """Rows in which rules found nothing at all; says nothing where a judge scored."""
        return self.quality_bands.get(CLEAN_BAND, 0)

    @property
    def rows_checked(self) -> int:
        """Pairs that rules looked at."""
        return sum(found.checked for found in self.findings)

    @property
    def left_usd(self) -> Decimal | None:
        """Of the budget; below zero where it was overspent."""
        return None if self.budget_usd is None else self.budget_usd - self.spent_usd

    def criteria_with(self, outcome: CriterionOutcome) -> tuple[Criterion, ...]:
        """The criteria that ended so."""
        return tuple(criterion for criterion in self.criteria if criterion.outcome == outcome)


@dataclass(frozen=True)
class NextStep:
    """Something that a reader should do, and what to type for it where there is a command."""

    text: str
    command: str | None = None


def next_steps(status: ProjectStatus) -> tuple[NextStep, ...]:
    """What follows from the figures: faults first, then what to look at, then what is always to be done."""
    steps = [
        NextStep(f"{criterion.name} failed: {criterion.measured}, wanted {criterion.wanted}")
        for criterion in status.criteria_with("FAIL")
    ]
    if status.left_usd is not None and status.left_usd < 0:
        steps.append(NextStep("The budget was overspent: find out how before anything else is bought"))
    steps += [
        NextStep(f"Read the twins of {loss.source} and decide on its threshold")
        for loss in status.deduplication.losses
        if loss.is_high
    ]
    verdicts = {why: rows for (_, why), rows in status.funnel.examples.items() if why != SELECTED}
    if verdicts:
        reason = max(verdicts, key=lambda why: verdicts[why])
        steps.append(NextStep("See whether the most frequent verdict is right", f"phase0 show --reason {reason} -n 10"))
    if not status.is_judged:
        steps.append(NextStep("Have a judge score the rows, or read a sample, before relying on quality_score"))
    jsonl = next((file.name for file in status.files if file.name.endswith(".jsonl")), None)
    if jsonl is not None:
        steps.append(NextStep("Verify the file wherever it is copied to", f"phase0 verify --input {jsonl}"))
    steps.append(NextStep("Read the licences and terms in README.md before training on it or passing it on"))
    return tuple(steps)


def render_project_status(status: ProjectStatus) -> str:
    """The text of `PROJECT_STATUS.md`."""
    fates = [(stage, reason, rows) for (stage, reason), rows in status.funnel.examples.items() if reason != SELECTED]
    return render_template(
        "project_status.md.j2",
        status=status,
        agreed=MEASURED,
        agreed_on=MEASURED_ON,
        not_calibrated=NOT_CALIBRATED,
        sources=by_count(status.sources),
        records=by_count({reason: rows for reason, rows in status.funnel.records.items() if reason != "used"}),
        records_read=sum(status.funnel.records.values()),
        records_used=status.funnel.records.get("used", 0),
        examples=sum(status.funnel.examples.values()),
        fates=fates,
        high_losses=[loss for loss in status.deduplication.losses if loss.is_high],
        heavy_loss=HEAVY_LOSS,
        twins_shown=MAX_TWINS_SHOWN,
        next_steps=next_steps(status),
    )
