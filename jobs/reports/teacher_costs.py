"""What each teacher and the judge gave, and what it cost."""

from dataclasses import dataclass
from decimal import Decimal

from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS
from udfs.scoring.heuristic import HEURISTIC
from udfs.scoring.judge import JUDGE

EARLIER = "earlier configurations"
"""Whose answers are paid and no longer asked for."""


@dataclass(frozen=True)
class TeacherCost:
    """One teacher, `public`, the judge, or what earlier configurations have paid."""

    name: str
    answers: int
    """Pairs; of the judge, scores."""
    mean_score: float | None
    """Of the answers that a judge scored, of 10; null: there is none, or it is the judge."""
    rows: int
    """Of the data set; of the judge, all of them."""
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    batch_usd: Decimal = Decimal(0)
    """Of the cost, what was paid by batch."""

    @property
    def usd_per_thousand_rows(self) -> Decimal | None:
        """Null where no row of the data set has come of it."""
        return 1000 * self.cost_usd / self.rows if self.rows else None


# Tokens and cost of all calls by who was asked. A request that two teachers share counts for one of them.
_COSTS = """
select who, sum(tokens) as tokens, sum(cost_usd) as cost_usd, sum(batch_usd) as batch_usd
from (
    select
        case when attempts.stage = 'score' then :judge else coalesce(asked.teacher, :earlier) end as who,
        coalesce(attempts.prompt_tokens, 0) + coalesce(attempts.completion_tokens, 0) as tokens,
        attempts.cost_usd,
        case when attempts.mode = 'batch' then attempts.cost_usd else cast(0 as decimal(38, 12)) end as batch_usd
    from {attempts} as attempts
    left join (
        select request_id, min(actual_teacher) as teacher
        from {assignments} where request_id is not null group by request_id
    ) as asked on asked.request_id = attempts.request_id
) as calls
group by who
"""
# What each teacher has answered and what became of it.
_ANSWERS = """
select
    pairs.teacher as who, count(*) as answers,
    avg(case when scores.scorer <> :rules then cast(scores.quality_tenths as double) end) / 10 as mean_score,
    count(dataset.pair_id) as rows
from {pairs} as pairs
left join {scores} as scores on scores.pair_id = pairs.pair_id
left join {dataset} as dataset on dataset.pair_id = pairs.pair_id
group by pairs.teacher
order by answers desc, who
"""
_JUDGED = """
select (select count(*) from {scores} where scorer = :judge) as scores, (select count(*) from {dataset}) as rows
"""


def find_teacher_costs(runtime: Runtime) -> tuple[TeacherCost, ...]:
    """Everybody who has answered or was paid: the teachers by the number of their answers, then the judge."""
    costs = runtime.query(_COSTS, (ATTEMPTS,), judge=JUDGE, earlier=EARLIER)
    paid = {row["who"]: (row["tokens"], row["cost_usd"], row["batch_usd"]) for row in costs}
    nothing = (0, Decimal(0), Decimal(0))
    found = [
        TeacherCost(row["who"], row["answers"], row["mean_score"], row["rows"], *paid.pop(row["who"], nothing))
        for row in runtime.query(_ANSWERS, rules=HEURISTIC)
    ]
    judged = paid.pop(JUDGE, None)
    earlier = paid.pop(EARLIER, None)
    found += [TeacherCost(name, 0, None, 0, *cost) for name, cost in sorted(paid.items())]
    if judged is not None:
        (counts,) = runtime.query(_JUDGED, judge=JUDGE)
        found.append(TeacherCost(JUDGE, counts["scores"], None, counts["rows"], *judged))
    if earlier is not None:
        found.append(TeacherCost(EARLIER, 0, None, 0, *earlier))
    return tuple(found)
