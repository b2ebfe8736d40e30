"""Questions to the stored tables: one SQL text, two homes.

Tables of a folder are asked by delta-rs, in milliseconds and without a JVM; those of a catalog, and those that delta-rs
cannot read, by Spark. A question names its tables in braces and its values with a colon, and keeps to the SQL that both
know: `select count(*) as rows from {fates} where reason = :reason`. It has its rows read and filtered where they lie;
what comes back should be few.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

from jobs.workspace import files
from schemas.batches import BATCH_ITEMS, BATCHES
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ALL, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructField, StructType

WriteMode = Literal["append", "overwrite"]
Value = str | int | float | Collection[str] | Collection[int]
Answer = dict[str, Any]
"""A row: column -> value; times have their zone, maps are dicts."""

EVERY_TABLE: tuple[Table, ...] = (*ALL, REQUESTS, ATTEMPTS, RESPONSES, JUDGEMENTS, BATCHES, BATCH_ITEMS)
_TABLES = {table.name: table for table in EVERY_TABLE}
_ROOM_BYTES = 128 << 10
"""More than a few rows, their commit and a checkpoint take."""
_VALUE = re.compile(r"(?<![\w:]):([a-z_]+)")


class CannotReadError(Exception):
    """Only Spark can read the table: it uses a feature that delta-rs does not know, or lies where that cannot look."""


def with_parts(question: str, **parts: str) -> str:
    """A question with SQL of ours in the place of names in braces; texts from elsewhere are values, never parts."""
    for name, sql in parts.items():
        question = question.replace(f"{{{name}}}", sql)
    return question


def tables_of(question: str) -> list[Table]:
    """The tables that a question names, each once."""
    names = {name for _, name, _, _ in Formatter().parse(question) if name}
    return [_TABLES[name] for name in sorted(names)]


@dataclass(frozen=True)
class DeltaTables:
    """Tables in a folder, read by delta-rs."""

    folder: str
    """Path or URI; below it a folder for each table."""

    def query(self, question: str, values: Mapping[str, Value]) -> "pa.Table":
        """Rows that answer a question; a table that is not there has none. See `Runtime.query`.

        Raises:
            SchemaMismatchError: a table has other columns than this version's.
            CannotReadError: delta-rs cannot read a table.
        """
        import pyarrow as pa
        from deltalake import QueryBuilder
        from deltalake.exceptions import DeltaError

        builder = QueryBuilder()
        names = {table.name: self._register(table, builder) for table in tables_of(question)}
        sql = _fill_in(question, values, _quoted).format(**names)
        try:
            return _arrow(builder.execute(sql))
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise CannotReadError(type(error).__name__) from error

    def data_files(self, table: Table) -> "tuple[StructType, list[str]] | None":
        """Columns of a table and the files that its newest version consists of; null where it is not there.

        Raises:
            CannotReadError: its rows are not simply those of its files, or delta-rs cannot read its log.
        """
        found = self._open(table)
        if found is None:
            return None
        if found.metadata().partition_columns:
            raise CannotReadError(f"{table.name} is partitioned")
        # What delta-rs calls their addresses is escaped, and no name of a file.
        names = _arrow(found.get_add_actions()).column("path").to_pylist()
        if any("/" in name or "%" in name for name in names):
            raise CannotReadError(f"{table.name} has files elsewhere")
        return _columns(found), sorted(files.join(self.folder, table.name, name) for name in names)

    def _register(self, table: Table, builder: "QueryBuilder") -> str:
        """Make a table known to a builder; gives the SQL for its rows, with the columns that came later."""
        from pyspark.sql.types import StructType

        found = self._open(table)
        if found is None:
            return f"(select {_nulls(table.schema.fields)} where false)"
        builder.register(table.name, found)
        columns = _columns(found)
        added = table.added_since(columns)
        table.require(StructType([*columns.fields, *added]))
        if not added:
            return table.name
        return with_parts("(select *, {added} from {table})", added=_nulls(added), table=table.name)

    def _open(self, table: Table) -> "DeltaTable | None":
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        path = files.join(self.folder, table.name)
        try:
            found = DeltaTable(path)
            features = set(found.protocol().reader_features or ()) - {"timestampNtz"}
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            # Its text may hold what a URI or a store says, keys included, so the kind alone is told.
            raise CannotReadError(type(error).__name__) from None
        if features or found.protocol().min_reader_version == 2:  # column mapping
            raise CannotReadError(f"{table.name} needs {', '.join(sorted(features)) or 'column mapping'}")
        return found


def write_rows(path: str, table: Table, rows: Sequence[Mapping[str, Any]], mode: WriteMode) -> None:
    """Write rows to a table of a local folder in one commit, making it where it is missing. Needs no Spark."""
    import pyarrow as pa
    from deltalake import Schema, write_deltalake

    columns = pa.schema(Schema.from_json(table.schema.json()).to_arrow())
    maps = {field.name for field in columns if pa.types.is_map(field.type)}
    plain = [{name: list(one.items()) if name in maps and one else one for name, one in row.items()} for row in rows]
    # On a disk that is full delta-rs panics, with a backtrace on the terminal.
    files.require_room(path, _ROOM_BYTES)
    # A table of an earlier version gets its new columns.
    columns_as: Literal["merge", "overwrite"] = "merge" if mode == "append" else "overwrite"
    write_deltalake(path, pa.Table.from_pylist(plain, columns), mode=mode, schema_mode=columns_as)


def _arrow(rows: Any) -> "pa.Table":
    """Rows that delta-rs gave. `pyarrow.table` would do, but loads pandas to see whether they are a frame of it."""
    import pyarrow as pa

    return pa.RecordBatchReader.from_stream(rows).read_all()


def _columns(table: "DeltaTable") -> "StructType":
    import json

    from pyspark.sql.types import StructType

    return StructType.fromJson(json.loads(table.schema().to_json()))


def _nulls(fields: "Iterable[StructField]") -> str:
    """The columns of fields, null in each row, as SQL."""
    return ", ".join(
        f"cast(null as {_SQL_TYPES.get(field.dataType.simpleString(), 'string')}) as {field.name}" for field in fields
    )


_SQL_TYPES = {"int": "int", "bigint": "bigint", "double": "double", "boolean": "boolean"} | {
    "timestamp": "timestamp",
    "decimal(38,12)": "decimal(38,12)",
}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"


def _quoted_for_spark(text: str) -> str:
    # Spark knows escapes, and puts a variable of its conf in the place of `${name}` in a literal too.
    plain = (one if one.isascii() and (one.isalnum() or one in " _-./") else f"\\U{ord(one):08x}" for one in text)
    return f"'{''.join(plain)}'"


def _fill_in(question: str, values: Mapping[str, Value], quoted: Callable[[str], str]) -> str:
    """Put values in their places. Spark's own parameters would do, but Delta's parser of SQL loses them."""

    def literal(value: Value) -> str:
        if isinstance(value, str):
            return quoted(value)
        if isinstance(value, int | float):
            return repr(value)
        return ", ".join(sorted({literal(one) for one in value})) or "null"

    return _VALUE.sub(lambda match: literal(values[match[1]]), question)


def ask_spark(
    session: "SparkSession", question: str, frames: "Mapping[str, DataFrame]", values: Mapping[str, Value] | None = None
) -> "DataFrame":
    """The same question to Spark, whose answer is a frame.

    Args:
        session: to ask.
        question: as for `Runtime.query`.
        frames: table's name -> its rows.
        values: the question's values.
    """
    named: dict[str, Any] = dict(frames)
    return session.sql(_fill_in(question, values or {}, _quoted_for_spark), **named)


def answers_of(found: "pa.Table") -> list[Answer]:
    """The rows of a table, which must be few, as answers; times are in UTC."""
    import pyarrow as pa

    maps = [field.name for field in found.schema if pa.types.is_map(field.type)]
    times = [field.name for field in found.schema if pa.types.is_timestamp(field.type)]
    # A time that has a zone would make pyarrow load pandas, which takes a quarter of a second; what has none is in UTC.
    for name in times:
        found = found.set_column(found.schema.get_field_index(name), name, found[name].cast(pa.timestamp("us")))
    rows: list[Answer] = found.to_pylist()
    for row in rows:
        for name in times:
            row[name] = None if row[name] is None else row[name].replace(tzinfo=timezone.utc)
        for name in maps:
            row[name] = None if row[name] is None else dict(row[name])
    return rows
