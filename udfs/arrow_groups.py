"""Whole groups out of a sorted stream of Arrow batches."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

Batches = Iterator[pa.RecordBatch]


def whole_groups(batches: Batches, key: str, chunk_rows: int) -> Batches:
    """Cut a stream at group borders, gathering many small groups into one batch.

    Spark's `applyInArrow` starts Python anew for every group, about a millisecond each; with buckets
    of two rows that is the whole run time.

    Args:
        batches: rows sorted by `key`, all rows of a key in this stream.
        key: name of the column, without nulls.
        chunk_rows: rows gathered before a batch is given out; a larger group still comes whole.
    """
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        pending.append(batch)
        if sum(part.num_rows for part in pending) < chunk_rows:
            continue
        rows = pa.Table.from_batches(pending).combine_chunks()
        keys = rows.column(key).to_numpy()
        border = int(np.searchsorted(keys, keys[-1]))
        if border:  # what follows belongs to a group that may go on in the next batch
            yield from rows.slice(0, border).to_batches()
        pending = rows.slice(border).to_batches()
    if pending and pending[0].num_rows:
        yield from pa.Table.from_batches(pending).combine_chunks().to_batches()
