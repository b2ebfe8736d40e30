"""The largest groups of near-duplicates: the row that stays, and rows removed for resembling it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from jobs.deduplication.ranking import pair_text, prompt_text


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
    order = (F.desc("removed"), F.desc("pass"), "duplicate_of", "place")
    members = (
        duplicates.withColumn("removed", F.count("*").over(group))
        .withColumn("place", F.row_number().over(group.orderBy("jaccard", "id")))
        .where(F.col("place") <= twins)
    )
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
