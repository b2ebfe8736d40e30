"""The rows of any JSONL or Parquet input: which files there are, and the text and id of each row."""

import gzip
import posixpath
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type
from pyspark.sql.types import StructField, StructType

from jobs.sources.open_records import numbered_lines
from jobs.workspace import files
from jobs.workspace.storage import Storage
from schemas.errors import ConfigError, DataRefusedError, SourceFormatError
from udfs.containers import detect_container
from udfs.formats.fields import Refusal
from udfs.formats.json_object import load_object
from udfs.input_texts import LINE_TEXT, line_texts
from udfs.printable import printable

_HEAD_BYTES = 4096
_FAULTS_SHOWN = 10
_COLUMNS_SHOWN = 20
_LEAST_TASKS = 8
_COARSE_BYTES = 4 << 20


@dataclass(frozen=True)
class InputFiles:
    """The files of an input, in the order of their paths."""

    given: str
    kind: Literal["json_lines", "parquet"]
    paths: tuple[str, ...]
    names: tuple[str, ...]
    """What Spark calls each of them in `_metadata.file_path`: a path with its special characters encoded."""
    schema: pa.Schema | None = None
    """Of Parquet files: the one that all of them have."""
    option: str = "--input"
    """Where a person has named it."""
    is_coarse: bool = False
    """Whether Spark would give megabytes to one task: it cuts neither a row group nor a gzip file."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands before the place of a row in its id: nothing for one file, else its name and a colon."""
        if len(self.paths) == 1:
            return ("",)
        folder = posixpath.commonpath([posixpath.dirname(path) for path in self.paths])
        return tuple(f"{path.removeprefix(folder).lstrip('/')}:" for path in self.paths)


def find_input(spark: SparkSession, given: str, option: str = "--input") -> InputFiles:
    """List the files of an input and tell their kind.

    Raises:
        ConfigError: there is none, or the kinds or the columns of several differ.
        SourceFormatError: a file is neither JSON lines nor Parquet.
    """
    try:
        # Classic Spark looks for the files at once, Connect when they are collected.
        listing = spark.read.format("binaryFile").load(given).select("path", "_metadata.file_path", "length")
        found = sorted(tuple(row) for row in listing.collect())
    except AnalysisException as error:
        raise ConfigError(f"{option} {given}: no such file") from error
    paths, names = tuple(row[0] for row in found), tuple(row[1] for row in found)
    total_bytes = sum(row[2] for row in found)
    kinds = {_kind_of(path): path for path, _, length in found if length}
    if not kinds:
        raise DataRefusedError(f"{option} {given} is empty: there is nothing to deduplicate")
    if len(kinds) > 1:
        raise ConfigError(
            f"{option} {given}: {' and '.join(sorted(kinds.values()))} are of different kinds; name one kind"
        )
    if "parquet" in kinds:
        schema, row_groups = _common_schema(paths)
        is_coarse = row_groups < _LEAST_TASKS and total_bytes > _COARSE_BYTES
        return InputFiles(given, "parquet", paths, names, schema, option, is_coarse)
    packed = [path for path in paths if path.endswith(".gz")]
    is_coarse = bool(packed) and len(paths) < _LEAST_TASKS and total_bytes > _COARSE_BYTES
    return InputFiles(given, "json_lines", paths, names, option=option, is_coarse=is_coarse)


