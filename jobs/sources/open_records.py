"""Opening source files as records: split by Spark where it can, else each as a stream in one task."""

from collections.abc import Callable, Mapping, Sequence

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, FloatType

from jobs.config.paths import literal
from jobs.sources.listing import local_path
from jobs.sources.source_file import SourceFile
from schemas.tables import RECORD
from udfs.arrow_groups import ArrowBatches
from udfs.column_functions import looked_up
from udfs.numbered_lines import numbered
from udfs.reading import FileOptions, split_contents, split_files, split_tables

Splitter = Callable[[ArrowBatches], ArrowBatches]


def open_records(spark: SparkSession, files: Sequence[SourceFile]) -> DataFrame:
    """Rows of `RECORD` for all files: each record's bytes and its position, however the file is split."""
    lines = {f.path: f.options for f in files if f.is_split and f.container == "json_lines"}
    tables = {f.path: f.options for f in files if f.is_split and f.container == "parquet"}
    here = {f.path: f.options for f in files if not f.is_split and f.is_here}
    elsewhere = {f.path: f.options for f in files if not f.is_split and not f.is_here}
    ours = {f.path for f in files if f.is_here}
    parts = []
    if here:
        parts.append(_whole_files(spark, here))
    if elsewhere:
        parts.append(content_records(spark, elsewhere))
    if lines:
        parts.append(_line_records(spark, lines))
    others: dict[str, FileOptions] = {}
    for path, options in tables.items():
        try:
            parts.append(_limited(parquet_records(spark, path), {path: options}))
        except (PySparkException, Py4JError):
            # Two columns that differ in case only, or a type that Spark does not know: we read it ourselves.
            if path not in ours:
                raise
            others[path] = options
    if others:
        parts.append(_whole_files(spark, others, split_tables))
    records = parts[0]
    for part in parts[1:]:
        records = records.unionByName(part)
    return records


def _whole_files(
    spark: SparkSession, options: Mapping[str, FileOptions], split: Callable[..., Splitter] = split_files
) -> DataFrame:
    """Records of files of this machine, each opened by the task that reads it and never held as a whole."""
    paths = spark.createDataFrame([(path,) for path in options], "file string")
    spread = paths if len(options) == 1 else paths.repartition(len(options), "file")
    return spread.mapInArrow(split({path: (local_path(path) or path, options[path]) for path in options}), RECORD)


def content_records(spark: SparkSession, options: Mapping[str, FileOptions]) -> DataFrame:
    """Records of files that only Spark can open."""
    contents = (
        spark.read.format("binaryFile")
        .load([literal(path) for path in options])
        .select(F.col("path").alias("file"), "content")
    )
    return contents.mapInArrow(split_contents(options), RECORD)


def numbered_lines(
    spark: SparkSession,
    paths: Sequence[str],
    parse: Callable[[ArrowBatches], ArrowBatches] = iter,
    columns: str = "record binary, reason string",
) -> DataFrame:
    """The lines of text files that are not blank, each with its place in its file, however that is split.

    Args:
        spark: the session.
        paths: of the files.
        parse: what becomes of lines where they are numbered, so that they go to Python once: from rows of (file,
            block, ordinal, record, reason) to rows of (file, block, ordinal) and `columns`.
        columns: what it makes of a line, in Spark's notation. Without it that is the line itself: `record` (bytes
            without the line end) and `reason` (`too_long` for a line of which only the first bytes are here, else
            null).

    Returns:
        Columns file, position (from 0; blank lines count) and `columns`.
    """
    lines = (
        spark.read.option("lineSep", "\n")
        .text(list(paths))
        .select(
            F.col("_metadata.file_path").alias("file"),
            F.col("_metadata.file_block_start").alias("block"),
            F.col("value").cast("binary").alias("record"),
        )
    )
    counts = lines.groupBy("file", "block").agg(F.count("*").alias("lines"))
    earlier = counts.select("file", F.col("block").alias("earlier"), F.col("lines").alias("earlier_lines"))
    starts = (
        counts.join(earlier, "file")
        .groupBy("file", "block")
        .agg(F.sum(F.when(F.col("earlier") < F.col("block"), F.col("earlier_lines")).otherwise(0)).alias("start"))
    )
    parsed = lines.mapInArrow(numbered(parse), f"file string, block bigint, ordinal bigint, {columns}")
    found = [name for name in parsed.columns if name not in ("file", "block", "ordinal")]
    place = (F.col("start") + F.col("ordinal")).alias("position")
    return parsed.join(F.broadcast(starts), ["file", "block"]).select("file", place, *found)


def _line_records(spark: SparkSession, options: Mapping[str, FileOptions]) -> DataFrame:
    lines = numbered_lines(spark, [literal(path) for path in options])
    # The metadata column encodes what the listing does not; a plus sign is itself there, but not to url_decode.
    path = F.url_decode(F.replace("file", F.lit("+"), F.lit("%2B")))
    return _limited(lines.withColumn("file", path), options)


def parquet_records(spark: SparkSession, path: str) -> DataFrame:
    """Rows of a Parquet file as records.

    A column store has no bytes of a record; its JSON rendering, nulls included, stands for them.
    """
    rows = spark.read.parquet(literal(path))
    numbers = [field.name for field in rows.schema if isinstance(field.dataType, (DoubleType, FloatType))]
    cells = [_without_nan(name) if name in numbers else F.col(f"`{_quoted(name)}`") for name in rows.columns]
    record = F.to_json(F.struct(*cells), {"ignoreNullFields": "false"}).cast("binary")
    return rows.select(
        F.lit(path).alias("file"),
        F.col("_metadata.row_index").alias("position"),
        record.alias("record"),
        F.lit(None).cast("string").alias("reason"),
    )


def _without_nan(name: str) -> Column:
    """A column of numbers with null for NaN, which JSON would hold as a text."""
    cell = F.col(f"`{_quoted(name)}`")
    return F.when(~F.isnan(cell), cell).alias(name)


def _quoted(name: str) -> str:
    return name.replace("`", "``")


def _limited(records: DataFrame, options: Mapping[str, FileOptions]) -> DataFrame:
    """Name the source of each record and keep the first `limit` of each file."""
    named = records.withColumn("source", looked_up({path: given.source for path, given in options.items()}, "file"))
    limit = next(iter(options.values())).limit
    return (named if limit is None else named.where(F.col("position") < limit)).select(*RECORD.fieldNames())
