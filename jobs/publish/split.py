"""Train and validation: near-duplicates and turns of one conversation go to the same side.

Rows that resemble each other are joined into connected components, and whole components are drawn for validation,
category by category, in the order of a hash of their smallest example_id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from jobs.curation.quotas import category_quotas
from jobs.deduplication.buckets import equal_sets, shared_buckets, with_buckets
from jobs.deduplication.components import connected_components
from jobs.deduplication.near_duplicates import Materialise, bucket_members, similar_pairs
from schemas.errors import ConfigError
from udfs.column_functions import looked_up
from udfs.shingled_rows import TwinRules

TRAIN, VALIDATION = "train", "validation"
LOOKED_BELOW = 0.1
"""Pairs this much below the threshold are found too, to say how near the two sides come to each other."""
_COMPARED_ROWS = 10_000
LARGEST_PART = 10
"""A component with more than a tenth of the rows that its category gives to validation goes to train."""

Stratum = tuple[str, bool]
"""A category, and whether its rows are bare."""


@dataclass(frozen=True)
class Split:
    """Which row goes where, and how that came about."""

    rows: DataFrame
    """Columns example_id, pair_id and split."""
    facts: Mapping[str, Any]
    """For the manifest; empty where no validation split is wanted."""


def split_rows(rows: DataFrame, validation: float, config: DeduplicateConfig, materialise: Materialise) -> Split:
    """Draw the validation split.

    Args:
        rows: columns example_id, pair_id, history, instruction, response, category and is_bare.
        validation: below 1 a share of the bare rows, from 1 on their number; 0 for none.
        config: similarity from which on rows stay together, and the banding to find them.
        materialise: stores a frame under a name and gives back a frame that reads it.

    Raises:
        ConfigError: validation would take all rows.
    """
    if not validation:
        return Split(rows.select("example_id", "pair_id", F.lit(TRAIN).alias("split")), {})
    counted = rows.groupBy("category", "is_bare").count().collect()
    quotas = validation_quotas({(row["category"], row["is_bare"]): row["count"] for row in counted}, validation)
    texts = with_texts(rows)
    least = config.threshold - LOOKED_BELOW
    prompts, pairs = (similar_rows(texts, kind, least, config, materialise) for kind in TEXTS)
    found = prompts.unionByName(pairs)
    close = found.where(F.col("jaccard") >= config.threshold).select("left", "right")
    components = connected_components(close.unionByName(same_opening(texts)))
    members = materialise(with_component(texts, components), "members")
    drawn = draw_components(members, quotas).withColumn("split", F.lit(VALIDATION))
    sides = members.join(drawn, "component", "left").withColumn("split", F.coalesce("split", F.lit(TRAIN)))
    sides = materialise(sides, "sides")
    facts = {**_facts(found, members, sides, config), "validation_wanted": _by_category(quotas)}
    return Split(sides.select("example_id", "pair_id", "split"), facts)


def validation_quotas(supply: Mapping[Stratum, int], validation: float) -> dict[Stratum, int]:
    """Rows that each stratum gives to validation, in proportion to what it has.

    The number counts bare rows. The others, which only the chat messages have, give the same share on top, so that the
    bare rows are split the same whether messages are asked for or not.

    Raises:
        ConfigError: validation would take all rows.
    """
    bare = sum(count for (_, is_bare), count in supply.items() if is_bare)
    wanted = int(validation) if validation >= 1 else max(1, round(validation * bare))
    if wanted >= bare:
        raise ConfigError(
            f"package.validation={validation:g} takes {wanted:,} of {bare:,} rows and leaves none to train on; "
            "give a share such as 0.02, or a smaller number"
        )
    quotas = {}
    for is_bare in (True, False):
        part = {category: count for (category, of_bare), count in sorted(supply.items()) if of_bare is is_bare}
        rows = wanted if is_bare else round(wanted / bare * sum(part.values()))
        for category, quota in category_quotas(part, rows, part, "leave").items():
            quotas[category, is_bare] = quota
    return quotas


def with_component(texts: DataFrame, components: DataFrame) -> DataFrame:
    """Columns node, example_id, pair_id, category, is_bare and component; a row without company is its own."""
    named = texts.select("node", "example_id", "pair_id", "category", "is_bare").join(components, "node", "left")
    return named.withColumn("component", F.coalesce("component", "node"))


def draw_components(members: DataFrame, quotas: Mapping[Stratum, int]) -> DataFrame:
    """Column component: those that go to validation.

    A component belongs to the category of its first bare row, and counts its bare rows; one without bare rows to that
    of its first row. Components are taken in the order of a hash until the next would exceed the quota.

    Args:
        members: rows of `with_component`.
        quotas: rows to take of each stratum.
    """
    first = F.min_by("category", F.struct(~F.col("is_bare"), F.col("node")))
    sizes = members.groupBy("component").agg(
        F.max("is_bare").alias("is_bare"),
        first.alias("category"),
        F.count_if("is_bare").alias("bare_rows"),
        F.count("*").alias("rows"),
    )
    quota = _by_stratum(quotas)
    drawable = (
        sizes.withColumn("size", F.when(F.col("is_bare"), F.col("bare_rows")).otherwise(F.col("rows")))
        .withColumn("quota", quota)
        .where(F.col("size") <= F.greatest(F.lit(1), F.floor(F.col("quota") / LARGEST_PART)))
        # The component's own name would favour large ones: the smallest id of many is small.
        .withColumn("draw", F.xxhash64(F.lit(VALIDATION), F.substring_index("component", "|", 1)))
    )
    in_order = Window.partitionBy("category", "is_bare").orderBy("draw", "component")
    taken = F.sum("size").over(in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return drawable.withColumn("taken", taken).where("taken <= quota").select("component")


def _by_stratum(quotas: Mapping[Stratum, int]) -> Column:
    named = {f"{category}|{str(is_bare).lower()}": quota for (category, is_bare), quota in quotas.items()}
    stratum = F.concat_ws("|", F.col("category"), F.col("is_bare").cast("string"))
    return looked_up(named, stratum)


def _by_category(quotas: Mapping[Stratum, int]) -> dict[str, int]:
    return {category: quota for (category, is_bare), quota in quotas.items() if is_bare}


def _facts(found: DataFrame, members: DataFrame, sides: DataFrame, config: DeduplicateConfig) -> dict[str, Any]:
    sizes = members.groupBy("component").agg(F.count("*").alias("rows")).where("rows > 1")
    groups = sizes.agg(F.count("*"), F.sum("rows"), F.max("rows")).first()
    side = sides.select("node", "split")
    across = (
        found.join(side.toDF("left", "left_split"), "left")
        .join(side.toDF("right", "right_split"), "right")
        .where("left_split != right_split")
        .agg(F.max("jaccard"))
        .first()
    )
    return {
        "jaccard": config.threshold,
        "bands": config.bands,
        "rows_a_band": config.rows,
        "seed": config.seed,
        "expected_recall": config.expected_recall(config.threshold),
        "groups": groups[0] if groups else 0,
        "rows_in_groups": groups[1] or 0 if groups else 0,
        "largest_group": groups[2] or 1 if groups else 1,
        "looked_down_to": round(config.threshold - LOOKED_BELOW, 6),
        "largest_jaccard_across": across[0] if across else None,
    }


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
    parts = materialise(with_buckets(ranked, config), f"{kind}_parts")
    copies = materialise(equal_sets(parts), f"{kind}_copies")
    meetings = materialise(shared_buckets(parts), f"{kind}_meetings")
    # What falls to a kept row may still link two rows, so crowded buckets are compared in full as far as memory goes.
    whole = config.model_copy(update={"max_bucket": max(config.max_bucket, _COMPARED_ROWS)})
    pairs = similar_pairs(bucket_members(meetings, parts, copies), whole, TwinRules())
    equal = copies.select(F.col("leader").alias("left"), F.col("rank").alias("right"), F.lit(1.0).alias("jaccard"))
    similar = pairs.select(F.col("winner").alias("left"), F.col("loser").alias("right"), "jaccard")
    return materialise(equal.unionByName(similar), f"{kind}_similar")


def same_opening(texts: DataFrame) -> DataFrame:
    """Columns left, right: each row whose conversation opens like another's, with the smallest node of those."""
    openings = texts.select("node", F.xxhash64("opening").alias("opening"))
    first = openings.groupBy("opening").agg(F.min("node").alias("left"))
    return openings.join(first, "opening").where("left != node").select("left", F.col("node").alias("right"))
