"""Near-duplicate search with a proof: MinHashLSH proposes, exact Jaccard disposes, the best row stays.

1. Shingle every text once; texts with equal shingle sets collapse onto the best of them.
2. `MinHashLSH` signatures (Broder 1997), banded (Leskovec, Rajaraman, Ullman, "Mining of Massive
   Datasets", 3.4): rows that agree on all hashes of a band meet in a bucket.
3. All pairs of a bucket are compared by exact Jaccard. Comparing with one leader only leaks 31 % of the
   true pairs of real instructions.
4. Greedy maximal independent set in rank order, in rounds: a row is removed only by a better row that is
   itself kept. Connected components would remove C from A~B~C although nothing kept resembles it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.ml.feature import MinHashLSH
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from udfs.similarity import EDGE, SHINGLED, shingle_rows, verify_buckets

Materialise = Callable[[DataFrame, str], DataFrame]


@dataclass(frozen=True)
class NearDuplicates:
    """What the search found."""

    duplicates: DataFrame
    """Columns rank, kept_rank, jaccard, numbers_only: one row for each row that is removed."""
    pairs: int
    """Verified pairs of different shingle sets."""
    numbers_only: int
    """How many of those differ only in their numbers."""
    rounds: int


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
    rows = materialise(with_bands(shingle(texts), config), "shingled")
    copies = materialise(equal_sets(rows), "copies")
    leaders = rows.join(copies, "rank", "left_anti")
    edges = materialise(similar_pairs(leaders, config), "edges")
    counts = edges.agg(F.count("*"), F.count_if("numbers_only")).first()
    pairs, numbers_only = (int(counts[0]), int(counts[1])) if counts else (0, 0)
    if config.protect_numbers:
        edges = edges.where(~F.col("numbers_only"))
    fallen, rounds = _fallen(edges, materialise) if pairs else (edges.select(F.col("loser").alias("rank")), 0)
    witnessed = best_witness(edges, fallen)
    return NearDuplicates(_with_copies(witnessed, copies), pairs, numbers_only, rounds)


def shingle(texts: DataFrame) -> DataFrame:
    """Rows of `SHINGLED` for rows of (rank, text, threshold)."""
    return texts.select("rank", "text", "threshold").mapInArrow(shingle_rows, SHINGLED)


def with_bands(shingled: DataFrame, config: DeduplicateConfig) -> DataFrame:
    """Replace `features` by `bands`: one bucket key for each band, null for a text without shingles."""
    lsh = MinHashLSH(
        inputCol="features", outputCol="hashes", numHashTables=config.bands * config.rows, seed=config.seed
    )
    # fit only reads the dimension and draws the hash functions; one row tells it as much as all would.
    one_row = shingled.sparkSession.createDataFrame([(Vectors.sparse(2_038_074_742, [0], [1.0]),)], ["features"])
    hashed = lsh.fit(one_row).transform(shingled.where(F.col("features").isNotNull()))
    signature = F.transform("hashes", lambda table: vector_to_array(table)[0].cast("int"))
    keys = [
        F.xxhash64(F.lit(band), *(F.col("signature")[band * config.rows + row] for row in range(config.rows)))
        for band in range(config.bands)
    ]
    banded = hashed.withColumn("signature", signature).withColumn("bands", F.array(*keys))
    silent = shingled.where(F.col("features").isNull()).withColumn("bands", F.lit(None).cast("array<bigint>"))
    columns = ["rank", "threshold", "set_key", "numbers_key", "size", "shingles", "bands"]
    return banded.select(*columns).unionByName(silent.select(*columns))


def equal_sets(rows: DataFrame) -> DataFrame:
    """Columns rank, leader: each row whose shingle set a better row has too, and the best such row."""
    leaders = rows.groupBy("set_key").agg(F.min("rank").alias("leader"))
    return rows.select("rank", "set_key").join(leaders, "set_key").where("rank != leader").select("rank", "leader")


def similar_pairs(rows: DataFrame, config: DeduplicateConfig) -> DataFrame:
    """Columns winner, loser, jaccard, numbers_only: the verified pairs, each once, better row first."""
    keys = rows.where(F.col("bands").isNotNull()).select("rank", F.explode("bands").alias("key"), "bands")
    sizes = keys.groupBy("key").agg(F.count("*").alias("members"))
    small = sizes.where(F.col("members").between(2, config.max_bucket)).select("key")
    large = sizes.where(F.col("members") > config.max_bucket).select("key")
    # A bucket that large holds a template. Its rows meet again under a second band; at 0.8 and 12 x 3,
    # 99.7 % of twins share two bands, and only twins that share no smaller bucket depend on it.
    second = (
        keys.join(large, "key", "left_semi")
        .select("rank", F.col("key").alias("first"), F.explode("bands").alias("other"))
        .where("first < other")
        .select("rank", F.xxhash64("first", "other").alias("key"))
    )
    shared = second.groupBy("key").agg(F.count("*").alias("members")).where("members > 1").select("key")
    members = (
        keys.join(small, "key", "left_semi")
        .select("key", "rank")
        .unionByName(second.join(shared, "key", "left_semi").select("key", "rank"))
    )
    content = rows.select("rank", "threshold", "numbers_key", "size", "shingles")
    return (
        members.join(content, "rank")
        .select("key", "rank", "threshold", "numbers_key", "size", "shingles")
        .repartition("key")
        .sortWithinPartitions("key", "rank")
        .mapInArrow(verify_buckets(), EDGE)
        .distinct()
        .select(
            F.least("left", "right").alias("winner"),
            F.greatest("left", "right").alias("loser"),
            "jaccard",
            "numbers_only",
        )
    )


def _fallen(edges: DataFrame, materialise: Materialise) -> tuple[DataFrame, int]:
    """Column rank of every removed row, and the number of rounds it took.

    A row is decided kept when no better row next to it is undecided or kept; then its neighbours fall.
    """
    open_edges = edges.select("winner", "loser")
    fallen: DataFrame | None = None
    rounds = 0
    while True:
        rounds += 1
        decided = materialise(decide_round(open_edges), f"round_{rounds}")
        falls = decided.where("fell").select(F.col("loser").alias("rank"))
        fallen = falls if fallen is None else fallen.unionByName(falls)
        open_edges = decided.where("not fell").select("winner", "loser")
        if open_edges.isEmpty():
            return fallen.distinct(), rounds


def decide_round(open_edges: DataFrame) -> DataFrame:
    """One round: columns winner, loser, fell.

    Edges whose winner is now kept come back with `fell` true; those between two rows that are still
    undecided with `fell` false; the others, settled by a row that fell, are gone.
    """
    losers = open_edges.select(F.col("loser").alias("rank")).distinct()
    kept = open_edges.select(F.col("winner").alias("rank")).distinct().join(losers, "rank", "left_anti")
    marked = open_edges.join(
        kept.select(F.col("rank").alias("winner"), F.lit(True).alias("winner_kept")), "winner", "left"
    ).withColumn("fell", F.coalesce("winner_kept", F.lit(False)))
    falls = marked.where("fell").select(F.col("loser").alias("rank")).distinct()
    undecided = (
        marked.where("not fell")
        .join(falls.select(F.col("rank").alias("loser")), "loser", "left_anti")
        .join(falls.select(F.col("rank").alias("winner")), "winner", "left_anti")
    )
    columns = ["winner", "loser", "fell"]
    return marked.where("fell").select(*columns).unionByName(undecided.select(*columns))


def best_witness(edges: DataFrame, fallen: DataFrame) -> DataFrame:
    """Columns rank, kept_rank, jaccard, numbers_only: each fallen row with the best kept row next to it."""
    kept_edges = edges.join(fallen.select(F.col("rank").alias("loser")), "loser", "left_semi").join(
        fallen.select(F.col("rank").alias("winner")), "winner", "left_anti"
    )
    best = F.min(F.struct("winner", "jaccard", "numbers_only")).alias("best")
    return (
        kept_edges.groupBy(F.col("loser").alias("rank"))
        .agg(best)
        .select("rank", F.col("best.winner").alias("kept_rank"), "best.jaccard", "best.numbers_only")
    )


def _with_copies(witnessed: DataFrame, copies: DataFrame) -> DataFrame:
    # A copy shares the fate of its leader: same witness and same Jaccard, or the leader itself at 1.0.
    leader_fate = witnessed.withColumnRenamed("rank", "leader")
    fates = copies.join(leader_fate, "leader", "left").select(
        "rank",
        F.coalesce("kept_rank", "leader").alias("kept_rank"),
        F.coalesce("jaccard", F.lit(1.0)).alias("jaccard"),
        F.coalesce("numbers_only", F.lit(False)).alias("numbers_only"),
    )
    return witnessed.unionByName(fates)