def _kind_of(path: str) -> Literal["json_lines", "parquet"]:
    with files.open_for_reading(path) as handle:
        head = handle.read(_HEAD_BYTES)
        kind = detect_container(head, path)
        if kind == "packed" and path.endswith(".gz"):
            handle.seek(0)
            try:
                head = gzip.GzipFile(fileobj=handle).read(_HEAD_BYTES)
            except (OSError, EOFError, zlib.error):
                raise SourceFormatError(f"{path} is a damaged gzip file") from None
            kind = detect_container(head, path)
    if kind == "parquet":
        return "parquet"
    is_one_line = kind == "json_objects" and b"\n" not in head.strip()
    if kind in ("json_lines", "empty") or is_one_line:
        return "json_lines"
    advice = {
        "json_array": "; write one object a line: jq -c '.[]' IN > OUT.jsonl",
        "json_objects": "; write one object a line: jq -c . IN > OUT.jsonl",
        "packed": "; unpack it, or, if it is gzip, rename it to end with .gz",
        "pointer": ", a pointer to data that is not here: git lfs pull",
    }
    raise SourceFormatError(f"{path} is neither JSON lines nor Parquet but {kind}{advice.get(kind, '')}")


def _common_schema(paths: Sequence[str]) -> tuple[pa.Schema, int]:
    """The schema of Parquet files, and how many row groups they have together."""
    schemas, row_groups = [], 0
    for path in paths:
        with files.open_for_reading(path) as handle:
            try:
                opened = pq.ParquetFile(handle)
            except pa.ArrowInvalid as error:
                raise SourceFormatError(f"{path} is a damaged Parquet file: {error}") from None
            schemas.append(opened.schema_arrow)
            row_groups += opened.num_row_groups
        if not schemas[0].equals(schemas[-1]):
            raise ConfigError(f"{path} has other columns than {paths[0]}; deduplicate files of one schema together")
    return schemas[0], row_groups


@dataclass(frozen=True)
class InputTexts:
    """What is to be compared of an input that was found sound."""

    rows: DataFrame
    """Columns file, position, id (null without an id column), text (empty where no column has any) and is_silent."""
    total: int
    silent: int
    """Rows without text."""


def read_texts(
    spark: SparkSession, found: InputFiles, columns: Sequence[str], id_column: str | None, storage: Storage
) -> InputTexts:
    """The text and id of every row, counted and checked in one pass over what is compared.

    Raises:
        ConfigError: a column is missing (names those there are) or nested, or an id is missing or not unique.
        DataRefusedError: a line is no JSON object, a file cannot be read to its end, or there are no rows.
    """
    if found.schema is not None:
        texts = _table_texts(spark, found, found.schema, columns, id_column)
    else:
        texts = _line_texts(spark, found, columns, id_column, storage)
    malformed = F.col("fault").isin("invalid_json", "not_utf8", "not_an_object")
    present = [F.coalesce(F.max(F.get("present", F.lit(place))), F.lit(False)) for place in range(len(columns))]
    distinct = F.count_distinct("id") if id_column else F.lit(0)
    silent = F.count_if("is_silent")
    counts = texts.agg(F.count("*"), F.count_if(malformed), F.count("fault"), distinct, silent, *present).first()
    total, bad, faults, ids, silent_rows, *there = counts if counts is not None else (0, 0, 0, 0, 0)
    if not total:
        raise DataRefusedError("the input holds no rows: there is nothing to deduplicate")
    if bad:
        raise DataRefusedError(
            f"{bad:,} of {total:,} lines are no JSON objects, so nothing was written: {_places(texts.where(malformed))}"
        )
    if missing := [column for column, is_there in zip(columns, there, strict=True) if not is_there]:
        raise _missing_columns(missing, _columns_of(spark, found), found)
    if faults and found.kind == "parquet":
        row = texts.where("fault is not null").first()
        raise ConfigError(f"--id-column {id_column}: row {row['position']} of {row['file']} has none" if row else "")
    if faults:
        where = _places(texts.where(F.col("fault").isNotNull()))
        raise ConfigError(
            f"{faults:,} of {total:,} lines cannot be compared (nested: the column holds a list or an object, name one "
            f"that holds text; no_id: nothing plain under {id_column}): {where}"
        )
    if id_column and ids < total:
        raise _repeated_ids(texts, id_column)
    rows = texts.select("file", "position", "id", "text", "is_silent")
    return InputTexts(rows.repartition(_LEAST_TASKS) if found.is_coarse else rows, total, silent_rows)


