"""A single JSON object that is a whole table: rows wrapped in it, or pandas' columns, as the rows themselves.

`{"data": [{…}, …]}` and `{"train": […], "test": […]}`; `{"columns": […], "data": [[…], …]}`, `{"question": {"0": …}}`,
`{"question": ["…", …]}` and `{"0": {…}, "1": {…}}` as pandas writes them; `{"rows": [{"row": {…}}, …]}` of a viewer.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from udfs.formats.detect import is_known
from udfs.formats.fields import Refusal
from udfs.formats.json_object import load_object

_MOST_LEVELS = 3


def table_rows(content: bytes) -> list[bytes] | None:
    """The rows of a table as records; null where the object is a record itself, or no table that is known."""
    try:
        value = load_object(content)
    except Refusal:
        return None
    rows = _rows_of_columns(value) or (None if is_known(value) else _rows_within(value, _MOST_LEVELS))
    return None if rows is None else [as_record(row) for row in rows]


def as_record(row: Any) -> bytes:
    """A parsed value as the bytes of a record."""
    try:
        return json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(row).encode()


def _rows_within(value: Mapping[str, Any], levels: int) -> list[Any] | None:
    """The rows of an object that is no record: those of all its lists, or of what it maps names to."""
    found: list[Any] = []
    for part in value.values():
        if isinstance(part, list) and part and all(isinstance(row, dict) for row in part):
            found += [_unwrapped(row) for row in part]
        elif isinstance(part, dict) and levels > 1 and not is_known(part):
            found += _rows_of_columns(part) or _rows_within(part, levels - 1) or ()
    if any(map(is_known, found)):
        return found
    rows = list(value.values())
    return rows if rows and all(isinstance(row, dict) for row in rows) and any(map(is_known, rows)) else None


def _rows_of_columns(value: Mapping[str, Any]) -> list[Any] | None:
    """The rows of a table that is stored with its columns apart, as pandas writes it."""
    if _is_split(value):
        return _known([dict(zip(value["columns"], row, strict=True)) for row in value["data"]])
    columns = list(value.values())
    if not columns:
        return None
    if all(isinstance(column, dict) for column in columns):
        index = list(columns[0])
        if not index or not all(key.isdigit() for key in index) or any(list(column) != index for column in columns):
            return None
        return _known([{name: column[key] for name, column in value.items()} for key in index])
    if len(columns) > 1 and all(isinstance(column, list) for column in columns):
        count = len(columns[0])
        if count and all(len(column) == count for column in columns) and not is_known(value):
            return _known([dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)])
    return None


def _known(rows: list[Any]) -> list[Any] | None:
    return rows if any(map(is_known, rows)) else None


def _is_split(value: Mapping[str, Any]) -> bool:
    columns, data = value.get("columns"), value.get("data")
    return (
        isinstance(columns, list)
        and isinstance(data, list)
        and all(isinstance(name, str) for name in columns)
        and _all_have(data, len(columns))
    )


def _all_have(rows: Iterable[Any], count: int) -> bool:
    return all(isinstance(row, Sequence) and not isinstance(row, str) and len(row) == count for row in rows)


def _unwrapped(row: Mapping[str, Any]) -> Any:
    """What a viewer of data sets wraps a row in, taken off."""
    return row["row"] if isinstance(row.get("row"), dict) and "row_idx" in row else row
