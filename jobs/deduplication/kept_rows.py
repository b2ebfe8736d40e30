"""The kept rows of an input, copied as they are, and the list of those that are not.

The driver streams the input once and leaves out the places of removed rows. Rows that passed through Spark would
come back with other types (times, unsigned numbers) and without the metadata of their file.
"""

from collections.abc import Iterable, Iterator, Sequence
from gzip import GzipFile
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.deduplication.input_file import InputFiles
from jobs.workspace import files
from udfs.unpacking import UTF8_BOM

KEPT = {"json_lines": "kept.jsonl", "parquet": "kept.parquet"}
"""Kind of the input -> name of the file with the kept rows."""

DUPLICATE = pa.schema(
    [("id", pa.string()), ("duplicate_of", pa.string()), ("jaccard", pa.float64()), ("reason", pa.string())]
)
_BATCH_ROWS = 5_000

RowPlaces = npt.NDArray[np.int64]


def write_result(found: InputFiles, removed_parts: Sequence[str], kept: str, duplicates: str) -> int:
    """Write both files of the result, so that neither appears before both are whole.

    Args:
        found: the input.
        removed_parts: Parquet files with columns file (its number), position, id, duplicate_of, jaccard and reason,
            all of them together sorted by the first two.
        kept: file to write the kept rows to.
        duplicates: Parquet file to write rows of `DUPLICATE` to.

    Returns:
        The number of removed rows.
    """
    with files.open_atomic(kept) as kept_out, files.open_atomic(duplicates) as duplicates_out:
        places = _write_duplicates(removed_parts, duplicates_out, len(found.paths))
        if found.schema is not None:
            _copy_tables(found, found.schema, places, kept_out)
        else:
            _copy_lines(found, places, kept_out)
    return sum(len(of_file) for of_file in places)


def _write_duplicates(parts: Sequence[str], target: IO[Any], number_of_files: int) -> list[RowPlaces]:
    """Write the list; give back the removed places of each file. Only these, 8 bytes each, are held in memory."""
    numbers: list[npt.NDArray[np.int32]] = []
    positions: list[RowPlaces] = []
    with pq.ParquetWriter(target, DUPLICATE, compression="zstd") as writer:
        for part in parts:
            with files.open_for_reading(part) as handle:
                for batch in pq.ParquetFile(handle).iter_batches(batch_size=_BATCH_ROWS):
                    writer.write_batch(batch.select(DUPLICATE.names).cast(DUPLICATE))
                    numbers.append(batch.column("file").to_numpy())
                    positions.append(batch.column("position").to_numpy())
    all_numbers = np.concatenate([np.empty(0, np.int32), *numbers])
    all_positions = np.concatenate([np.empty(0, np.int64), *positions])
    borders = np.searchsorted(all_numbers, np.arange(1, number_of_files))
    return list(np.split(all_positions, borders))


def _copy_lines(found: InputFiles, places: Sequence[RowPlaces], target: IO[Any]) -> None:
    for path, removed in zip(found.paths, places, strict=True):
        with files.open_for_reading(path) as handle:
            lines = GzipFile(fileobj=handle) if path.endswith(".gz") else handle
            target.writelines(kept_lines(lines, removed))


def kept_lines(lines: Iterable[bytes], removed: Iterable[int]) -> Iterator[bytes]:
    """The lines whose place is not among the removed ones, which are sorted; each ends with a line feed."""
    to_skip = iter(removed)
    skipped = next(to_skip, None)
    for position, line in enumerate(lines):
        if position == skipped:
            skipped = next(to_skip, None)
            continue
        content = line if position else line.removeprefix(UTF8_BOM)
        if content.strip():
            yield content if content.endswith(b"\n") else content + b"\n"


def _copy_tables(found: InputFiles, schema: pa.Schema, places: Sequence[RowPlaces], target: IO[Any]) -> None:
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for path, removed in zip(found.paths, places, strict=True):
            with files.open_for_reading(path) as handle:
                start = 0
                for batch in pq.ParquetFile(handle).iter_batches(batch_size=_BATCH_ROWS):
                    is_kept = np.ones(batch.num_rows, dtype=np.bool_)
                    first, end = np.searchsorted(removed, [start, start + batch.num_rows])
                    is_kept[removed[first:end] - start] = False
                    writer.write_batch(batch.filter(pa.array(is_kept)))
                    start += batch.num_rows
