"""Arrow batches out of rows, and whole groups out of a sorted stream of batches."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from udfs import worker_memory  # noqa: F401 - at work in each worker that runs a function over Arrow batches

ArrowBatches = Iterator[pa.RecordBatch]


def batch_of(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """A batch of rows, of which there is at least one, with their values in the order of the schema."""
    columns = zip(*rows, strict=True)
    return pa.record_batch([pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)], schema=schema)


def whole_groups(batches: ArrowBatches, key: str, chunk_rows: int, chunk_bytes: int = 1 << 62) -> ArrowBatches:
    """Cut a stream at group borders, gathering many small groups into one batch.

    Spark's `applyInArrow` starts Python anew for every group, about a millisecond each; with buckets
    of two rows that is the whole run time.

    Args:
        batches: rows sorted by `key`, all rows of a key in this stream.
        key: name of the column, without nulls.
        chunk_rows: rows gathered before a batch is given out; a larger group still comes whole.
        chunk_bytes: the same of their bytes.
    """
    pending: list[pa.RecordBatch] = []
    rows_pending = bytes_pending = 0
    for batch in batches:
        pending.append(batch)
        rows_pending, bytes_pending = rows_pending + batch.num_rows, bytes_pending + batch.nbytes
        if rows_pending < chunk_rows and bytes_pending < chunk_bytes:
            continue
        rows = pa.Table.from_batches(pending).combine_chunks()
        keys = rows.column(key).to_numpy()
        border = int(np.searchsorted(keys, keys[-1]))
        if border:  # what follows belongs to a group that may go on in the next batch
            yield from rows.slice(0, border).to_batches()
        pending = rows.slice(border).to_batches()
        rows_pending, bytes_pending = rows.num_rows - border, sum(part.nbytes for part in pending)
    if pending and pending[0].num_rows:
        yield from pa.Table.from_batches(pending).combine_chunks().to_batches()
