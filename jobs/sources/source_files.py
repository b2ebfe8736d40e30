"""The files of each source: found, looked at, and opened as records."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.config.settings import IngestConfig, SourceConfig
from schemas.errors import ConfigError, SourceFormatError
from schemas.tables import RECORD
from udfs.column_functions import looked_up
from udfs.containers import Container, detect_container
from udfs.formats.detect import Detection, detect_format
from udfs.formats.parse import ParseOptions, parse_record, tree_key
from udfs.reading import FileOptions, number_lines, split_whole_files
from udfs.records import read_whole_file

MAX_WHOLE_FILE_BYTES = 1 << 30
"""A file that Spark cannot split passes through one task as one value; two of them must fit the heap."""

_HEAD_RECORDS = 20
_HEAD_FRAGMENTS = 200


@dataclass(frozen=True)
class SourceFile:
    """One file, and how it is to be read."""

    path: str
    size: int
    modified: str
    container: Container
    options: FileOptions
    is_message_rows: bool = False
    """Rows are single messages (OpenAssistant), to be joined into trees."""


def list_files(spark: SparkSession, source: SourceConfig) -> list[tuple[str, int, str]]:
    """Path, bytes and time of change of every file of a source, sorted by path.

    Raises:
        ConfigError: a path matches nothing, all its files are empty, or the source has no path yet.
    """
    if not source.paths:
        raise ConfigError(
            f"source {source.name}: {source.hub or ', '.join(source.urls)} is not on this machine; type `phase0 fetch`"
        )
    try:
        listing = spark.read.format("binaryFile").load(list(source.paths))
        rows = listing.select("path", "length", "modificationTime").collect()
    except AnalysisException as error:
        raise ConfigError(f"source {source.name}: no such file: {', '.join(source.paths)}") from error
    if not rows:  # Spark does not list files without a byte
        raise ConfigError(f"source {source.name}: there is nothing in {', '.join(source.paths)}")
    return sorted((row["path"], int(row["length"]), str(row["modificationTime"])) for row in rows)


def literal(path: str) -> str:
    """The path of one file as a glob that matches nothing else."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", path)


def inspect_source(spark: SparkSession, source: SourceConfig, ingest: IngestConfig) -> list[SourceFile]:
    """Look at the first records of each file of a source and settle how it is read.

    Raises:
        ConfigError: there is no such file.
        SourceFormatError: a file is not what the configuration says, or cannot be read at all.
    """
    found = []
    for path, size, modified in list_files(spark, source):
        container, records = read_head(spark, path, size)
        name: str = source.format
        fields = dict(source.fields)
        if name == "auto" and records:
            detection = _detect(path, records)
            name = detection.format
            fields = fields or dict(detection.fields)
        parse = ParseOptions(
            format="jsonl" if name == "auto" else name, use=source.use, fields=fields, max_chars=ingest.max_chars
        )
        _require_format(path, records, parse)
        options = FileOptions(
            source=source.name,
            parse=parse,
            language=source.language,
            category=source.category,
            categories=source.categories,
            repair_escapes="literal_escapes" not in source.rules_off,
            limit=ingest.limit,
        )
        rows = name == "openassistant" and any(tree_key(record) for record in records)
        found.append(SourceFile(path, size, modified, container, options, rows))
    return found


def _detect(path: str, records: Sequence[bytes]) -> Detection:
    try:
        return detect_format(records)
    except SourceFormatError as error:
        raise SourceFormatError(f"{path}: {error}") from None


def _require_format(path: str, records: Sequence[bytes], parse: ParseOptions) -> None:
    """A wrong guess would refuse every record one by one; say it once, before anything is written."""
    reasons = [parse_record(record, parse).reason for record in records]
    if reasons and all(reason == "wrong_format" for reason in reasons):
        try:
            seen = f"it looks like {detect_format(records).format}"
        except SourceFormatError as error:
            seen = str(error)
        raise SourceFormatError(f"{path}, record 0: not in the format {parse.format}; {seen}. Set format: to match")


def read_head(spark: SparkSession, path: str, size: int) -> tuple[Container, list[bytes]]:
    """Container of a file and its first records, without reading more than is needed."""
    if path.endswith((".gz", ".parquet")):
        return _read_packed_head(spark, path, size)
    # One record of a compact JSON array may be the whole file, so the head is cut at braces, not lines.
    fragments = (
        spark.read.option("lineSep", "}").text(literal(path)).select(F.col("value").cast("binary").alias("fragment"))
    )
    head = b"}".join(bytes(row["fragment"]) for row in fragments.limit(_HEAD_FRAGMENTS).collect())
    container = detect_container(head, path)
    complete = read_whole_file(head + b"}", path)
    records = [raw.record for raw in islice(complete, _HEAD_RECORDS + 1) if raw.reason is None]
    if container not in ("json_lines", "csv"):
        _require_size(path, size)
    return container, records[:_HEAD_RECORDS]