def _line_texts(
    spark: SparkSession, found: InputFiles, columns: Sequence[str], id_column: str | None, storage: Storage
) -> DataFrame:
    try:
        texts = numbered_lines(spark, [found.given], line_texts(columns, id_column), LINE_TEXT)
        return storage.materialise(texts, "texts")
    except Exception as error:
        damaged = re.search(r"FAILED_READ_FILE.*?reading file (\S+?)\.?\s", str(error))
        if damaged is None:
            raise
        raise DataRefusedError(f"{damaged.group(1)} cannot be read to its end: truncated or damaged") from None


def _repeated_ids(texts: DataFrame, id_column: str) -> ConfigError:
    repeated = texts.groupBy("id").agg(F.count("*").alias("rows")).where("rows > 1")
    example = repeated.orderBy("id").first()
    named = f"{printable(example['id'][:80])} by {example['rows']:,}" if example else ""
    return ConfigError(
        f"--id-column {id_column}: {repeated.count():,} ids are used by more than one row, such as {named}. "
        "Name another column, or none to use the row's place"
    )


def _places(faulty: DataFrame) -> str:
    rows = faulty.orderBy("file", "position").limit(_FAULTS_SHOWN + 1).collect()
    shown = [f"{posixpath.basename(r['file'])} line {r['position'] + 1} ({r['fault']})" for r in rows[:_FAULTS_SHOWN]]
    return ", ".join(shown) + (", …" if len(rows) > _FAULTS_SHOWN else "")


def _columns_of(spark: SparkSession, found: InputFiles) -> list[str]:
    """Keys of the first lines, in order of appearance."""
    columns: dict[str, None] = {}
    for row in numbered_lines(spark, [found.given]).limit(_COLUMNS_SHOWN).collect():
        try:
            columns |= dict.fromkeys(load_object(row["record"]))
        except Refusal:
            continue
    return list(columns)


def _missing_columns(missing: Sequence[str], there: Sequence[str], found: InputFiles) -> ConfigError:
    shown = ", ".join(name[:40] for name in there[:_COLUMNS_SHOWN]) + (", …" if len(there) > _COLUMNS_SHOWN else "")
    return ConfigError(
        f"{found.option} {found.given} has no column {', '.join(missing)}; columns found: {shown}. "
        "Name the columns to compare with --text-column, once for each"
    )


def _table_texts(
    spark: SparkSession, found: InputFiles, schema: pa.Schema, columns: Sequence[str], id_column: str | None
) -> DataFrame:
    wanted = [*columns, *([id_column] if id_column else [])]
    if missing := [name for name in dict.fromkeys(wanted) if name not in schema.names]:
        raise _missing_columns(missing, schema.names, found)
    # Only what is compared is read, because Spark refuses files for the type of any column, such as times in ns.
    fields = [_plain_field(schema.field(name)) for name in dict.fromkeys(wanted)]
    rows = spark.read.schema(StructType(fields)).parquet(found.given)
    row_id = _text_of(id_column) if id_column else F.lit(None).cast("string")
    text = F.concat_ws("\n", *map(_text_of, columns))
    return rows.select(
        F.col("_metadata.file_path").alias("file"),
        F.col("_metadata.row_index").alias("position"),
        row_id.alias("id"),
        text.alias("text"),
        (~text.rlike(r"\S")).alias("is_silent"),
        F.array(*(F.lit(True) for _ in columns)).alias("present"),
        F.when(F.lit(id_column is not None) & row_id.isNull(), "no_id").alias("fault"),
    )


def _text_of(name: str) -> Column:
    return F.col(f"`{name.replace('`', '``')}`").cast("string")


def _plain_field(field: pa.Field) -> StructField:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    is_plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    if not (is_plain or pa.types.is_signed_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind)):
        raise ConfigError(f"column {field.name} is {field.type}; name one that holds text or numbers")
    return StructField(field.name, from_arrow_type(kind))
