"""Splitting a file of JSON objects that are neither an array nor one a line: over several lines, or several on one.

What stands between objects (white space, commas, record separators) is passed over. Behind damage, reading goes on at
the next mark: a brace at the beginning of a line, or what the first object opens with (`{`, white space, first key)
where it is no value of another object.
"""

import re
from collections.abc import Iterator
from itertools import chain, pairwise

from udfs.containers import EXCERPT_BYTES, MAX_RECORD_BYTES, RECORD_SEPARATORS, RawRecord
from udfs.json_array import NESTED_VALUES, OPENER_OF, is_json, match_end, rest_of_string
from udfs.json_tables import table_rows
from udfs.unpacking import Chunks

_OPENING = re.compile(rb'\{\s*"[^"\\]{1,200}"\s*:')
_LINE_MARK = rb"(?<=[\n\r\x1e])(?=\{)"
_LONGEST_MARK = 1024

_Piece = tuple[bytes, str | None]


def split_object_chunks(chunks: Chunks) -> Iterator[RawRecord]:
    """Yield the objects in order. A single one that is a table in itself gives its rows; see `table_rows`.

    Reasons: `invalid_json` (what is no object), `too_long` (only the first bytes are kept), `truncated` (an object
    without an end, last in the file).
    """
    pieces = _pieces(chunks)
    first, second = next(pieces, None), next(pieces, None)
    if first is not None and first[1] is None and second is None and chunks.fault is None:
        rows = table_rows(first[0])
        if rows is not None:
            yield from (RawRecord(position, row, None) for position, row in enumerate(rows))
            return
    known = [piece for piece in (first, second) if piece is not None]
    for position, (record, reason) in enumerate(chain(known, pieces)):
        yield RawRecord(position, record, reason)


def _pieces(chunks: Chunks) -> Iterator[_Piece]:
    splitter = _ObjectSplitter()
    reason = None
    for chunk in chunks:
        yield from splitter.feed(chunk)
    for record, reason in splitter.finish():
        reason = chunks.fault or reason if reason == "truncated" else reason
        yield record, reason
    if chunks.fault not in (None, reason):
        yield b"", chunks.fault


class _ObjectSplitter:
    """State between two chunks. The buffer begins where the current object begins.

    What is given out depends on places in the content only, never on where a chunk ends.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._mark: re.Pattern[bytes] | None = None
        self._overflow: bytes | None = None  # first bytes of what is too long to keep
        self._restart()

    def _restart(self) -> None:
        """Look for an object at the start of the buffer."""
        self._is_inside = False
        self._is_broken = False
        self._scanned = 0
        self._open: list[str] = []
        self._in_string = False
        self._searched = 1

    def feed(self, chunk: bytes) -> Iterator[_Piece]:
        """Take the next piece of the content and yield the objects that it completes."""
        place = 0
        while place < len(chunk):
            room = MAX_RECORD_BYTES + 1 - len(self._buffer)
            self._buffer += chunk[place : place + room]
            place += room
            yield from self._read()

    def finish(self) -> Iterator[_Piece]:
        """Yield what is left when the content has ended."""
        is_cut = True
        while self._buffer and is_cut and self._overflow is None:
            before = len(self._buffer)
            yield from self._give_up(before)
            yield from self._read()
            is_cut = len(self._buffer) < before
        if self._overflow is not None:
            yield self._overflow, "too_long"
        elif self._buffer:
            rest = bytes(self._buffer).rstrip(RECORD_SEPARATORS)
            yield rest, "invalid_json" if self._is_broken else "truncated"

    def _read(self) -> Iterator[_Piece]:
        while True:
            if not self._is_inside:
                del self._buffer[: len(self._buffer) - len(self._buffer.lstrip(RECORD_SEPARATORS))]
                if not self._buffer:
                    return
                self._is_inside = True
                self._is_broken = self._buffer[0] != 0x7B
            elif self._is_broken:
                piece = self._up_to_next_mark()
                if piece is None:
                    return
                yield piece
            elif (end := self._find_end()) is not None:
                yield from self._object(bytes(self._buffer[:end]))
                del self._buffer[:end]
                self._restart()
            elif self._is_broken or len(self._buffer) > MAX_RECORD_BYTES:
                yield from self._give_up(self._scanned)
            else:
                return

    def _find_end(self) -> int | None:
        """Read on to the end of the object; null where the bytes run out, or a bracket does not match."""
        buffer = self._buffer
        while True:
            if self._in_string:
                self._scanned, has_ended = rest_of_string(buffer, self._scanned)
                if not has_ended:
                    return None
                self._in_string = False
            self._scanned = match_end(NESTED_VALUES, buffer, self._scanned)
            if self._scanned == len(buffer):
                return None
            byte = chr(buffer[self._scanned])
            if byte in "]}":
                if self._open[-1] != OPENER_OF[byte]:
                    self._is_broken = True
                    return None
                self._open.pop()
            elif byte in "[{":
                self._open.append(byte)
            elif byte == '"':
                self._in_string = True
            else:
                continue  # the bounded repeat stopped, nothing special is here
            self._scanned += 1
            if not self._open:
                return self._scanned

    def _object(self, piece: bytes) -> Iterator[_Piece]:
        """An object, or those that two faults which balance each other have joined."""
        marks = self._marks(piece)
        if marks.search(piece, 1) is None:
            yield piece, None
        elif is_json(piece):
            self._mark = re.compile(_LINE_MARK)  # the other is within objects, too
            yield piece, None
        else:
            yield from self._cut(piece, marks, len(piece))

    def _give_up(self, place: int) -> Iterator[_Piece]:
        """Cut what is held at all marks up to a place and begin again at the last; without one, it is broken."""
        marks = self._marks(self._buffer)
        last = max((mark.start() for mark in marks.finditer(self._buffer, 1, place)), default=0)
        if last:
            yield from self._cut(bytes(self._buffer[:last]), marks, last)
            del self._buffer[:last]
            self._restart()
        elif self._is_inside:
            self._is_broken = self._is_broken or place < len(self._buffer) or place > MAX_RECORD_BYTES

    def _cut(self, held: bytes, marks: re.Pattern[bytes], end: int) -> Iterator[_Piece]:
        starts = [0, *(mark.start() for mark in marks.finditer(held, 1, end)), end]
        for start, stop in pairwise(starts):
            yield held[start:stop].rstrip(RECORD_SEPARATORS), None

    def _up_to_next_mark(self) -> _Piece | None:
        found = self._marks(self._buffer).search(self._buffer, self._searched)
        mark = found.start() if found else None
        del found  # as long as it is there, the buffer cannot change its size
        if mark is None:
            if self._overflow is not None or len(self._buffer) > MAX_RECORD_BYTES:
                self._overflow = self._overflow or bytes(self._buffer[:EXCERPT_BYTES])
                del self._buffer[:-_LONGEST_MARK]
            self._searched = max(1, len(self._buffer) - _LONGEST_MARK)
            return None
        piece, self._overflow = self._overflow, None
        reason = "too_long" if piece is not None else None
        piece = piece if piece is not None else bytes(self._buffer[:mark]).rstrip(RECORD_SEPARATORS)
        del self._buffer[:mark]
        self._restart()
        return piece, reason

    def _marks(self, content: bytes | bytearray) -> re.Pattern[bytes]:
        if self._mark is None:
            opening = _OPENING.match(content)
            if opening is None:
                return re.compile(_LINE_MARK)
            self._mark = re.compile(_LINE_MARK + rb"|(?<![\[:])(?<![\[:]\s)(?=" + re.escape(opening.group()) + rb")")
        return self._mark
