"""Splitting a JSON array into the verbatim bytes of its elements, without parsing them.

The array is read as a stream and only the current element is held. Strings and plain values are skipped by regular
expressions at C speed; Python only counts brackets.

A damaged element must not cost the rest of the file. What the first element opens with (`{`, white space, first key)
marks where the next ones begin. When brackets do not match, the array ends too early, or an element grows past all
bounds, the text held is cut at these marks and each piece stands for itself. Where a sound element holds the mark a
second time (nested messages), it is ambiguous and no longer used.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice

from udfs.containers import EXCERPT_BYTES, JSON_WHITESPACE, MAX_RECORD_BYTES, RawRecord
from udfs.unpacking import Chunks

# The repeats are bounded because sre keeps a backtracking frame for each.
NESTED_VALUES = re.compile(rb'(?:[^"\[\]{}]+|"[^"\\]*(?:\\.[^"\\]*)*"){0,4096}', re.DOTALL)
_ELEMENT_VALUES = re.compile(rb'(?:[^"\[\]{},]+|"[^"\\]*(?:\\.[^"\\]*)*"){0,4096}', re.DOTALL)
_STRING_REST = re.compile(rb'[^"\\]*(?:\\.[^"\\]*){0,65536}', re.DOTALL)
_OPENING = re.compile(rb'\s*(\{\s*"[^"\\]{1,200}"\s*:)')
_LONGEST_MARK = 1024
OPENER_OF = {"]": "[", "}": "{"}

_Piece = tuple[bytes, str | None]


def split_array_chunks(chunks: Chunks) -> Iterator[RawRecord]:
    """Yield the elements of a JSON array in order, white space around them stripped.

    Reasons: `truncated` (the last, incomplete element, possibly empty), `invalid_json` (what is no element, as far as
    this can be told without parsing), `too_long` (only its first bytes are kept), `trailing_data` (something follows
    the closing bracket; only its first bytes are kept).
    """
    splitter = _ArraySplitter()
    position = 0
    reason = None
    for chunk in chunks:
        for record, reason in splitter.feed(chunk):
            yield RawRecord(position, record, reason)
            position += 1
    for record, reason in splitter.finish():
        reason = chunks.fault or reason if reason == "truncated" else reason
        yield RawRecord(position, record, reason)
        position += 1
    if chunks.fault not in (None, reason):
        yield RawRecord(position, b"", chunks.fault)


class _ArraySplitter:
    """State between two chunks. The buffer begins where the current element begins."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._phase = "before"  # then "inside" and "after", or "no_array"
        self._restart()
        self._overflow: bytes | None = None  # first bytes of an element that is too long to keep
        self._opening: bytes | None = None
        self._mark: re.Pattern[bytes] | None = None

    def _restart(self) -> None:
        """Begin to read an element at the start of the buffer."""
        self._scanned = 0
        self._open: list[str] = []
        self._in_string = False
        self._is_broken = False
        self._searched = 1

    def feed(self, chunk: bytes) -> Iterator[_Piece]:
        """Take the next piece of the array and yield the elements that it completes."""
        place = 0
        while place < len(chunk):
            # No more than makes an element too long, so that this never depends on where a chunk ends.
            room = MAX_RECORD_BYTES + 1 - len(self._buffer)
            self._buffer += chunk[place : place + room]
            place += room
            if self._phase == "before":
                self._enter()
            yield from self._read_elements()
            if self._phase == "inside" and (self._overflow is not None or len(self._buffer) > MAX_RECORD_BYTES):
                yield from self._shed()
            elif self._phase in ("after", "no_array"):
                del self._buffer[EXCERPT_BYTES:]

    def finish(self) -> Iterator[_Piece]:
        """Yield what is left when the content has ended."""
        yield from self._read_elements()
        if self._phase == "inside":
            yield from self._cut_at_marks()
            yield from self._read_elements()
        rest = bytes(self._buffer).strip(JSON_WHITESPACE)
        if self._phase == "inside":
            if rest.endswith((b"}", b"]")) and not (self._open or self._in_string or self._is_broken or self._overflow):
                yield rest, None  # cut right after an element
                rest = b""
            yield self._overflow or rest, "invalid_json" if self._is_broken else "truncated"
        elif rest:
            yield rest, "trailing_data" if self._phase == "after" else "invalid_json"

    def _enter(self) -> None:
        start = len(self._buffer) - len(self._buffer.lstrip(JSON_WHITESPACE))
        if start < len(self._buffer):
            self._phase = "inside" if self._buffer[start] == 0x5B else "no_array"
        del self._buffer[: start + (self._phase == "inside")]

    def _read_elements(self) -> Iterator[_Piece]:
        while self._phase == "inside" or self._closed_too_early():
            if self._phase == "after":
                self._phase = "inside"
                yield b"]", "invalid_json"
            if self._is_broken:
                yield from self._cut_at_marks(most=1)
            stop = None if self._is_broken else self._find_stop()
            if stop is None:
                return
            if self._open:
                self._is_broken = True
                if self._overflow is None:
                    yield from self._cut_at_marks(end=self._scanned)
                else:  # what comes before is dropped already, or will be: chunks decide which
                    self._searched = max(1, self._scanned)
                continue
            piece = bytes(self._buffer[: self._scanned]).strip(JSON_WHITESPACE)
            del self._buffer[: self._scanned + 1]
            self._phase = "after" if stop == "]" else "inside"
            is_long = self._overflow is not None
            if (
                piece or is_long or stop == ","
            ):  # nothing before the bracket: an empty array or a harmless trailing comma
                yield from self._element(piece)
            self._restart()

    def _closed_too_early(self) -> bool:
        """Whether another element follows the closing bracket; if so, the buffer is moved to its start."""
        follows = self._mark.match(self._buffer, 0, EXCERPT_BYTES) if self._phase == "after" and self._mark else None
        if follows:
            del self._buffer[: follows.end()]
        return follows is not None

    def _find_stop(self) -> str | None:
        """Read on to the comma or bracket that ends the element, or to one that breaks it; null where bytes run out."""
        buffer = self._buffer
        while True:
            if self._in_string:
                self._scanned, has_ended = rest_of_string(buffer, self._scanned)
                if not has_ended:
                    return None
                self._in_string = False
            values = NESTED_VALUES if self._open else _ELEMENT_VALUES
            self._scanned = match_end(values, buffer, self._scanned)
            if self._scanned == len(buffer):
                return None
            byte = chr(buffer[self._scanned])
            if byte in "]}":
                if self._open and self._open[-1] == OPENER_OF[byte]:
                    self._open.pop()
                elif self._open or byte == "]":
                    return byte
            elif byte in "[{":
                self._open.append(byte)
            elif byte == '"':
                self._in_string = True
            elif byte == "," and not self._open:
                return byte
            else:
                continue  # the bounded repeat stopped, nothing special is here
            self._scanned += 1

    def _element(self, piece: bytes) -> Iterator[_Piece]:
        if self._overflow is not None:
            overflow, self._overflow = self._overflow, None
            yield overflow, "too_long"
            return
        self._learn_mark(piece)
        if self._mark is not None and self._opening and piece.find(self._opening, 1) >= 0:
            if not is_json(piece):
                yield from ((part.strip(JSON_WHITESPACE), None) for part in self._mark.split(piece))
                return
            self._mark = None
        yield piece, None if piece else "invalid_json"

    def _learn_mark(self, element: bytes) -> None:
        if self._opening is None:
            opening = _OPENING.match(element)
            self._opening = opening.group(1) if opening else b""
            self._mark = re.compile(rb",\s*(?=" + re.escape(self._opening) + rb")") if opening else None

    def _cut_at_marks(self, end: int | None = None, most: int | None = None) -> Iterator[_Piece]:
        """Give out what is held up to the last mark before `end`, of `most` marks, and begin again there."""
        self._learn_mark(bytes(self._buffer[:_LONGEST_MARK]))
        end = len(self._buffer) if end is None else end
        start = 0
        for mark, next_start in self._spans_of_marks(end, most):
            piece = bytes(self._buffer[start:mark]).strip(JSON_WHITESPACE)
            yield (piece, None) if self._overflow is None else (self._overflow, "too_long")
            self._overflow = None
            start = next_start
        if start:
            del self._buffer[:start]
            self._restart()
        else:
            self._searched = max(1, end - _LONGEST_MARK)

    def _spans_of_marks(self, end: int, most: int | None) -> list[tuple[int, int]]:
        # No match may outlive this: as long as one does, the buffer cannot change its size.
        marks = self._mark.finditer(self._buffer, self._searched, end) if self._mark else ()
        return [mark.span() for mark in islice(marks, most)]

    def _shed(self) -> Iterator[_Piece]:
        """Keep an element that is too long from growing in memory."""
        if self._overflow is None:
            yield from self._cut_at_marks()
        if self._overflow is not None or len(self._buffer) > MAX_RECORD_BYTES:
            self._overflow = self._overflow or bytes(self._buffer[:EXCERPT_BYTES]).strip(JSON_WHITESPACE)
            dropped = self._searched - 1 if self._is_broken else self._scanned
            del self._buffer[:dropped]
            self._scanned = self._searched = 1 if self._is_broken else 0


def is_json(piece: bytes) -> bool:
    """Whether a piece is one JSON value."""
    try:
        json.loads(piece)
    except (ValueError, RecursionError):
        return False
    return True


def match_end(pattern: re.Pattern[bytes], buffer: bytearray, start: int) -> int:
    """Where a match at `start` ends, `start` itself where there is none."""
    match = pattern.match(buffer, start)
    return match.end() if match else start


def rest_of_string(buffer: bytearray, start: int) -> tuple[int, bool]:
    """How far the rest of a string is read, and whether its closing quotation mark was reached."""
    while True:
        start = match_end(_STRING_REST, buffer, start)
        if start + 1 >= len(buffer) and buffer[start:] != b'"':
            return start, False  # a backslash at the end waits for what it escapes
        if buffer[start] == 0x22:
            return start + 1, True
