"""The files of each source: found and looked at."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.config.paths import literal
from jobs.config.settings import IngestConfig, Settings, SourceConfig
from jobs.sources.inspection import HEAD_RECORDS, Head, Inspected, head_of, inspect_file, judge
from jobs.sources.listing import FoundFile, SourceListing, is_readable_by_spark, list_local, local_path
from jobs.sources.open_records import content_records, parquet_records
from jobs.sources.source_file import SourceFile
from schemas.errors import ConfigError, Phase0Error, SourceFormatError
from udfs.containers import RawRecord
from udfs.formats.parse import ParseOptions
from udfs.reading import FileOptions

MAX_WHOLE_FILE_BYTES = 1 << 30
"""A file that is not on this machine and that Spark cannot split passes through one task as one value; two of them
must fit the heap."""

_HEAD_FRAGMENTS = 2_000
_CODEC_SUFFIXES = (".gz", ".bz2", ".zst", ".deflate", ".lz4", ".snappy", ".xz")
"""Spark unpacks files of these names, whatever they hold."""


def list_source_files(spark: SparkSession | None, source: SourceConfig) -> SourceListing:
    """The files of a source.

    Args:
        spark: lists what is not on this machine; null: that gives an empty listing.
        source: the source.

    Raises:
        ConfigError: a path matches nothing, all its files are empty, or the source has no path yet.
    """
    if not source.paths:
        raise ConfigError(
            f"source {source.name}: {source.hub or ', '.join(source.urls)} is not on this machine; type `phase0 fetch`"
        )
    there = list_local(source.paths) if shares_files(spark) else None
    if there is None:
        return _list_by_spark(spark, source) if spark is not None else SourceListing(())
    if not there.files:
        what = "there is nothing in" if there.passed_over else "no such file:"
        where = ", ".join(source.paths)
        raise ConfigError(f"source {source.name}: {what} {where}{_passed_over(there.passed_over)}")
    return there


def shares_files(spark: SparkSession | None) -> bool:
    """Whether a path means the same file to Spark as to this process.

    It does in a local session of ours. Elsewhere paths may be of another machine, or of another file system.
    """
    is_connect = spark is not None and type(spark).__module__.startswith("pyspark.sql.connect")
    elsewhere = {"SPARK_REMOTE", "HADOOP_CONF_DIR", "PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION"}
    return not is_connect and not elsewhere & set(os.environ)


def _passed_over(passed: Sequence[str], most: int = 5) -> str:
    shown = "; ".join(passed[:most]) + (f"; and {len(passed) - most} more" if len(passed) > most else "")
    return f" (passed over: {shown})" if passed else ""


def _list_by_spark(spark: SparkSession, source: SourceConfig) -> SourceListing:
    try:
        listing = spark.read.format("binaryFile").load(list(source.paths))
        rows = listing.select("path", "length", "modificationTime").collect()
    except AnalysisException as error:
        raise ConfigError(f"source {source.name}: no such file: {', '.join(source.paths)}") from error
    if not rows:  # Spark does not list files without a byte
        raise ConfigError(f"source {source.name}: there is nothing in {', '.join(source.paths)}")
    files = (FoundFile(row["path"], int(row["length"]), str(row["modificationTime"])) for row in rows)
    return SourceListing(tuple(sorted(files, key=lambda file: file.path)))


def inspect_source(
    spark: SparkSession | None, source: SourceConfig, ingest: IngestConfig
) -> tuple[list[SourceFile], list[str]]:
    """Look at the first records of each file of a source and settle how it is read.

    A file of which nothing can be used does not stop the others: what is in it is refused and counted.

    Returns:
        The files, and a warning for each that is passed over or of which nothing can be used.

    Raises:
        ConfigError: there is no such file.
        SourceFormatError: no file has a record that can be used; says why of each.
    """
    listing = list_source_files(spark, source)
    found = [_inspected(spark, file, source, ingest) for file in listing.files]
    faulty = [file for file in found if file.fault]
    if found and len(faulty) == len(found):
        shown = "\n  ".join(f"{_shown(file.path)}: {file.fault}" for file in faulty[:10])
        more = f"\n  and {len(faulty) - 10} more" if len(faulty) > 10 else ""
        raise SourceFormatError(f"source {source.name}: nothing in it can be used\n  {shown}{more}")
    warnings = [f"{source.name}: passed over {one}" for one in listing.passed_over]
    return found, [*warnings, *(f"{source.name}: {_shown(file.path)}: {file.fault}" for file in faulty)]


def _shown(path: str) -> str:
    return local_path(path) or path


def _inspected(spark: SparkSession | None, file: FoundFile, source: SourceConfig, ingest: IngestConfig) -> SourceFile:
    is_auto = source.format == "auto"
    given = ParseOptions(
        format="jsonl" if is_auto else source.format,
        use=source.use,
        fields=dict(source.fields),
        max_chars=ingest.max_chars,
    )
    is_here = shares_files(spark) and local_path(file.path) is not None
    inspected = _inspect_anywhere(spark, file, given, is_here=is_here, is_auto=is_auto)
    options = FileOptions(
        source=source.name,
        parse=inspected.parse,
        language=source.language,
        category=source.category,
        categories=source.categories,
        repair_escapes="literal_escapes" not in source.rules_off,
        limit=ingest.limit,
    )
    head = inspected.head
    is_plain = head.packing is None and head.encoding == "utf-8" and not file.path.lower().endswith(_CODEC_SUFFIXES)
    is_lines = head.container == "json_lines" and is_plain and is_readable_by_spark(file.path)
    return SourceFile(
        path=file.path,
        size=file.size,
        modified=file.modified,
        container=head.container,
        options=options,
        is_message_rows=inspected.is_message_rows,
        is_here=is_here,
        is_split=is_lines or (head.container == "parquet" and not head.fault),
        fault=inspected.fault,
    )


def _inspect_anywhere(
    spark: SparkSession | None, file: FoundFile, given: ParseOptions, *, is_here: bool, is_auto: bool
) -> Inspected:
    if spark is not None and not is_here:
        return judge(file, _remote_head(spark, file), given, is_auto=is_auto)
    try:
        return inspect_file(file, given, is_auto=is_auto)
    except OSError as error:
        fault = f"cannot be opened: {error.strerror}"
        return judge(file, Head("binary", (), fault=fault), given, is_auto=is_auto)


def _remote_head(spark: SparkSession, file: FoundFile) -> Head:
    """The first records of a file that only Spark sees, without reading more than is needed."""
    path = file.path
    if path.endswith((".parquet", ".parq")):
        rows = parquet_records(spark, path).limit(HEAD_RECORDS).collect()
        return Head("parquet", tuple(RawRecord(row["position"], bytes(row["record"]), None) for row in rows))
    if path.endswith(_CODEC_SUFFIXES):
        _require_size(path, file.size)
        options = {path: FileOptions(source="", parse=ParseOptions(format="jsonl"), limit=HEAD_RECORDS)}
        rows = content_records(spark, options).collect()
        records = (RawRecord(row["position"], bytes(row["record"]), row["reason"]) for row in rows)
        return Head("json_lines", tuple(records), packing="gzip")
    # One record of a compact JSON array may be the whole file, so the head is cut at braces, not lines.
    fragments = (
        spark.read.option("lineSep", "}").text(literal(path)).select(F.col("value").cast("binary").alias("fragment"))
    )
    cut = [bytes(row["fragment"]) for row in fragments.limit(_HEAD_FRAGMENTS).collect()]
    head = head_of(io.BytesIO(b"}".join(cut) + (b"}" if len(cut) == _HEAD_FRAGMENTS else b"")), path, file.size)
    if head.container not in ("json_lines", "csv"):
        _require_size(path, file.size)
    # The last record may have been cut here.
    is_cut = len(cut) == _HEAD_FRAGMENTS and head.is_all
    return replace(head, records=head.records[:-1]) if is_cut else head


def _require_size(path: str, size: int) -> None:
    if size > MAX_WHOLE_FILE_BYTES:
        raise SourceFormatError(
            f"{path}: {size:,} bytes in a form that cannot be split (JSON array, CSV or packed); the limit is "
            f"{MAX_WHOLE_FILE_BYTES:,} where it is not on this machine. Write it as JSONL, one object a line: "
            "jq -c '.[]' IN > OUT.jsonl"
        )


@dataclass(frozen=True)
class InspectedSources:
    """All files of all sources, and what a person should know of them."""

    files: tuple[SourceFile, ...]
    warnings: tuple[str, ...]


def inspect_sources(
    spark: SparkSession | None, sources: Sequence[SourceConfig], ingest: IngestConfig
) -> InspectedSources:
    """Look at the files of all sources.

    Args:
        spark: lists and opens what is not on this machine; null: that is left out.
        sources: each with its paths.
        ingest: limits of what is read.

    Raises:
        ConfigError: a source has no file, or two sources name the same one, whose records could only belong to one.
        SourceFormatError: nothing in a source can be used. Either names all such sources.
    """
    files: list[SourceFile] = []
    warnings: list[str] = []
    faults: list[Phase0Error] = []
    owner: dict[str, str] = {}
    for source in sources:
        try:
            found, said = inspect_source(spark, source, ingest)
        except (ConfigError, SourceFormatError) as fault:
            faults.append(fault)
            continue
        files += found
        warnings += said
        for file in found:
            if owner.setdefault(file.path, source.name) != source.name:
                faults.append(
                    ConfigError(f"{file.path} belongs to both {owner[file.path]} and {source.name}; name it once")
                )
    if faults:
        raise type(faults[0])("\n".join(str(fault) for fault in faults))
    return InspectedSources(tuple(files), tuple(warnings))


def require_usable_sources(settings: Settings) -> None:
    """Refuse sources of this machine of which nothing can be used, before Spark is started.

    What is not here, or not downloaded yet, is left to `inspect_sources`.

    Raises:
        ConfigError: see `inspect_sources`.
        SourceFormatError: the same.
    """
    if not settings.spark.remote:
        inspect_sources(None, [source for source in settings.sources if source.paths], settings.ingest)
