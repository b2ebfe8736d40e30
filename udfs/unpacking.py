"""The content of a file as UTF-8 in pieces of bounded size, whatever it was packed and encoded in.

Nothing here raises for bad input: damaged content ends early, and `fault` says how.
"""

import bz2
import codecs
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import pyarrow as pa

Bytes = bytes | memoryview
Packing = Literal["gzip", "bz2", "xz", "zst"]

CHUNK_BYTES = 256 * 1024
HEAD_BYTES = 1024 * 1024
"""How much of the content is looked at to tell what it is."""
FREE_UNPACKED_BYTES = 1 << 30
MAX_UNPACKED_RATIO = 100
"""Content that is more than a GiB and this many times its packed size is a decompression bomb, and ends there."""

UTF8_BOM = b"\xef\xbb\xbf"
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zstd")

_MAGICS: dict[bytes, Packing] = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_BOMS = (  # the longer ones first: UTF-32 begins with the mark of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ASCII_UTF16_LE = re.compile(rb"(?:[\t\n\r -~]\0){2}")
_ASCII_UTF16_BE = re.compile(rb"(?:\0[\t\n\r -~]){2}")
_ASCII_UTF32_LE = re.compile(rb"(?:[\t\n\r -~]\0\0\0){2}")
_ASCII_UTF32_BE = re.compile(rb"(?:\0\0\0[\t\n\r -~]){2}")
_PACKED_READ_BYTES = 4096
_MAX_XZ_MEMORY_BYTES = 256 * 1024 * 1024


class Readable(Protocol):
    """Anything that gives its bytes one piece after the other: a file, or `io.BytesIO`."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


class _GzipMember:
    """One member of a gzip file, in the manner of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        pending = self._member.unconsumed_tail + data
        before = self._member.copy()
        try:
            return self._member.decompress(pending, max(max_length, 0))
        except zlib.error as error:
            raise _DamagedError(_up_to_error(before, pending)) from error

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        return not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data


class _DamagedError(Exception):
    """Packed content is damaged; `piece` is what precedes the damage."""

    def __init__(self, piece: bytes) -> None:
        super().__init__()
        self.piece = piece


_DECOMPRESSORS: dict[Packing, Callable[[], _Decompressor]] = {
    "gzip": _GzipMember,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_MAX_XZ_MEMORY_BYTES),
}


