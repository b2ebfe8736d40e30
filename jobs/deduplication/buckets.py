"""Buckets of rows that may be twins: min-hash signatures of the parts of their shingle sets, band by band.

`pyspark.ml` and the pandas that it brings take a second to load, so only a search loads them, and no worker does.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, DoubleType, IntegerType, LongType, StringType, StructField, StructType

from jobs.config.deduplicate import DeduplicateConfig
from schemas.vectors import VectorUDT
from udfs.similarity import drop_lonely, shingle_parts

OF_TEXT = ("rank", "threshold", "text", "turn_start", "source")
_PARTS = (
    StructField("rank", StringType()),
    StructField("threshold", DoubleType()),
    StructField("text", StringType()),
    StructField("turn_start", IntegerType()),
    StructField("source", StringType()),
    StructField("set_key", BinaryType()),
    StructField("node", LongType()),
)


def with_buckets(texts: DataFrame, config: DeduplicateConfig) -> DataFrame:
    """Columns rank, threshold, text, turn_start, source, set_key, node, bucket: a row for each bucket of a text.

    Only the first row of a text has more than the last two columns. Texts with equal shingle sets, and equal ones of
    their last turns, have the same set_key and the same node.
    """
    from pyspark.ml.feature import MinHashLSH
    from pyspark.ml.functions import array_to_vector

    lsh = MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=config.rows, seed=config.seed)
    # fit draws the hash functions and looks at nothing else, so any vector will do.
    model = lsh.fit(texts.sparkSession.range(1).select(array_to_vector(F.array(F.lit(1.0))).alias("features")))
    unknown = {"turn_start": F.lit(0), "source": F.lit("")}
    more = [F.col(name) if name in texts.columns else value.alias(name) for name, value in unknown.items()]
    parts = texts.select("rank", "text", "threshold", *more).mapInArrow(
        shingle_parts(config.bands), StructType([*_PARTS, StructField("features", VectorUDT())])
    )
    bucket = F.xxhash64("hashes").alias("bucket")
    return model.transform(parts).select(*OF_TEXT, "set_key", "node", bucket)


def equal_sets(rows: DataFrame) -> DataFrame:
    """Columns rank, leader, has_turns: each row whose shingle set a better row has too, and the best such row.

    Args:
        rows: of `with_buckets`; those without a rank count for nothing.
    """
    best = F.min("rank").over(Window.partitionBy("set_key")).alias("leader")
    ranked = rows.where("rank is not null").select("rank", best, (F.col("turn_start") > 0).alias("has_turns"))
    return ranked.where("rank != leader")


def shared_buckets(parts: DataFrame) -> DataFrame:
    """Columns bucket, node: the members of each bucket of two or more; one bucket for all with the same members."""
    keys = parts.select("bucket", "node").repartition("bucket").sortWithinPartitions("bucket")
    return keys.mapInArrow(drop_lonely, "bucket bigint, node bigint").distinct()
