"""Rows of a Parquet file, as Spark would write them as JSON: the first of them, and those that Spark does not take."""

import base64
import json
import math
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from udfs.containers import RawRecord

_BATCH_ROWS = 500


class DamagedParquetError(Exception):
    """A file begins like Parquet and is none that can be read."""


def parquet_rows(file: BinaryIO, count: int) -> list[RawRecord]:
    """The first rows as records.

    Raises:
        DamagedParquetError: says what is wrong with the file.
    """
    try:
        with pq.ParquetFile(file) as table:
            return list(islice(_rows(table, count), count))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedParquetError(str(error).split("\n", 1)[0]) from error


def rows_of_table(path: str) -> Iterator[RawRecord]:
    """All rows of a file of this machine; where it cannot be read on, a last record says so."""
    position = 0
    try:
        with pq.ParquetFile(path) as table:
            for row in _rows(table, _BATCH_ROWS):
                yield row
                position = row.position + 1
    except (pa.ArrowException, OSError, ValueError):
        yield RawRecord(position, b"", "corrupt_parquet")


def parquet_row_count(path: str) -> int | None:
    """How many rows a file says it has, null where it does not."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError, ValueError):
        return None


def is_brotli(path: str) -> bool:
    """Whether a file of this machine is packed with Brotli, which Spark cannot unpack."""
    try:
        meta = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError):
        return False
    groups = (meta.row_group(number) for number in range(meta.num_row_groups))
    return any(group.column(place).compression == "BROTLI" for group in groups for place in range(group.num_columns))


def _rows(table: pq.ParquetFile, count: int) -> Iterator[RawRecord]:
    position = 0
    for batch in table.iter_batches(batch_size=count):
        for row in batch.to_pylist():
            yield RawRecord(position, json.dumps({key: _plain(cell) for key, cell in row.items()}).encode(), None)
            position += 1


def _plain(cell: Any) -> Any:
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, (list, tuple)):
        return [_plain(value) for value in cell]
    if isinstance(cell, bytes):
        return base64.b64encode(cell).decode()
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return cell if cell is None or isinstance(cell, (str, int, float, bool)) else str(cell)
