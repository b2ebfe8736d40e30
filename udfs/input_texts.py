"""Executor side of `phase0 deduplicate`: the text to compare and the id out of each line of a JSONL file."""

import json
from collections.abc import Callable, Sequence

import pyarrow as pa

from udfs.arrow_groups import ArrowBatches
from udfs.formats.fields import Record, Refusal
from udfs.formats.json_object import load_object
from udfs.text import clean_text

LINE_TEXT = "id string, text string, is_silent boolean, present array<boolean>, fault string"
"""What `line_texts` finds in a line: `is_silent` says that its text is white space only, `present` says of each text
column whether the line has it, `fault` is null for a sound line, else `invalid_json`, `not_utf8`, `not_an_object`,
`no_id`, or `nested` followed by a space and the column."""

_FOUND = [
    ("id", pa.string()),
    ("text", pa.string()),
    ("is_silent", pa.bool_()),
    ("present", pa.list_(pa.bool_())),
    ("fault", pa.string()),
]
_WHITE_SPACE = " \t\n\r\v\f"


def line_texts(columns: Sequence[str], id_column: str | None) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the function from numbered lines to their places (file, block, ordinal) with the columns of `LINE_TEXT`."""

    def read(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            rows = [read_input_line(record, columns, id_column) for record in batch.column("record").to_pylist()]
            found = [(row_id, text, is_silent(text), present, fault) for row_id, text, present, fault in rows]
            by_column = zip(*found, strict=True) if found else [[] for _ in _FOUND]
            places = {name: batch.column(name) for name in ("file", "block", "ordinal")}
            yield pa.record_batch(
                places | {name: pa.array(c, kind) for (name, kind), c in zip(_FOUND, by_column, strict=True)}
            )

    return read


def is_silent(text: str | None) -> bool | None:
    """Whether a text is empty or white space; the same characters as `\\s` of Java."""
    return None if text is None else not text.strip(_WHITE_SPACE)


def read_input_line(
    line: bytes, columns: Sequence[str], id_column: str | None
) -> tuple[str | None, str | None, list[bool], str | None]:
    """The id, the text, which columns are there, and the fault of one line.

    The text is that of the columns, each on a line of its own. A column that is null or absent adds nothing; a number
    or a truth value counts as JSON writes it, because as CSV the same table would have it as text.
    """
    try:
        row = load_object(line)
    except Refusal as refusal:
        return None, None, [], refusal.reason
    present = [column in row for column in columns]
    nested = next((column for column in columns if isinstance(row.get(column), (list, dict))), None)
    if nested is not None:
        return None, None, present, f"nested {clean_text(nested)}"
    row_id = None if id_column is None else _plain(row, id_column)
    if id_column is not None and row_id is None:
        return None, None, present, "no_id"
    texts = (_plain(row, column) for column in columns)
    return row_id, "\n".join(text for text in texts if text is not None), present, None


def _plain(row: Record, column: str) -> str | None:
    """A plain value as text that Arrow can hold, null for what is null, absent or nested."""
    value = row.get(column)
    if value is None or isinstance(value, (list, dict)):
        return None
    return clean_text(value if isinstance(value, str) else json.dumps(value))
