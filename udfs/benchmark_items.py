"""The items of a benchmark's files: for each its question and its reference answer, as texts to look for.

A mapping `fields` says where they are, as in a source: our name -> column. A column inside a column is written with
dots (`turns.0.content`); where a path ends at a list or an object, each text in it is one to look for.
"""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from schemas.errors import SourceFormatError
from udfs.containers import detect_container
from udfs.formats.fields import Record, Refusal
from udfs.formats.json_object import load_object
from udfs.records import read_whole_file

FIELDS = ("question", "answer", "id")
"""What a mapping can name a column for; a list of columns is written with commas. `question` must be there."""

KNOWN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "prompt", "problem", "turns", "instruction", "text", "ctx", "input"),
    "answer": (
        "answer", "canonical_solution", "solution", "code", "reference", "best_answer", "best answer", "target",
        "response", "output",
    ),
    "id": ("task_id", "question_id", "id", "key", "prompt_id"),
}  # fmt: skip
"""Columns of the well-known benchmarks, for a file that comes without a mapping; the first that is there is meant."""

_HEAD_RECORDS = 20


class ItemText(NamedTuple):
    """One text of an item."""

    benchmark: str
    item: str
    """What the file calls it, else its number in the file, from 0."""
    field: str
    """question or answer."""
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is a text of: benchmark, item and field."""
        return self.benchmark, self.item, self.field


def read_items(content: bytes, name: str, benchmark: str, fields: Mapping[Any, str]) -> list[ItemText]:
    """The texts of a file's items.

    Args:
        content: of the file: JSONL, JSON array, CSV or Parquet, as it is or with gzip.
        name: of the file, for messages; its ending tells CSV from JSON.
        benchmark: what its items belong to.
        fields: our name -> column; empty: the columns of the well-known benchmarks are looked for.

    Raises:
        SourceFormatError: nothing in it can be read, or no record has a question; says what there is.
    """
    records = list(_records(content, name))
    if not records:
        raise SourceFormatError(f"benchmark {benchmark}: {name}: no record of it can be read")
    columns = fields or guess_fields(records[:_HEAD_RECORDS])
    items = [
        ItemText(benchmark, _item_id(record, columns, number), field, text)
        for number, record in enumerate(records)
        for field in ("question", "answer")
        for text in _texts_at(record, columns.get(field, ""))
    ]
    if not any(item.field == "question" for item in items):
        there = ", ".join(sorted({column for record in records[:_HEAD_RECORDS] for column in record}))
        meant = columns.get("question", "one of " + ", ".join(KNOWN_COLUMNS["question"]))
        raise SourceFormatError(
            f"benchmark {benchmark}: {name}: no record has a question in {meant}. Its columns are: {there}. "
            "Name those that hold the texts: fields: {question: COLUMN, answer: COLUMN}"
        )
    return items


def guess_fields(records: Iterable[Record]) -> dict[str, str]:
    """Our name -> the column that holds it, of the known columns; names that none is known for are left out."""
    spelled = {column.lower(): column for record in records for column in record}
    found = {
        name: next((spelled[column] for column in known if column in spelled), None)
        for name, known in KNOWN_COLUMNS.items()
    }
    return {name: column for name, column in found.items() if column is not None}


def _records(content: bytes, name: str) -> Iterator[Record]:
    if detect_container(content[:64], name) == "parquet":
        yield from pq.read_table(BytesIO(content)).to_pylist()
        return
    for raw in read_whole_file(content, name):
        if raw.reason is None:
            try:
                yield load_object(raw.record)
            except Refusal:
                continue


def _item_id(record: Record, columns: Mapping[str, str], number: int) -> str:
    return next(islice(_texts_at(record, columns.get("id", "")), 1), str(number))


def _texts_at(record: Record, columns: str) -> Iterator[str]:
    for path in filter(None, (column.strip() for column in columns.split(","))):
        yield from _texts_in(_value_at(record, path))


def _value_at(record: Record, path: str) -> Any:
    if path in record:  # a column may have a dot in its own name
        return record[path]
    value: Any = record
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
