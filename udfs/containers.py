"""What kind of file a run of bytes is, and its content as a stream of decompressed chunks."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Content = bytes | memoryview
Container = Literal["json_array", "json_lines", "csv", "parquet", "html", "gzip", "binary", "single_object", "empty"]

CHUNK_BYTES = 256 * 1024
EXCERPT_BYTES = 4096
"""How much is kept of a file or a record that is refused as a whole."""
MAX_RECORD_BYTES = 64 * 1024 * 1024
"""A longer record is refused unread, so that a hostile file cannot fill the memory."""

UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
JSON_WHITESPACE = b" \t\r\n"

_GZIP_MAGIC = b"\x1f\x8b"
_BINARY_MAGICS = (b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ", b"%PDF", b"\x89PNG", b"ARROW1")
_TEXT_CONTROLS = b"\t\n\x0b\x0c\r\x1b"
_CONTROLS = bytes(set(range(0x20)) - set(_TEXT_CONTROLS))


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record of a file as read, and why it cannot be used if that is already known."""

    position: int
    """From 0: element of an array, line of a JSONL file (blank lines count), data row of a CSV file."""
    record: bytes
    reason: str | None


class Chunks:
    """The content of a file in pieces of bounded size. Iterate once; afterwards `fault` says how it ended."""

    fault: str | None = None
    """`truncated` or `corrupt_gzip` once the content has ended before its time, else null."""

    def __init__(self, content: Content) -> None:
        """Serve `content`, any bytes-like object."""
        self._pieces = self._read(memoryview(content))
        self._ahead = b""

    def head(self) -> bytes:
        """The first bytes of the content, which stay to be iterated."""
        self._ahead = self._ahead or next(self._pieces, b"")
        return self._ahead[:EXCERPT_BYTES]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces in order."""
        if self._ahead:
            yield self._ahead
        yield from self._pieces

    def _read(self, content: memoryview) -> Iterator[bytes]:
        for start in range(0, len(content), CHUNK_BYTES):
            yield bytes(content[start : start + CHUNK_BYTES])


class GzipChunks(Chunks):
    """The decompressed content of a gzip file of one or more members.

    Never raises: a damaged file ends early and `fault` names the damage. What follows the last member
    and is not gzip (padding, as tape and block tools add it) is ignored, as gzip itself does.
    """

    def _read(self, content: memoryview) -> Iterator[bytes]:
        while bytes(content[:2]) == _GZIP_MAGIC:
            member = zlib.decompressobj(wbits=31)
            read = 0
            while not member.eof:
                pending: Content = member.unconsumed_tail or content[read : read + CHUNK_BYTES]
                if not pending:
                    self.fault = "truncated"
                    return
                if not member.unconsumed_tail:
                    read += len(pending)
                before = member.copy()
                try:
                    piece = member.decompress(pending, CHUNK_BYTES)
                except zlib.error:
                    self.fault = "corrupt_gzip"
                    piece = _up_to_error(before, pending)
                if piece:
                    yield piece
                if self.fault is not None:
                    return
            content = content[read - len(member.unused_data) :]


def _up_to_error(member: "zlib._Decompress", pending: Content) -> bytes:
    """What precedes the damage; zlib itself gives nothing of a call that fails, not even at a wrong checksum."""
    pieces = []
    try:
        for place in range(len(pending)):
            pieces.append(member.decompress(pending[place : place + 1]))
    except zlib.error:
        return b"".join(pieces)
    return b"".join(pieces)


def gunzip(content: Content) -> GzipChunks:
    """Decompress a gzip file piece by piece: iterate the result once, then look at its `fault`."""
    return GzipChunks(content)


def detect_container(head: bytes, name: str) -> Container:
    """Tell the kind of a file from its first bytes (a few KB are enough) and its name.

    What is text but nothing more definite is taken for `json_lines`, so that each line says what is wrong with it.
    A UTF-16 file is `binary` here; `read_whole_file` names it more precisely.
    """
    if head[:2] == _GZIP_MAGIC:
        return "gzip"
    if head[:4] == b"PAR1":
        return "parquet"
    if head.startswith((*_BINARY_MAGICS, *UTF16_BOMS)):
        return "binary"
    text = head.removeprefix(UTF8_BOM).lstrip()
    if not text:
        return "empty"
    plain_name = name.lower().removesuffix(".gz")
    if text[:15].lower().startswith((b"<!doctype", b"<html")) or (text[:1] == b"<" and not plain_name.endswith("sv")):
        return "html"
    if plain_name.endswith((".csv", ".tsv")):
        return "csv"
    if text[:1] == b"[":
        return "json_array"
    if text[:1] == b"{":
        return "single_object" if _spans_lines(text) else "json_lines"
    control_bytes = len(head) - len(head.translate(None, _CONTROLS))
    return "binary" if control_bytes * 100 > len(head) or b"\0" in head else "json_lines"


def _spans_lines(text: bytes) -> bool:
    """Whether an object that begins here goes on over the line end: then the file is no JSONL."""
    lines = [line.strip() for line in text.split(b"\n", 64) if line.strip()]
    if len(lines) < 2 or lines[1].startswith(b"{"):
        return False
    try:
        json.loads(lines[0])
    except (ValueError, RecursionError):
        return True
    return False
