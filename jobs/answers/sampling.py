"""Which prompts models are asked, before anything is paid: of each category as many as its quota needs, best first.

Answers that fail leave a gap, so more are asked than are wanted: quota ÷ expected acceptance. The rest stay pending; a
top-up draws with larger numbers, and what was drawn before stays drawn.
"""

from collections.abc import Mapping, Sequence
from math import ceil, floor

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.settings import PackageConfig, SelectConfig, SourceConfig
from jobs.curation.quotas import category_quotas
from jobs.deduplication.ranking import with_rank
from udfs.column_functions import looked_up

_FUZZ = 6
"""Decimals after which a quotient is rounded, so that 21 rows at 0.7 make 30 prompts and not 31."""


def count_by_category(rows: DataFrame) -> dict[str, int]:
    """Category -> rows."""
    return {row["category"]: row["count"] for row in rows.groupBy("category").count().collect()}


def askable_prompts(prompts: DataFrame, package: PackageConfig) -> DataFrame:
    """Prompts whose answer could be exported: the format has no place for a system prompt or earlier turns.

    `select` refuses such pairs (`needs_system`, `needs_history`), so an answer to them would be paid for nothing. They
    are for the `messages` format of a package.

    Args:
        prompts: rows of `EXAMPLES`, or of `PAIRS`.
        package: whether it has that format.
    """
    return prompts.where(askable(package))


def askable(package: PackageConfig) -> str:
    """The condition of `askable_prompts`."""
    return "true" if package.messages else "system is null and cardinality(history) = 0"


def prompts_to_ask(
    config: SelectConfig, ready: Mapping[str, int], acceptance: Mapping[str, float], supply: Mapping[str, int]
) -> dict[str, int]:
    """How many prompts of each category to ask.

    Quotas are those that `select` will fill: where a category is short, `when_short` decides whether the others are
    asked for more.

    Args:
        config: size and composition of the data set.
        ready: category -> rows that qualify already, or are expected to.
        acceptance: category -> share of the prompts asked that get an answer above the threshold, more than 0.
        supply: category -> prompts that can be asked.

    Returns:
        Category -> prompts, all of `supply` where no size is wanted.
    """
    if config.rows is None:
        return dict(supply)
    expected = expected_rows(ready, acceptance, supply)
    quotas = category_quotas(expected, config.rows, config.composition, config.when_short)
    missing = {name: max(0, quotas.get(name, 0) - ready.get(name, 0)) for name in supply}
    return {name: min(supply[name], ceil(round(rows / acceptance[name], _FUZZ))) for name, rows in missing.items()}


def expected_rows(
    ready: Mapping[str, int], acceptance: Mapping[str, float], asked: Mapping[str, int]
) -> dict[str, int]:
    """Rows that qualify once so many prompts were asked, by category."""
    return {
        name: ready.get(name, 0) + floor(round(asked.get(name, 0) * acceptance.get(name, 0.0), _FUZZ))
        for name in (*asked, *(name for name in ready if name not in asked))
    }


def draw_prompts(
    prompts: DataFrame, counts: Mapping[str, int], sources: Sequence[SourceConfig], drawn: DataFrame | None = None
) -> DataFrame:
    """Draw the best prompts of each category.

    Better is: drawn before (what was asked stays asked), then higher human quality, then the source's priority, then
    the id, a hash that favours nothing.

    Args:
        prompts: columns example_id, source, category and human_quality.
        counts: category -> prompts to draw; a category that is not named gives none.
        sources: their priorities.
        drawn: column example_id, prompts of earlier draws; null where there are none.

    Returns:
        The drawn rows of `prompts`.
    """
    # Whether its own response has a fault says nothing about a prompt, and all of these can be asked.
    sound = {"id": F.col("example_id"), "has_fault": F.lit(False)}
    ranked = with_rank(prompts.withColumns(sound), sources, 1.0)
    before = ranked.withColumn("new", F.lit(1))
    if drawn is not None:
        old = drawn.select("example_id").distinct().withColumn("old", F.lit(True))
        before = ranked.join(old, "example_id", "left").withColumn("new", F.when(F.col("old"), 0).otherwise(1))
    best_first = Window.partitionBy("category").orderBy("new", "rank")
    count = looked_up(counts, "category")
    placed = before.withColumn("place", F.row_number().over(best_first))
    kept = placed.where(F.col("place") <= F.coalesce(count, F.lit(0))).select("example_id")
    return prompts.join(kept, "example_id", "left_semi")
