"""Splitting the content of a source file into its records, as a stream and without losing a byte of them.

What is wrong with a file or a record is a `reason` on the record that shows it; nothing here raises for bad input.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from udfs.containers import EXCERPT_BYTES, Container, RawRecord, detect_container
from udfs.csv_rows import split_csv_chunks
from udfs.json_array import split_array_chunks
from udfs.json_objects import split_object_chunks
from udfs.lines import split_line_chunks
from udfs.unpacking import CHUNK_BYTES, Bytes, Chunks, Packing, Readable

FILE_FAULTS: dict[Container, str] = {
    "html": "html_not_json",
    "pointer": "pointer_not_data",
    "binary": "not_text",
    "parquet": "corrupt_parquet",
    "packed": "not_text",  # packed twice
}
"""Reasons of files that hold no records, on one record with their first bytes.

A sound Parquet file is not read here; what comes here is damaged, or packed once more.
"""


@dataclass(frozen=True)
class OpenFile:
    """A file that is being read: what it is, and its records."""

    container: Container
    packing: Packing | None
    encoding: str
    head: bytes
    """Its first bytes, unpacked and as UTF-8."""
    records: Iterator[RawRecord]


def open_file(file: Readable, name: str, chunk_bytes: int = CHUNK_BYTES) -> OpenFile:
    """Tell the kind of a file from its first bytes and its name, and split it into records.

    A packed file that ends early or is damaged gives all its whole records and a last one that says so, with what was
    left: `truncated`, `corrupt_gzip` (or `_bz2`, `_xz`, `_zst`), `decompression_bomb`. UTF-16 and UTF-32 are decoded.
    An empty file has no records.
    """
    chunks = Chunks(file, chunk_bytes)
    head = chunks.head()
    container = detect_container(head, name)
    excerpt = head[:EXCERPT_BYTES]
    return OpenFile(container, chunks.packing, chunks.encoding, excerpt, _records(chunks, container, excerpt))


def _records(chunks: Chunks, container: Container, head: bytes) -> Iterator[RawRecord]:
    if container in FILE_FAULTS:
        yield RawRecord(0, head, FILE_FAULTS[container])
    elif container == "json_array":
        yield from split_array_chunks(chunks)
    elif container == "json_objects":
        yield from split_object_chunks(chunks)
    elif container == "csv":
        yield from split_csv_chunks(chunks)
    else:
        yield from split_line_chunks(chunks)


def read_whole_file(content: Bytes, name: str) -> Iterator[RawRecord]:
    """Split a file that is held in memory into records; see `open_file`."""
    return open_file(_Held(memoryview(content)), name).records


class _Held:
    """Bytes that are served like a file, without a copy of the whole."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._place = 0

    def read(self, size: int, /) -> bytes:
        piece = bytes(self._content[self._place : self._place + size])
        self._place += len(piece)
        return piece
