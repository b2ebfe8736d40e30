"""Which pairs the judge scores so that its scores can be learnt: a stratified sample, drawn by hash."""

from collections.abc import Mapping
from math import ceil

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from udfs.column_functions import looked_up

_STRATUM = ("source", "category", "findings")


def draw_sample(featured: DataFrame, rows: int) -> DataFrame:
    """Draw pairs of each source, category and finding of the rules, in proportion.

    What was drawn stays drawn where pairs come to a stratum and the share stays: those with the lowest hashes of their
    ids are drawn.

    Args:
        featured: rows of `udfs.scoring.feature_batches.FEATURED`.
        rows: of the sample; as each stratum gives its share rounded up, some more are drawn.

    Returns:
        The drawn rows.
    """
    named = featured.withColumn("stratum", F.to_json(F.array(*(F.coalesce(name, F.lit("")) for name in _STRATUM))))
    sizes = {row["stratum"]: row["count"] for row in named.groupBy("stratum").count().collect()}
    quotas = strata_quotas(sizes, rows)
    if not quotas:
        return featured.limit(0)
    by_hash = Window.partitionBy("stratum").orderBy(F.xxhash64("pair_id"), "pair_id")
    placed = named.withColumn("place", F.row_number().over(by_hash))
    return placed.where(F.col("place") <= looked_up(quotas, "stratum")).drop("stratum", "place")


def strata_quotas(sizes: Mapping[str, int], rows: int) -> dict[str, int]:
    """Stratum -> rows to draw: its share of the sample, rounded up, so that none goes without.

    Args:
        sizes: stratum -> its rows.
        rows: of the sample.
    """
    total = sum(sizes.values())
    return {name: min(size, ceil(round(size * rows / total, 9))) for name, size in sizes.items()} if total else {}