class Chunks:
    """The content of a file in pieces. Iterate once; afterwards `fault` says how it ended."""

    fault: str | None = None
    """Once the content has ended before its time: `truncated`, `decompression_bomb`, or `corrupt_` and the packing."""
    packing: Packing | None = None
    encoding: str = "utf-8"
    """What the content was decoded from."""

    def __init__(self, file: Readable, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Serve the content of `file` in pieces of about `chunk_bytes`; what they are has no part in any result."""
        self._packed_bytes = 0
        self._pieces = self._decoded(self._unpacked(file, chunk_bytes))
        self._ahead: list[bytes] = []

    def head(self) -> bytes:
        """The first `HEAD_BYTES` of the content, all of it where it is shorter; they stay to be iterated."""
        held = sum(map(len, self._ahead))
        while held < HEAD_BYTES and (piece := next(self._pieces, None)) is not None:
            self._ahead.append(piece)
            held += len(piece)
        return b"".join(self._ahead)[:HEAD_BYTES]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces in order, none of them empty."""
        yield from self._ahead
        self._ahead = []
        yield from self._pieces

    def _unpacked(self, file: Readable, chunk_bytes: int) -> Iterator[bytes]:
        first = file.read(_PACKED_READ_BYTES)
        self.packing = packing_of(first)
        if self.packing is None:
            while first:
                yield from _slices(first, chunk_bytes)
                first = file.read(max(chunk_bytes, _PACKED_READ_BYTES))
            return
        packed = _Counted(first, file)
        unpacked = _zstd_pieces(packed) if self.packing == "zst" else _pieces(packed, self.packing)
        unpacked_bytes = 0
        try:
            for piece in unpacked:
                unpacked_bytes += len(piece)
                if unpacked_bytes > max(FREE_UNPACKED_BYTES, MAX_UNPACKED_RATIO * packed.count):
                    self.fault = "decompression_bomb"
                    return
                yield from _slices(piece, chunk_bytes)
        except _DamagedError as damage:
            yield from _slices(damage.piece, chunk_bytes)
            self.fault = f"corrupt_{self.packing}"
        except EOFError:
            self.fault = "truncated"

    def _decoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The content as UTF-8 without a byte order mark."""
        first = b""
        while len(first) < _PACKED_READ_BYTES and (piece := next(pieces, None)) is not None:
            first += piece
        encoding = _encoding_of(first)
        if encoding is None:
            first = first.removeprefix(UTF8_BOM)
            if first:
                yield first
            yield from pieces
            return
        self.encoding = encoding.removesuffix("-le").removesuffix("-be")
        # What is no character passes as it is, so that it is refused with its record and not with the file.
        decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        try:
            for piece in _chain(first, pieces):
                if text := decoder.decode(piece):
                    yield text.encode("utf-8", "surrogatepass")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.fault = self.fault or "truncated"


class _Counted(io.RawIOBase):
    """A file with its first bytes put back, and how many were read of it."""

    def __init__(self, first: bytes, file: Readable) -> None:
        super().__init__()
        self._first = first
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        piece, self._first = self._first or self._file.read(size), b""
        self.count += len(piece)
        return piece


_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18.{4}", re.DOTALL)


def packing_of(head: bytes) -> Packing | None:
    """What a file is packed with, from its first bytes; null for what is not, or not in a way that is read."""
    while _SKIPPABLE.match(head):  # frames that a parallel zstd puts before the data
        head = head[8 + int.from_bytes(head[4:8], "little") :]
        if not head:
            return "zst"
    return next((packing for magic, packing in _MAGICS.items() if head.startswith(magic)), None)


def _pieces(packed: _Counted, packing: Packing) -> Iterator[bytes]:
    """The content of a file of one or more members.

    What follows the last member and is none (padding, as tape and block tools add it) is ignored, as gzip does.
    """
    magic = next(magic for magic, name in _MAGICS.items() if name == packing)
    pending = packed.read(_PACKED_READ_BYTES)
    while pending.startswith(magic):
        member = _DECOMPRESSORS[packing]()
        while not member.eof:
            if member.needs_input and not (pending := pending or packed.read(_PACKED_READ_BYTES)):
                raise EOFError
            given, pending = (pending, b"") if member.needs_input else (b"", pending)
            try:
                piece = member.decompress(given, CHUNK_BYTES)
            except (OSError, EOFError, lzma.LZMAError) as error:
                raise _DamagedError(b"") from error
            if piece:
                yield piece
        pending = member.unused_data + pending
        while len(pending) < len(magic) and (more := packed.read(_PACKED_READ_BYTES)):
            pending += more
        pending = pending.lstrip(b"\0") if packing == "xz" else pending  # padding between the streams of xz


def _zstd_pieces(packed: _Counted) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd") as stream:
        while True:
            try:
                piece = stream.read(CHUNK_BYTES)
            except OSError as error:
                if "Truncated" in str(error):
                    raise EOFError from error
                raise _DamagedError(b"") from error
            if not piece:
                return
            yield piece


def _up_to_error(member: "zlib._Decompress", pending: bytes) -> bytes:
    """What precedes the damage; zlib itself gives nothing of a call that fails, not even at a wrong checksum."""
    pieces = []
    try:
        for place in range(len(pending)):
            pieces.append(member.decompress(pending[place : place + 1]))
    except zlib.error:
        return b"".join(pieces)
    return b"".join(pieces)


def _encoding_of(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by its byte order mark or by the zero bytes of its ASCII; null for anything else."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if _ASCII_UTF32_LE.match(head):
        return "utf-32-le"
    if _ASCII_UTF32_BE.match(head):
        return "utf-32-be"
    pairs = len(head) // 2
    if pairs >= 2:
        evens, odds = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
        if odds > 0.3 * pairs and odds >= 3 * evens and _ASCII_UTF16_LE.match(head):
            return "utf-16-le"
        if evens > 0.3 * pairs and evens >= 3 * odds and _ASCII_UTF16_BE.match(head):
            return "utf-16-be"
    return None


def _slices(piece: bytes, size: int) -> Iterator[bytes]:
    return (piece[start : start + size] for start in range(0, len(piece), size))


def _chain(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces
