"""What each teacher and the judge gave, and what it cost."""

from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS
from schemas.tables import ASSIGNMENTS, DATASET, PAIRS, SCORES
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
    """Of the scored answers, of 10; null: none has a score, or it is the judge."""
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


def cost_by_teacher(attempts: DataFrame, assignments: DataFrame) -> DataFrame:
    """Add up tokens and cost of all calls by who was asked.

    Args:
        attempts: rows of `ATTEMPTS`.
        assignments: rows of `ASSIGNMENTS`.

    Returns:
        One row for each teacher that was asked, `judge` and `EARLIER`: who, tokens, cost_usd, batch_usd. A request that
        two teachers share counts for one of them.
    """
    asked = assignments.where("request_id is not null").groupBy("request_id")
    teachers = asked.agg(F.min("actual_teacher").alias("teacher"))
    is_judge = F.col("stage") == "score"
    who = F.when(is_judge, F.lit(JUDGE)).otherwise(F.coalesce("teacher", F.lit(EARLIER)))
    tokens = F.coalesce("prompt_tokens", F.lit(0)) + F.coalesce("completion_tokens", F.lit(0))
    named = attempts.join(teachers, "request_id", "left")
    by_batch = F.when(F.col("mode") == "batch", F.col("cost_usd")).otherwise(0).cast("decimal(38,12)")
    return named.groupBy(who.alias("who")).agg(
        F.sum(tokens).alias("tokens"), F.sum("cost_usd").alias("cost_usd"), F.sum(by_batch).alias("batch_usd")
    )


def answers_by_teacher(pairs: DataFrame, scores: DataFrame, dataset: DataFrame) -> DataFrame:
    """Count what each teacher has answered and what became of it.

    Returns:
        One row for each teacher of `PAIRS`: who, answers, mean_score (null: none is scored) and rows in the data set.
    """
    scored = pairs.select("pair_id", "teacher").join(scores.select("pair_id", "quality_tenths"), "pair_id", "left")
    kept = dataset.select("pair_id", F.lit(1).alias("kept"))
    return (
        scored.join(kept, "pair_id", "left")
        .groupBy(F.col("teacher").alias("who"))
        .agg(
            F.count("*").alias("answers"),
            (F.avg("quality_tenths") / 10).alias("mean_score"),
            F.count("kept").alias("rows"),
        )
    )


def find_teacher_costs(runtime: Runtime) -> tuple[TeacherCost, ...]:
    """Everybody who has answered or was paid: the teachers by the number of their answers, then the judge."""
    scores, dataset = runtime.read(SCORES), runtime.read(DATASET)
    costs = cost_by_teacher(runtime.read_or_empty(ATTEMPTS), runtime.read(ASSIGNMENTS)).collect()
    paid = {row["who"]: (row["tokens"], row["cost_usd"], row["batch_usd"]) for row in costs}
    nothing = (0, Decimal(0), Decimal(0))
    answers = answers_by_teacher(runtime.read(PAIRS), scores, dataset)
    found = [
        TeacherCost(row["who"], row["answers"], row["mean_score"], row["rows"], *paid.pop(row["who"], nothing))
        for row in answers.orderBy(F.desc("answers"), "who").collect()
    ]
    judged = paid.pop(JUDGE, None)
    earlier = paid.pop(EARLIER, None)
    found += [TeacherCost(name, 0, None, 0, *cost) for name, cost in sorted(paid.items())]
    if judged is not None:
        found.append(TeacherCost(JUDGE, scores.where(F.col("scorer") == JUDGE).count(), None, dataset.count(), *judged))
    if earlier is not None:
        found.append(TeacherCost(EARLIER, 0, None, 0, *earlier))
    return tuple(found)