def _read_packed_head(spark: SparkSession, path: str, size: int) -> tuple[Container, list[bytes]]:
    if path.endswith(".parquet"):
        rows = _parquet_records(spark, path).limit(_HEAD_RECORDS).collect()
        return "parquet", [bytes(row["record"]) for row in rows]
    _require_size(path, size)
    options = {path: FileOptions(source="", parse=ParseOptions(format="jsonl"), limit=_HEAD_RECORDS)}
    rows = _whole_records(spark, options).where(F.col("reason").isNull()).select("record").collect()
    return "gzip", [bytes(row["record"]) for row in rows]


def _require_size(path: str, size: int) -> None:
    if size > MAX_WHOLE_FILE_BYTES:
        raise SourceFormatError(
            f"{path}: {size:,} bytes in a form that cannot be split (JSON array, CSV or gzip); the limit is "
            f"{MAX_WHOLE_FILE_BYTES:,}. Write it as JSONL, one object a line: jq -c '.[]' IN > OUT.jsonl"
        )


def open_records(spark: SparkSession, files: Sequence[SourceFile]) -> DataFrame:
    """Rows of `RECORD` for all files: each record's bytes and its position, however the file is split."""
    lines = {f.path: f.options for f in files if f.container == "json_lines"}
    tables = {f.path: f.options for f in files if f.container == "parquet"}
    whole = {f.path: f.options for f in files if f.container not in ("json_lines", "parquet")}
    parts = []
    if whole:
        parts.append(_whole_records(spark, whole))
    if lines:
        parts.append(_line_records(spark, lines))
    parts.extend(_limited(_parquet_records(spark, path), {path: options}) for path, options in tables.items())
    records = parts[0]
    for part in parts[1:]:
        records = records.unionByName(part)
    return records


def _whole_records(spark: SparkSession, options: Mapping[str, FileOptions]) -> DataFrame:
    contents = (
        spark.read.format("binaryFile")
        .load([literal(path) for path in options])
        .select(F.col("path").alias("file"), "content")
    )
    return contents.mapInArrow(split_whole_files(options), RECORD)


def numbered_lines(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """The lines of text files that are not blank, each with its place in its file, however that is split.

    Returns:
        Columns file, position (from 0; blank lines count) and record (bytes without the line end).
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
    numbered = lines.mapInArrow(number_lines, "file string, block bigint, record binary, ordinal bigint")
    positioned = numbered.join(F.broadcast(starts), ["file", "block"]).select(
        "file", (F.col("start") + F.col("ordinal")).alias("position"), "record"
    )
    return positioned.where("length(trim(cast(record as string))) > 0")


def _line_records(spark: SparkSession, options: Mapping[str, FileOptions]) -> DataFrame:
    lines = numbered_lines(spark, [literal(path) for path in options])
    # The metadata column encodes what the listing does not; a plus sign is itself there, but not to url_decode.
    path = F.url_decode(F.replace("file", F.lit("+"), F.lit("%2B")))
    return _limited(lines.withColumn("file", path).withColumn("reason", F.lit(None).cast("string")), options)


def _parquet_records(spark: SparkSession, path: str) -> DataFrame:
    # A column store has no bytes of a record; its JSON rendering, nulls included, stands for them.
    rows = spark.read.parquet(literal(path))
    record = F.to_json(F.struct("*"), {"ignoreNullFields": "false"}).cast("binary")
    return rows.select(
        F.lit(path).alias("file"),
        F.col("_metadata.row_index").alias("position"),
        record.alias("record"),
        F.lit(None).cast("string").alias("reason"),
    )


def _limited(records: DataFrame, options: Mapping[str, FileOptions]) -> DataFrame:
    """Name the source of each record and keep the first `limit` of each file."""
    sources = {path: given.source for path, given in options.items()}
    named = records.withColumn("source", looked_up(sources, "file"))
    limit = next(iter(options.values())).limit
    return (named if limit is None else named.where(F.col("position") < limit)).select(*RECORD.fieldNames())


def all_files(spark: SparkSession, sources: Sequence[SourceConfig], ingest: IngestConfig) -> Iterator[SourceFile]:
    """Files of all sources.

    Raises:
        ConfigError: two sources name the same file; its records could only belong to one.
    """
    owner: dict[str, str] = {}
    for source in sources:
        for file in inspect_source(spark, source, ingest):
            if owner.setdefault(file.path, source.name) != source.name:
                raise ConfigError(f"{file.path} belongs to both {owner[file.path]} and {source.name}; name it once")
            yield file
