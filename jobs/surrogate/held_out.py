"""What the predictions of a workspace are worth: read from `scores`, where each judged row has its prediction too."""

from dataclasses import dataclass
from decimal import Decimal

from jobs.rendering.money import dollars
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, JUDGEMENTS
from udfs.scoring.calibration import Interval
from udfs.scoring.held_out import HeldOut, held_out_figures
from udfs.scoring.intervals import Predicted

BLIND = (
    "predictions know form, length, words and what the rules find; not whether an answer is true, does what was asked, "
    "or is better than another of its form"
)


@dataclass(frozen=True)
class Spared:
    """Who scored how many rows, and what that spared."""

    sample: int
    asked: int
    """Rows beside the sample that the judge was asked about."""
    predicted: int
    """Rows that it was not asked about."""
    spared_usd: Decimal | None
    """What asking about those would have cost, at the mean cost of a row that was judged; null: nobody was billed."""
    held_out: HeldOut


_COUNTS = """
select
    count(case when is_held_out then 1 end) as sample,
    count(case when scorer = 'judge' and not is_held_out then 1 end) as asked,
    count(case when scorer = 'distilled' then 1 end) as predicted
from {scores} where model is not null
"""
_HELD_OUT = """
select quality_tenths, predicted_tenths, low_tenths, high_tenths from {scores} where is_held_out order by pair_id
"""
# Rows of the same texts share a request, which was paid once.
_COST = """
with asked as (
    select asked.pair_id, asked.request_id
    from {judgements} as asked
    join {scores} as scores on scores.pair_id = asked.pair_id
    where scores.scorer = 'judge' and asked.request_id in (select request_id from {attempts})
)
select
    (select count(distinct pair_id) from asked) as rows,
    (select sum(cost_usd) from {attempts} where request_id in (select request_id from asked)) as cost
"""


def find_spared(runtime: Runtime) -> Spared | None:
    """What the scores of the workspace say of the predictions; null where nothing is predicted.

    Raises:
        MissingTableError: nothing is scored yet.
    """
    (counts,) = runtime.query(_COUNTS)
    if not counts["sample"]:
        return None
    rows = runtime.query(_HELD_OUT)
    predicted = [Predicted(row["predicted_tenths"], row["low_tenths"], row["high_tenths"]) for row in rows]
    threshold = runtime.settings.select.min_score_tenths
    (paid,) = runtime.query(_COST, (JUDGEMENTS, ATTEMPTS))
    mean = paid["cost"] / paid["rows"] if paid["rows"] and paid["cost"] else None
    return Spared(
        counts["sample"],
        counts["asked"],
        counts["predicted"],
        None if mean is None else mean * counts["predicted"],
        held_out_figures([row["quality_tenths"] for row in rows], predicted, threshold),
    )


def spared_lines(runtime: Runtime) -> list[str]:
    """The same for a reader, a sentence each; empty where nothing is predicted."""
    found = find_spared(runtime)
    if found is None:
        return []
    total = found.sample + found.asked + found.predicted
    worth = f" and about {dollars(found.spared_usd)}" if found.spared_usd else ""
    return [
        f"of {total:,} rows the judge scored {found.sample + found.asked:,} ({found.sample:,} as the sample that its "
        f"scores were learnt from); {found.predicted:,} scores are predicted, which spared as many calls{worth}",
        held_out_sentence(found.held_out),
        BLIND,
    ]


def held_out_sentence(found: HeldOut) -> str:
    """How far predictions agree with the judge, as a person reads it."""
    rank = found.rank_correlation
    alone = f"{_share(found.decided_same_side)} of the {found.decided:,}" if found.decided else "there is none"
    ranked = "not known" if rank is None else f"{rank.value:.2f} ({rank.low:.2f} to {rank.high:.2f})"
    return (
        f"of {found.rows:,} judged rows that were held out, predictions put {_share(found.same_side)} on the judge's "
        f"side of the threshold, and {alone} that they would decide "
        f"alone; F1 {_figure(found.f1_kept)} of what the judge keeps and {_figure(found.f1_lost)} of what it drops; "
        f"rank correlation {ranked}; {found.covered.value:.0%} of the judge's scores within the interval"
    ).replace("%", " %")


def _share(one: Interval) -> str:
    return f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})"


def _figure(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"
