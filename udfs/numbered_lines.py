"""Executor side of reading text files: each line with its place, whatever the blocks that Spark cuts a file into."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from udfs.arrow_groups import ArrowBatches, batch_of
from udfs.containers import EXCERPT_BYTES, MAX_RECORD_BYTES
from udfs.unpacking import UTF8_BOM

_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("block", pa.int64()),
        ("ordinal", pa.int64()),
        ("record", pa.binary()),
        ("reason", pa.string()),
    ]
)


def numbered(parse: Callable[[ArrowBatches], ArrowBatches]) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function that numbers lines and hands them to another one, so that they travel once."""

    def read(batches: ArrowBatches) -> ArrowBatches:
        return parse(number_lines(batches))

    return read


def number_lines(batches: ArrowBatches) -> ArrowBatches:
    """Rows of (file, block, record) to rows of (file, block, ordinal, record, reason), without the blank ones.

    `ordinal` is the line's place in its block. A block lies in one task, in order, so counting is enough; the line's
    place in the file is the ordinal plus the lines of the blocks before, whatever the block size. A byte order mark and
    the CR of a CRLF belong to the file, not to the record. Of a line that is too long the first bytes are kept, and
    `reason` is `too_long`, else null.
    """
    seen: Counter[tuple[str, int]] = Counter()
    for batch in batches:
        rows: list[tuple[Any, ...]] = []
        columns = (batch.column(name).to_pylist() for name in ("file", "block", "record"))
        for file, block, record in zip(*columns, strict=True):
            ordinal = seen[file, block]
            seen[file, block] += 1
            line = (record if ordinal or block else record.removeprefix(UTF8_BOM)).removesuffix(b"\r")
            if len(line) > MAX_RECORD_BYTES:
                rows.append((file, block, ordinal, line[:EXCERPT_BYTES], "too_long"))
            elif line and not line.isspace():
                rows.append((file, block, ordinal, line, None))
        if rows:
            yield batch_of(rows, _SCHEMA)
