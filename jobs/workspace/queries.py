"""Questions to the stored tables: one SQL text, two homes.

Tables of a folder are asked by delta-rs, in milliseconds and without a JVM; those of a catalog, and those that delta-rs
cannot read, by Spark. A question names its tables in braces and its values with a colon, and keeps to the SQL that both
know: `select count(*) as rows from {fates} where reason = :reason`. It has its rows read and filtered where they lie;
what comes back should be few.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timezone
from string import Formatter
from typing import TYPE_CHECKING, Any

from schemas.batches import BATCH_ITEMS, BATCHES
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ALL, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructField, StructType

Value = str | int | float | Collection[str] | Collection[int]
Answer = dict[str, Any]
"""A row: column -> value; times have their zone, maps are dicts."""

EVERY_TABLE: tuple[Table, ...] = (*ALL, REQUESTS, ATTEMPTS, RESPONSES, JUDGEMENTS, BATCHES, BATCH_ITEMS)
_TABLES = {table.name: table for table in EVERY_TABLE}
_VALUE = re.compile(r"(?<![\w:]):([a-z_]+)")


def with_parts(question: str, **parts: str) -> str:
    """A question with SQL of ours in the place of names in braces; texts from elsewhere are values, never parts."""
    for name, sql in parts.items():
        question = question.replace(f"{{{name}}}", sql)
    return question


def tables_of(question: str) -> list[Table]:
    """The tables that a question names, each once."""
    names = {name for _, name, _, _ in Formatter().parse(question) if name}
    return [_TABLES[name] for name in sorted(names)]


def null_columns(fields: "Iterable[StructField]") -> str:
    """The columns of fields, null in each row, as SQL."""
    return ", ".join(
        f"cast(null as {_SQL_TYPES.get(field.dataType.simpleString(), 'string')}) as {field.name}" for field in fields
    )


_SQL_TYPES = {"int": "int", "bigint": "bigint", "double": "double", "boolean": "boolean"} | {
    "timestamp": "timestamp",
    "decimal(38,12)": "decimal(38,12)",
}


def quoted(text: str) -> str:
    """A text as a literal of delta-rs, in a question whose tables are yet to be put in."""
    return "'" + text.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"


def _quoted_for_spark(text: str) -> str:
    # Spark knows escapes, and puts a variable of its conf in the place of `${name}` in a literal too.
    plain = (one if one.isascii() and (one.isalnum() or one in " _-./") else f"\\U{ord(one):08x}" for one in text)
    return f"'{''.join(plain)}'"


def filled_in(question: str, values: Mapping[str, Value], quote: Callable[[str], str]) -> str:
    """Put values in their places. Spark's own parameters would do, but Delta's parser of SQL loses them."""

    def literal(value: Value) -> str:
        if isinstance(value, str):
            return quote(value)
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
    return session.sql(filled_in(question, values or {}, _quoted_for_spark), **named)


def no_rows(session: "SparkSession", columns: "StructType") -> "DataFrame":
    """A frame without rows, which the planner knows to have none, so that it leaves joins with it out."""
    nulls = ", ".join(f"cast(null as {field.dataType.simpleString()}) as `{field.name}`" for field in columns)
    return session.sql(f"select {nulls} where false")


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
