"""Which rows a package holds: the data set, and for chat messages also what needs its system prompt or its history."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.curation.dataset import build_dataset

NEEDS_CONTEXT = ("needs_system", "needs_history")
"""Reasons of pairs that score high enough and were only too much for the bare format."""

# What Python takes for white space and Java, even told to think in Unicode, does not.
_NOT_BLANK = r"(?U)[^\s\x1c-\x1f]"


def packable_rows(dataset: DataFrame, selection: DataFrame, pairs: DataFrame, scores: DataFrame) -> DataFrame:
    """The data set and the pairs that only a conversation can show.

    Quotas (`select.rows`, `select.composition`) have shaped the data set. They do not count the pairs that need their
    context, of which all that score above `select.min_score` are here: nothing bare gives way to them.

    Args:
        dataset: rows of `DATASET`.
        selection: rows of `SELECTION`.
        pairs: rows of `PAIRS`.
        scores: rows of `SCORES`.

    Returns:
        Rows of `DATASET` with `is_bare` (it makes sense without system prompt and history) and `needs` (the reason
        why it does not, null where it does).
    """
    needing = selection.where(F.col("reason").isin(*NEEDS_CONTEXT))
    # As if they had been selected, for which there is one place that says what a row of the data set is.
    context = build_dataset(needing.withColumn("reason", F.lit(None).cast("string")), pairs, scores)
    context = context.join(needing.select("pair_id", F.col("reason").alias("needs")), "pair_id")
    bare = dataset.withColumn("needs", F.lit(None).cast("string"))
    return bare.unionByName(context).withColumn("is_bare", F.col("needs").isNull())


def is_conversation() -> Column:
    """Whether the turns alternate, the user's first, and none is blank: what chat templates ask for."""
    roles = F.concat_ws(",", F.transform("history", lambda turn: turn["role"]))
    is_blank = F.exists("history", lambda turn: ~turn["content"].rlike(_NOT_BLANK))
    has_blank_system = F.coalesce(~F.col("system").rlike(_NOT_BLANK), F.lit(False))
    return roles.rlike("^((user,assistant,)*user,assistant)?$") & ~is_blank & ~has_blank_system
