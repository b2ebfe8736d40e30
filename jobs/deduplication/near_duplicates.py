"""Near-duplicate search with a proof: MinHashLSH proposes, exact Jaccard disposes, the best row stays.

1. Shingle every text once. Its shingles are cut into as many parts as there are bands, by their hashes.
2. `MinHashLSH` signatures of the parts (Broder 1997): rows that agree on all min-hashes of a band meet in a bucket
   (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4). A band that looks at its own part only is as
   likely to agree as one that looks at all shingles, for a fraction of the work (Li, Owen, Zhang 2012).
3. Texts with equal shingle sets collapse onto the best of them.
4. All pairs of a bucket are compared by exact Jaccard. Comparing with one leader only leaks 31 % of the
   true pairs of real instructions. Of a crowded bucket all those are that decide.
   Twins resemble each other in their last turn too, because a long history makes any two questions after it alike,
   and without the shingles that their sources' rows share, where `common_shingle_share` says which those are.
5. One walk over the pairs in rank order: a row is removed only by a better row that is itself kept. Connected
   components would remove C from A~B~C although nothing kept resembles it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from jobs.deduplication.buckets import OF_TEXT, equal_sets, shared_buckets, with_buckets
from jobs.deduplication.reference import Reference, fallen_to
from udfs.common_shingles import COMMON, SAMPLED_TEXTS, count_common
from udfs.shingled_rows import TwinRules
from udfs.shingles import Shingles
from udfs.similarity import EDGE, verify_buckets
from udfs.walk import FALLEN, walk

Materialise = Callable[[DataFrame, str], DataFrame]
Lost = Callable[[DataFrame], DataFrame]
"""From rows of (rank), each once, those that come behind all others, whatever their rank says."""


_FEW_MEMBERS = 10_000
"""Members of buckets up to which all of them are asked about at once: telling twins from others first takes more."""


@dataclass(frozen=True)
class NearDuplicates:
    """What the search found."""

    duplicates: DataFrame
    """Columns of `udfs.walk.FALLEN`: one row for each row that is removed."""
    pairs: int
    """Verified pairs of different shingle sets; of a bucket over `max_bucket` only those that decide."""
    numbers_only: int
    """How many of those differ only in their numbers."""
    of_reference: DataFrame | None = None
    """The same columns and `twin_text`: the rows that fall to a row of the reference, `kept_rank` being its id. Null
    where there is no reference."""


def find_near_duplicates(
    texts: DataFrame,
    config: DeduplicateConfig,
    materialise: Materialise,
    reference: Reference | None = None,
    lost: Lost | None = None,
) -> NearDuplicates:
    """Name, for every row that has a better twin, the best kept twin and their exact similarity.

    Args:
        texts: columns `rank` (string, unique; of two twins the one that sorts first stays), `text` (not
            null) and `threshold` (double, at least `config.threshold`; a pair must reach both). Where they are known
            also `turn_start`, how many characters stand before the last turn, and `source`.
        config: threshold and banding.
        materialise: stores a frame under a name and gives back a frame that reads it.
        reference: rows that are published already; what resembles one of them falls before all else.
        lost: asked about rows that have a twin, as its answer is too dear to be had for every row; of few rows about
            those that share a bucket.

    Returns:
        The removed rows, and counts for the report. Where `lost` is given, their ranks have one more part in front.
    """
    parts = materialise(with_buckets(texts, config), "parts")
    rules = TwinRules(config.turn_threshold, common_shingles(parts, config.common_shingle_share))
    of_reference = None
    if reference is not None:
        copies = materialise(equal_sets(parts), "all_copies")
        of_reference = materialise(_of_reference(reference, parts, copies, config, rules), "of_reference")
        parts = parts.join(of_reference.select("rank"), "rank", "left_anti")
    meetings = materialise(shared_buckets(parts), "meetings")
    rows = parts.where("rank is not null")
    crowded = meetings.groupBy("bucket").count().where(F.col("count") > config.max_bucket).select("bucket")
    members_met, most = _sizes(meetings)
    asks_twins = lost is not None and members_met > _FEW_MEMBERS
    if lost is not None:
        # Which of equal texts stands for all of them, and how a crowded bucket is walked, their ranks decide.
        first = meetings.join(crowded, "bucket", "left_semi") if asks_twins else meetings
        rows = placed(rows, "rank", materialise(lost(_with_copies_or_in(first, rows)), "lost"))
    copies = materialise(equal_sets(rows), "copies")
    members = bucket_members(meetings, rows, copies)
    edges = materialise(verified_pairs(members, config, rules), "edges")
    if lost is not None and asks_twins:
        edges = materialise(_turned(edges, materialise(lost(_ends(edges)), "lost_of_pairs")), "turned")
    fallen = materialise(who_falls(edges, config), "fallen")
    if most > config.max_bucket:
        edges, fallen = _settled(
            members.join(crowded, "bucket", "left_semi"), edges, fallen, config, rules, materialise
        )
    counts = edges.agg(F.count("*"), F.count_if("numbers_only")).first()
    pairs, numbers_only = (int(counts[0]), int(counts[1])) if counts else (0, 0)
    return NearDuplicates(_with_copies(fallen, copies), pairs, numbers_only, of_reference)


def _of_reference(
    reference: Reference, parts: DataFrame, copies: DataFrame, config: DeduplicateConfig, rules: TwinRules
) -> DataFrame:
    leaders = parts.where("rank is not null").join(copies, "rank", "left_anti")
    fallen = fallen_to(reference, parts, leaders, config.threshold, rules)
    if config.protect_numbers:
        fallen = fallen.where(~F.col("numbers_only") | (F.col("jaccard") == 1.0))
    of_copies = (
        copies.select("rank", "leader").join(fallen.withColumnRenamed("rank", "leader"), "leader").drop("leader")
    )
    texts = reference.rows.select(F.col("id").alias("kept_rank"), F.col("text").alias("twin_text"))
    return fallen.unionByName(of_copies).join(texts, "kept_rank")


def _settled(
    crowded: DataFrame,
    edges: DataFrame,
    fallen: DataFrame,
    config: DeduplicateConfig,
    rules: TwinRules,
    materialise: Materialise,
) -> tuple[DataFrame, DataFrame]:
    """Edges and fallen rows with which no two kept rows of a crowded bucket are twins.

    The walk within such a bucket takes its best row for kept. Where that has fallen to a row outside, those that fell
    to it stand up again and are compared among each other: once or twice, until there is nothing more to find. The
    kept rows are then those that all pairs would leave, because there is only one such set.
    """
    round = 0
    while True:
        round += 1
        left = crowded.join(fallen.select("rank"), "rank", "left_anti")
        more = materialise(_decisive(verified_pairs(left, config, rules), config), f"edges_{round}")
        if more.isEmpty():
            return edges, fallen
        edges = materialise(edges.unionByName(more), f"all_edges_{round}")
        fallen = materialise(who_falls(edges, config), f"fallen_{round}")


def common_shingles(parts: DataFrame, share: float | None) -> dict[str, Shingles]:
    """Source -> shingles that more than that share of its different texts have; see `udfs.common_shingles`.

    Counted over at most `SAMPLED_TEXTS` of a source, the first in the order of their hashes.
    """
    if share is None:
        return {}
    texts = parts.where("rank is not null").dropDuplicates(["source", "set_key"])
    place = F.row_number().over(Window.partitionBy("source").orderBy("node", "set_key"))
    sample = texts.select("source", "text", place.alias("place")).where(F.col("place") <= SAMPLED_TEXTS)
    by_source = sample.select("source", "text").repartition("source").sortWithinPartitions("source")
    found = by_source.mapInArrow(count_common(share), COMMON).collect()
    return {row["source"]: np.frombuffer(bytes(row["shingles"]), dtype=np.uint64) for row in found}


def _sizes(meetings: DataFrame) -> tuple[int, int]:
    """Members of all buckets together, and of the largest."""
    sizes = meetings.groupBy("bucket").count().agg(F.sum("count"), F.max("count")).first()
    return (sizes[0] or 0, sizes[1] or 0) if sizes else (0, 0)


def _with_copies_or_in(meetings: DataFrame, rows: DataFrame) -> DataFrame:
    """Column rank: the rows of texts that several rows have, and of those that are in a bucket here."""
    of_copies = rows.groupBy("node").count().where("count > 1").select("node")
    return rows.join(of_copies.union(meetings.select("node")), "node", "left_semi").select("rank")


def placed(rows: DataFrame, column: str, lost: DataFrame) -> DataFrame:
    """The same rows, with a 1 before the ranks that are lost and a 0 before all others, so that these sort first.

    Args:
        rows: a column of ranks, and others.
        column: the ranks.
        lost: column rank, each once.
    """
    found = rows.join(lost.select(F.col("rank").alias(column), F.lit("1").alias("_place")), column, "left")
    return found.withColumn(column, F.concat_ws("|", F.coalesce("_place", F.lit("0")), column)).drop("_place")


def _ends(edges: DataFrame) -> DataFrame:
    """Column rank, without its place: the rows of the pairs, each once."""
    ends = edges.select(F.col("winner").alias("rank")).union(edges.select("loser")).distinct()
    return ends.select(_without_place("rank").alias("rank"))


def _turned(edges: DataFrame, lost: DataFrame) -> DataFrame:
    """The same pairs, a row that is lost now the loser where the other is not."""
    for column in ("winner", "loser"):
        edges = placed(edges.withColumn(column, _without_place(column)), column, lost)
    better, worse = F.least("winner", "loser"), F.greatest("winner", "loser")
    return edges.withColumns({"winner": better, "loser": worse})


def _without_place(rank: str) -> Column:
    return F.regexp_replace(rank, r"^\d\|", "")


def bucket_members(meetings: DataFrame, rows: DataFrame, copies: DataFrame) -> DataFrame:
    """Columns bucket and those of a text: what is to be compared, copies of a better row left out."""
    leaders = rows.join(copies, "rank", "left_anti")
    return meetings.join(leaders.select("node", *OF_TEXT), "node").drop("node")


def verified_pairs(members: DataFrame, config: DeduplicateConfig, rules: TwinRules) -> DataFrame:
    """Columns of `udfs.similarity.EDGE`, but winner for left and loser for right: the verified pairs, each once."""
    return (
        members.repartition("bucket")
        .sortWithinPartitions("bucket", "rank")
        .mapInArrow(verify_buckets(config.max_bucket, config.protect_numbers, rules), EDGE)
        .distinct()
        .withColumnsRenamed({"left": "winner", "right": "loser"})
    )


def who_falls(edges: DataFrame, config: DeduplicateConfig) -> DataFrame:
    """Columns of `udfs.walk.FALLEN`: each row with a better twin that is kept, and the best such.

    One task sees all pairs, sorted by their worse row; ten million take it a few seconds.
    """
    sorted_edges = _decisive(edges, config).repartition(1).sortWithinPartitions("loser", "winner")
    return sorted_edges.mapInArrow(walk, FALLEN)


def _decisive(edges: DataFrame, config: DeduplicateConfig) -> DataFrame:
    return edges.where(~F.col("numbers_only")) if config.protect_numbers else edges


def _with_copies(fallen: DataFrame, copies: DataFrame) -> DataFrame:
    # A copy shares the fate of its leader: same witness and same Jaccard, or the leader itself at 1.0.
    leader_fate = fallen.withColumnRenamed("rank", "leader")
    fates = copies.join(leader_fate, "leader", "left").select(
        "rank",
        F.coalesce("kept_rank", "leader").alias("kept_rank"),
        F.coalesce("jaccard", F.lit(1.0)).alias("jaccard"),
        F.when(F.col("kept_rank").isNull() & F.col("has_turns"), 1.0)
        .otherwise(F.col("turn_jaccard"))
        .alias("turn_jaccard"),
        "own_jaccard",
        F.coalesce("numbers_only", F.lit(False)).alias("numbers_only"),
    )
    return fallen.unionByName(fates)
