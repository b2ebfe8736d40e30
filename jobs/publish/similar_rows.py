"""Which rows may not be parted by a split: similar prompts, similar pairs, turns of one conversation.

A prompt is what the user wrote with the turns before it, and a pair adds the response. System prompts are left out:
many rows share one, and that a model has seen it gives no answer away. A row is named by its *node*, example_id and
pair_id in one, so that the smallest node of a set begins with the smallest example_id.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from jobs.deduplication.near_duplicates import Materialise, equal_sets, shingle, similar_pairs, with_bands

TEXTS = ("prompt", "pair")


def with_texts(rows: DataFrame) -> DataFrame:
    """Columns node, example_id, pair_id, category, is_bare, opening (first user turn), prompt and pair.

    Args:
        rows: columns example_id, pair_id, category, is_bare, history, instruction and response.
    """
    users = F.filter("history", lambda turn: turn["role"] == "user")
    history = F.transform("history", lambda turn: turn["content"])
    prompt = F.concat_ws("\n", history, F.col("instruction"))
    return rows.select(
        node().alias("node"),
        "example_id",
        "pair_id",
        "category",
        "is_bare",
        F.coalesce(F.get(users, F.lit(0))["content"], F.col("instruction")).alias("opening"),
        prompt.alias("prompt"),
        F.concat_ws("\n", prompt, F.col("response")).alias("pair"),
    )


def node() -> Column:
    """What a row is called in the graph."""
    return F.concat_ws("|", "example_id", "pair_id")


def similar_rows(
    texts: DataFrame, kind: str, least: float, config: DeduplicateConfig, materialise: Materialise
) -> DataFrame:
    """Columns left, right, jaccard: pairs of rows with similar texts; of equal texts all with the smallest node.

    Args:
        texts: columns node and, named by `kind`, the text.
        kind: `prompt` or `pair`.
        least: smallest Jaccard similarity that is of interest. What is below the threshold of `config` is found with
            a lower probability.
        config: the banding.
        materialise: stores a frame under a name and gives back a frame that reads it.
    """
    ranked = texts.select(F.col("node").alias("rank"), F.col(kind).alias("text"), F.lit(least).alias("threshold"))
    rows = materialise(with_bands(shingle(ranked), config), f"{kind}_shingled")
    copies = equal_sets(rows)
    pairs = similar_pairs(rows.join(copies, "rank", "left_anti"), config)
    equal = copies.select(F.col("leader").alias("left"), F.col("rank").alias("right"), F.lit(1.0).alias("jaccard"))
    similar = pairs.select(F.col("winner").alias("left"), F.col("loser").alias("right"), "jaccard")
    return materialise(equal.unionByName(similar), f"{kind}_similar")


def same_opening(texts: DataFrame) -> DataFrame:
    """Columns left, right: each row whose conversation opens like another's, with the smallest node of those."""
    openings = texts.select("node", F.xxhash64("opening").alias("opening"))
    first = openings.groupBy("opening").agg(F.min("node").alias("left"))
    return openings.join(first, "opening").where("left != node").select("left", F.col("node").alias("right"))
