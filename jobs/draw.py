"""Which prompts are asked, before anything is paid: of each category as many as its quota needs, the best first.

Answers that fail leave a gap, so more are asked than are wanted: quota ÷ expected acceptance. The rest stay pending; a
top-up asks with a larger number, and the first ones stay drawn.
"""

from collections.abc import Mapping, Sequence
from math import ceil

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.ranking import with_rank
from jobs.settings import SourceConfig


def prompts_to_ask(
    wanted: Mapping[str, int], ready: Mapping[str, int], acceptance: Mapping[str, float], supply: Mapping[str, int]
) -> dict[str, int]:
    """How many prompts to ask of each category.

    Args:
        wanted: category -> rows of the data set.
        ready: category -> rows that qualify already, or are expected to.
        acceptance: category -> share of answers that qualify, above 0.
        supply: category -> prompts that can be asked.

    Returns:
        Category -> prompts, no more than there are.
    """
    return {
        name: min(supply.get(name, 0), ceil(round(max(0, rows - ready.get(name, 0)) / acceptance[name], 6)))
        for name, rows in wanted.items()
    }


def draw_prompts(
    prompts: DataFrame, counts: Mapping[str, int], sources: Sequence[SourceConfig], drawn: DataFrame | None = None
) -> DataFrame:
    """Draw the best prompts of each category.

    Better is: drawn before (what was asked stays asked), then higher human quality, then the source's priority, then
    the id, a hash that favours nothing.

    Args:
        prompts: columns example_id, source, category, human_quality and has_fault.
        counts: category -> prompts to draw; a category that is not named gives none.
        sources: their priorities.
        drawn: column example_id, prompts of earlier draws; null where there are none.

    Returns:
        The drawn rows of `prompts`.
    """
    # Whether its own response has a fault says nothing about a prompt.
    ranked = with_rank(prompts.withColumns({"id": F.col("example_id"), "has_fault": F.lit(False)}), sources, 1.0)
    before = ranked.withColumn("new", F.lit(1))
    if drawn is not None:
        old = drawn.select("example_id").distinct().withColumn("old", F.lit(True))
        before = ranked.join(old, "example_id", "left").withColumn("new", F.when(F.col("old"), 0).otherwise(1))
    best_first = Window.partitionBy("category").orderBy("new", "rank")
    count = F.create_map(*(F.lit(part) for pair in counts.items() for part in pair))[F.col("category")]
    placed = before.withColumn("place", F.row_number().over(best_first))
    kept = placed.where(F.col("place") <= F.coalesce(count, F.lit(0))).select("example_id")
    return prompts.join(kept, "example_id", "left_semi")
