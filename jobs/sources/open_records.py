"""Opening source files as records: split by Spark where it can, else each as a stream in one task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, FloatType, StructType

from jobs.config.paths import literal
from jobs.sources.listing import local_path
from jobs.sources.source_file import SourceFile
from schemas.tables import RECORD
from udfs.arrow_groups import ArrowBatches
from udfs.column_functions import looked_up
from udfs.numbered_lines import numbered
from udfs.parquet_head import is_brotli, rows_of_table
from udfs.reading import FileOptions, OnBatches, ReadFile, records_of, split_contents, split_files, split_lines


@dataclass(frozen=True)
class Parsing:
    """What becomes of records where they are read, so that they go to Python once."""

    parse: OnBatches = iter
    """From rows of `RECORD` to one row for each, in order."""
    schema: StructType = RECORD
    """Of these rows, which have the columns of `RECORD` too."""


def open_records(spark: SparkSession, files: Sequence[SourceFile], parsing: Parsing = Parsing()) -> DataFrame:
    """Rows of `RECORD` for all files, each record's bytes and its position, however the file is split; or parsed."""
    lines = {f.path: f.options for f in files if f.is_split and f.container == "json_lines"}
    tables = {f.path: f.options for f in files if f.is_split and f.container == "parquet"}
    here = {f.path: f.options for f in files if not f.is_split and f.is_here}
    elsewhere = {f.path: f.options for f in files if not f.is_split and not f.is_here}
    ours = {f.path for f in files if f.is_here}
    parts = []
    if here:
        parts.append(_whole_files(spark, here, parsing))
    if elsewhere:
        parts.append(content_records(spark, elsewhere, parsing))
    if lines:
        parts.append(_line_records(spark, lines, parsing))
    parts.extend(_table(spark, path, options, parsing, is_here=path in ours) for path, options in tables.items())
    return reduce(DataFrame.unionByName, parts)


def _whole_files(
    spark: SparkSession, options: Mapping[str, FileOptions], parsing: Parsing, read: ReadFile = records_of
) -> DataFrame:
    """Records of files of this machine, each opened by the task that reads it and never held as a whole."""
    paths = spark.createDataFrame([(path,) for path in options], "file string")
    spread = paths if len(options) == 1 else paths.repartition(len(options), "file")
    files = {path: (local_path(path) or path, options[path]) for path in options}
    return spread.mapInArrow(split_files(files, parsing.parse, read), parsing.schema)


def _table(spark: SparkSession, path: str, options: FileOptions, parsing: Parsing, *, is_here: bool) -> DataFrame:
    """Records of a Parquet file; one that Spark does not take we read ourselves where it is on this machine."""
    given = {path: options}
    if is_here and is_brotli(local_path(path) or path):
        return _whole_files(spark, given, parsing, rows_of_table)
    try:
        rows = _limited(_with_source(parquet_records(spark, path), given), given, RECORD)
    except (PySparkException, Py4JError):
        # Two columns that differ in case only, or a type that Spark does not know.
        if not is_here:
            raise
        return _whole_files(spark, given, parsing, rows_of_table)
    return rows if parsing.schema is RECORD else rows.mapInArrow(parsing.parse, parsing.schema)


def content_records(
    spark: SparkSession,
    options: Mapping[str, FileOptions],
    parsing: Parsing = Parsing(),
) -> DataFrame:
    """Records of files that only Spark can open."""
    contents = (
        spark.read.format("binaryFile")
        .load([literal(path) for path in options])
        .select(F.col("path").alias("file"), "content")
    )
    return contents.mapInArrow(split_contents(options, parsing.parse), parsing.schema)


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
        Columns file (its path as Spark encodes it), position (from 0; blank lines count) and `columns`.
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


def _line_records(spark: SparkSession, options: Mapping[str, FileOptions], parsing: Parsing) -> DataFrame:
    fields = (field for field in parsing.schema if field.name not in ("file", "position"))
    columns = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in fields)
    lines = numbered_lines(spark, [literal(path) for path in options], split_lines(options, parsing.parse), columns)
    # The metadata column encodes what the listing does not; a plus sign is itself there, but not to url_decode.
    path = F.url_decode(F.replace("file", F.lit("+"), F.lit("%2B")))
    return _limited(lines.withColumn("file", path), options, parsing.schema)


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


def _with_source(records: DataFrame, options: Mapping[str, FileOptions]) -> DataFrame:
    return records.withColumn("source", looked_up({path: given.source for path, given in options.items()}, "file"))


def _limited(records: DataFrame, options: Mapping[str, FileOptions], schema: StructType) -> DataFrame:
    """The columns of a schema, and of each file the first `limit` records."""
    limit = next(iter(options.values())).limit
    return (records if limit is None else records.where(F.col("position") < limit)).select(*schema.fieldNames())
