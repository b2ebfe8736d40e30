"""What near-duplicates cost each source, with twins to look at.

Long openings that many prompts share push different prompts over the threshold; a person who sees three
of them side by side knows whether to raise it.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from jobs.deduplication.ranking import prompt_text

HEAVY_LOSS = 0.30
"""Share of a source's distinct prompts above which a person should look."""


@dataclass(frozen=True)
class SourceLoss:
    """Prompts of one source, and those that fall to twins."""

    source: str
    prompts: int
    removed: int
    equal: int
    """Removed at Jaccard 1.0: copies, which say nothing about the threshold."""

    @property
    def distinct(self) -> int:
        """Prompts that are no copy of another."""
        return self.prompts - self.equal

    @property
    def near(self) -> int:
        """Distinct prompts removed."""
        return self.removed - self.equal

    @property
    def is_heavy(self) -> bool:
        """Whether the share of distinct prompts removed calls for a look."""
        return bool(self.distinct) and self.near / self.distinct > HEAVY_LOSS


def count_losses(prompts: DataFrame, duplicates: DataFrame) -> list[SourceLoss]:
    """Count prompts and losses of each source, by name.

    Args:
        prompts: examples that took part in the search.
        duplicates: rows of `DUPLICATES`.
    """
    rows = (
        prompts.select("example_id", "source")
        .join(_removed(duplicates), "example_id", "left")
        .groupBy("source")
        .agg(
            F.count("*").alias("prompts"),
            F.count("jaccard").alias("removed"),
            F.count_if(F.col("jaccard") == 1.0).alias("equal"),
        )
        .orderBy("source")
        .collect()
    )
    return [SourceLoss(row["source"], row["prompts"], row["removed"], row["equal"]) for row in rows]


def sample_twins(examples: DataFrame, duplicates: DataFrame, count: int) -> list[Row]:
    """The first near twins by id of each source.

    Returns:
        Rows of source, example_id, duplicate_of, jaccard, text and twin_text.
    """
    removed = _removed(duplicates).where("jaccard < 1.0")
    order = Window.partitionBy("source").orderBy("example_id")
    texts = examples.select("example_id", "source", prompt_text().alias("text"))
    twins = texts.select(F.col("example_id").alias("duplicate_of"), F.col("text").alias("twin_text"))
    chosen = (
        examples.select("example_id", "source")
        .join(removed, "example_id")
        .withColumn("place", F.row_number().over(order))
        .where(F.col("place") <= count)
        .drop("place", "source")
    )
    return chosen.join(texts, "example_id").join(twins, "duplicate_of").orderBy("source", "example_id").collect()


def _removed(duplicates: DataFrame) -> DataFrame:
    return duplicates.where("pass = 'prompt'").select(F.col("id").alias("example_id"), "duplicate_of", "jaccard")
