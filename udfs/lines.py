"""Splitting content into its lines, each of bounded size."""

from collections.abc import Iterator
from dataclasses import dataclass

from udfs.containers import EXCERPT_BYTES, MAX_RECORD_BYTES, RawRecord
from udfs.unpacking import Chunks


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end."""

    content: bytes
    is_whole: bool
    """False for one that is longer than `MAX_RECORD_BYTES`, of which only the first bytes are here."""
    end: bytes


def line_chunks(chunks: Chunks, end: bytes = b"\n") -> Iterator[Line]:
    """Yield each line; what follows the last line end, empty in a well-formed file, comes last."""
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        *ended, rest = chunk.split(end)
        for piece in ended:
            yield _line(held, piece, held_bytes + len(piece), end)
            held, held_bytes = [], 0
        held_bytes += len(rest)
        held.append(rest)
        if held_bytes > MAX_RECORD_BYTES:
            held = [b"".join(held)[:EXCERPT_BYTES]]
    yield _line(held, b"", held_bytes, b"")


def _line(held: list[bytes], piece: bytes, line_bytes: int, end: bytes) -> Line:
    is_whole = line_bytes <= MAX_RECORD_BYTES
    content = b"".join((*held, piece))
    return Line(content if is_whole else content[:EXCERPT_BYTES], is_whole, end)


def split_line_chunks(chunks: Chunks) -> Iterator[RawRecord]:
    """Yield the lines of a JSONL file without their line ends; blank lines are skipped but counted.

    Only `\\n` and `\\r\\n` end a line. Of one longer than `MAX_RECORD_BYTES` the first bytes are kept, as `too_long`.
    """
    position, content = 0, b""
    held: RawRecord | None = None  # the last line is only known to be whole at the end of the chunks
    for position, line in enumerate(line_chunks(chunks)):
        if held is not None:
            yield held
        content = line.content.removesuffix(b"\r")
        held = None
        if content and not content.isspace():
            held = RawRecord(position, content, None if line.is_whole else "too_long")
    if chunks.fault is not None:
        yield RawRecord(position, content, chunks.fault)
    elif held is not None:
        yield held
