"""What near-duplicates cost each source, with twins to look at.

Long openings that many prompts share push different prompts over the threshold; a person who sees three
of them side by side knows whether to raise it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from jobs.deduplication.ranking import pair_text, prompt_text
from udfs.column_functions import first_rows

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
    found = examples.select("example_id", "source").join(removed, "example_id")
    chosen = first_rows(found, order, count).drop("source")
    return chosen.join(texts, "example_id").join(twins, "duplicate_of").orderBy("source", "example_id").collect()


def _removed(duplicates: DataFrame) -> DataFrame:
    return duplicates.where("pass = 'prompt'").select(F.col("id").alias("example_id"), "duplicate_of", "jaccard")


@dataclass(frozen=True)
class Twins:
    """A removed row beside the kept row that it resembles."""

    example_id: str
    """Of the removed row; in the pair pass the id of a pair."""
    duplicate_of: str
    jaccard: float
    text: str
    twin_text: str


@dataclass(frozen=True)
class DuplicateGroup:
    """All rows of one pass that fall to the same kept row."""

    search: str
    """The pass, `prompt` or `pair`."""
    kept_id: str
    kept_text: str
    removed: int
    twins: tuple[Twins, ...]
    """Some of the removed rows, the least similar first: they are the ones to doubt."""


def largest_groups(
    duplicates: DataFrame, examples: DataFrame, pairs: DataFrame, groups: int, twins: int
) -> tuple[DuplicateGroup, ...]:
    """The groups that lost most rows; of equal ones the prompts' first, then by id.

    Args:
        duplicates: rows of `DUPLICATES`.
        examples: rows of `EXAMPLES`, whose text the prompt pass compares.
        pairs: rows of `PAIRS`, whose text the pair pass compares.
        groups: most groups to return.
        twins: most removed rows to return of each.
    """
    group = Window.partitionBy("pass", "duplicate_of")
    order = (F.desc("removed"), F.desc("pass"), "duplicate_of", "jaccard", "id")
    counted = duplicates.withColumn("removed", F.count("*").over(group))
    members = first_rows(counted, group.orderBy("jaccard", "id"), twins)
    found: dict[tuple[str, str], list[Row]] = {}
    # As many rows are more groups than are wanted where groups are small.
    for row in members.orderBy(*order).limit(groups * twins).collect():
        found.setdefault((row["pass"], row["duplicate_of"]), []).append(row)
    largest = dict(list(found.items())[:groups])
    rows = [row for of in largest.values() for row in of]
    texts = compared_texts(examples, pairs, {row[column] for row in rows for column in ("id", "duplicate_of")})
    return tuple(
        DuplicateGroup(search, kept_id, texts[kept_id], of[0]["removed"], tuple(_twins(row, texts) for row in of))
        for (search, kept_id), of in largest.items()
    )


def compared_texts(examples: DataFrame, pairs: DataFrame | None, ids: Collection[str]) -> dict[str, str]:
    """Id -> the text that the search for duplicates compares.

    Args:
        examples: rows of `EXAMPLES`.
        pairs: rows of `PAIRS`, null where there are none yet.
        ids: of examples and of pairs, few enough to be named in a query.
    """
    texts = examples.where(F.col("example_id").isin(*ids)).select("example_id", prompt_text())
    if pairs is not None:
        texts = texts.union(pairs.where(F.col("pair_id").isin(*ids)).select("pair_id", pair_text()))
    return dict(map(tuple, texts.collect()))


def _twins(row: Row, texts: Mapping[str, str]) -> Twins:
    return Twins(row["id"], row["duplicate_of"], row["jaccard"], texts[row["id"]], texts[row["duplicate_of"]])
