"""Near-duplicate search with a proof: MinHashLSH proposes, exact Jaccard disposes, the best row stays.

1. Shingle every text once. Its shingles are cut into as many parts as there are bands, by their hashes.
2. `MinHashLSH` signatures of the parts (Broder 1997): rows that agree on all min-hashes of a band meet in a bucket
   (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4). A band that looks at its own part only is as
   likely to agree as one that looks at all shingles, for a fraction of the work (Li, Owen, Zhang 2012).
3. Texts with equal shingle sets collapse onto the best of them.
4. All pairs of a bucket are compared by exact Jaccard. Comparing with one leader only leaks 31 % of the
   true pairs of real instructions. Of a crowded bucket all those are that decide.
5. One walk over the pairs in rank order: a row is removed only by a better row that is itself kept. Connected
   components would remove C from A~B~C although nothing kept resembles it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.ml.feature import MinHashLSH
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, DoubleType, LongType, StringType, StructField, StructType

from jobs.config.deduplicate import DeduplicateConfig
from udfs.similarity import EDGE, drop_lonely, shingle_parts, verify_buckets
from udfs.walk import FALLEN, walk

Materialise = Callable[[DataFrame, str], DataFrame]

_PARTS = StructType(
    [
        StructField("rank", StringType()),
        StructField("threshold", DoubleType()),
        StructField("text", StringType()),
        StructField("set_key", BinaryType()),
        StructField("node", LongType()),
        StructField("features", VectorUDT()),
    ]
)


@dataclass(frozen=True)
class NearDuplicates:
    """What the search found."""

    duplicates: DataFrame
    """Columns rank, kept_rank, jaccard, numbers_only: one row for each row that is removed."""
    pairs: int
    """Verified pairs of different shingle sets; of a bucket over `max_bucket` only those that decide."""
    numbers_only: int
    """How many of those differ only in their numbers."""


def find_near_duplicates(texts: DataFrame, config: DeduplicateConfig, materialise: Materialise) -> NearDuplicates:
    """Name, for every row that has a better twin, the best kept twin and their exact similarity.

    Args:
        texts: columns `rank` (string, unique; of two twins the one that sorts first stays), `text` (not
            null) and `threshold` (double, at least `config.threshold`; a pair must reach both).
        config: threshold and banding.
        materialise: stores a frame under a name and gives back a frame that reads it.

    Returns:
        The removed rows, and counts for the report.
    """
    parts = materialise(with_buckets(texts, config), "parts")
    copies = materialise(equal_sets(parts), "copies")
    meetings = materialise(shared_buckets(parts), "meetings")
    members = bucket_members(meetings, parts, copies)
    edges = materialise(verified_pairs(members, config), "edges")
    fallen = materialise(who_falls(edges, config), "fallen")
    crowded = meetings.groupBy("bucket").count().where(F.col("count") > config.max_bucket).select("bucket")
    if not crowded.isEmpty():
        edges, fallen = _settled(members.join(crowded, "bucket", "left_semi"), edges, fallen, config, materialise)
    counts = edges.agg(F.count("*"), F.count_if("numbers_only")).first()
    pairs, numbers_only = (int(counts[0]), int(counts[1])) if counts else (0, 0)
    return NearDuplicates(_with_copies(fallen, copies), pairs, numbers_only)


def _settled(
    crowded: DataFrame, edges: DataFrame, fallen: DataFrame, config: DeduplicateConfig, materialise: Materialise
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
        more = materialise(_decisive(verified_pairs(left, config), config), f"edges_{round}")
        if more.isEmpty():
            return edges, fallen
        edges = materialise(edges.unionByName(more), f"all_edges_{round}")
        fallen = materialise(who_falls(edges, config), f"fallen_{round}")


def with_buckets(texts: DataFrame, config: DeduplicateConfig) -> DataFrame:
    """Columns rank, threshold, text, set_key, node, bucket: a row for each bucket that a text falls into.

    Only the first row of a text has its first four columns. Texts with equal shingle sets have the same set_key and
    the same node.
    """
    lsh = MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=config.rows, seed=config.seed)
    # fit draws the hash functions and looks at nothing else, so any vector will do.
    model = lsh.fit(texts.sparkSession.range(1).select(array_to_vector(F.array(F.lit(1.0))).alias("features")))
    parts = texts.select("rank", "text", "threshold").mapInArrow(shingle_parts(config.bands), _PARTS)
    bucket = F.xxhash64("hashes").alias("bucket")
    return model.transform(parts).select("rank", "threshold", "text", "set_key", "node", bucket)


def equal_sets(parts: DataFrame) -> DataFrame:
    """Columns rank, leader: each row whose shingle set a better row has too, and the best such row."""
    best = F.min("rank").over(Window.partitionBy("set_key")).alias("leader")
    return parts.where("rank is not null").select("rank", best).where("rank != leader")


def shared_buckets(parts: DataFrame) -> DataFrame:
    """Columns bucket, node: the members of each bucket of two or more; one bucket for all with the same members."""
    keys = parts.select("bucket", "node").repartition("bucket").sortWithinPartitions("bucket")
    return keys.mapInArrow(drop_lonely, "bucket bigint, node bigint").distinct()


def bucket_members(meetings: DataFrame, parts: DataFrame, copies: DataFrame) -> DataFrame:
    """Columns bucket, rank, threshold, text: what is to be compared, copies of a better row left out."""
    leaders = parts.where("rank is not null").join(copies, "rank", "left_anti")
    return meetings.join(leaders.select("node", "rank", "threshold", "text"), "node").drop("node")


def verified_pairs(members: DataFrame, config: DeduplicateConfig) -> DataFrame:
    """Columns winner, loser, jaccard, numbers_only: the verified pairs, each once, better row first."""
    return (
        members.repartition("bucket")
        .sortWithinPartitions("bucket", "rank")
        .mapInArrow(verify_buckets(config.max_bucket, config.protect_numbers), EDGE)
        .distinct()
        .withColumnsRenamed({"left": "winner", "right": "loser"})
    )


def who_falls(edges: DataFrame, config: DeduplicateConfig) -> DataFrame:
    """Columns rank, kept_rank, jaccard, numbers_only: each row with a better twin that is kept, and the best such.

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
        F.coalesce("numbers_only", F.lit(False)).alias("numbers_only"),
    )
    return fallen.unionByName(fates)
