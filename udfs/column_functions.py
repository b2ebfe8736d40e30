"""Idioms of Spark columns that many tables need, and the ids of pairs, which Python makes."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, WindowSpec
from pyspark.sql import functions as F

from udfs.ids import pair_id


def looked_up(values: Mapping[str, object], key: Column | str) -> Column:
    """The value of each key, null where there is none. The table travels in the plan, so it must be small."""
    column = F.col(key) if isinstance(key, str) else key
    return F.create_map(*(F.lit(part) for pair in values.items() for part in pair))[column]


def first_rows(rows: DataFrame, window: WindowSpec, count: int = 1) -> DataFrame:
    """The first rows of each group.

    Args:
        rows: any.
        window: groups, in an order that decides between any two rows of a group; else runs may differ.
        count: rows of a group at most.
    """
    return rows.withColumn("_place", F.row_number().over(window)).where(F.col("_place") <= count).drop("_place")


def pair_ids(example: Column | str, answer: Column | str) -> Column:
    """The id of each pair, as `udfs.ids.pair_id`."""
    return F.udf(pair_id, "string", useArrow=False)(example, answer)
