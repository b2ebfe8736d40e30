"""Splitting CSV into its data rows, each as a JSON object, so that one bad row costs only itself.

Where a row ends is told from quotes alone; each row is then parsed on its own. A quote that is never closed would
swallow the rows behind it: where what it holds looks like rows of the table, they are read.
"""

import csv
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from udfs.containers import EXCERPT_BYTES, MAX_RECORD_BYTES, RawRecord
from udfs.lines import Line, line_chunks
from udfs.unpacking import Chunks

MAX_QUOTED_BYTES = 4 * 1024 * 1024
"""How far the end of a quoted cell is looked for over the ends of lines."""

_MOST_TIMES_LOOKED_AT = 2
"""How often a byte may be read again on average behind quotes without an end, whatever the file is made of."""

_DELIMITERS = b",\t;|"
_SAID_DELIMITER = re.compile(rb'"?sep=(.)"?', re.IGNORECASE)  # a first line that Excel understands


def split_csv_chunks(chunks: Chunks, delimiter: str | None = None) -> Iterator[RawRecord]:
    """Yield each data row as the bytes of a JSON object, its keys from the header row.

    Lines end with LF, CRLF, or CR where there is no LF. Reasons: `invalid_csv` (more or fewer columns than the header,
    or broken quoting), `not_utf8`, `too_long` (only the first bytes are kept); all hold the row's own bytes. Rows
    without any column are skipped and not counted. A column name that comes again has `_2`, `_3`, ... appended.

    Args:
        chunks: the content.
        delimiter: what separates cells; null: what the file says, or what is most frequent in the header.
    """
    head = chunks.head()
    is_mac = b"\r" in head and b"\n" not in head
    lines = _Lines(line_chunks(chunks, b"\r" if is_mac else b"\n"))
    said = _SAID_DELIMITER.fullmatch(lines.first().rstrip(b"\r"))
    if said:
        lines.take(1)
    if delimiter is None:
        delimiter = said.group(1).decode("latin-1") if said else _likeliest_delimiter(lines.first())
    yield from _rows(chunks, lines, delimiter)


def _rows(chunks: Chunks, lines: "_Lines", delimiter: str) -> Iterator[RawRecord]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_BYTES + 1))
    header: list[str] | None = None
    position = 0
    held: RawRecord | None = None  # the row before, which is only known to be whole when another line follows
    held_raw = b""
    while lines.reaches(1):
        raw, row, reason = lines.take_row(delimiter, header)
        if held is not None:
            yield held
            held = None
        if row == []:
            continue
        if header is None:
            header = _unique_names(row or [])
            continue
        held, held_raw = _record(position, header, row, raw, reason), raw
        position += 1
    if chunks.fault is None:
        if held is not None:
            yield held
    elif held is not None:
        yield RawRecord(position - 1, held_raw[:EXCERPT_BYTES], chunks.fault)
    else:
        yield RawRecord(position, b"", chunks.fault)


class _Lines:
    """The lines of the file, of which some can be looked at ahead."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._ahead: deque[Line] = deque()
        self._taken = 0
        self._looked_at_again = 0

    def reaches(self, count: int) -> bool:
        """Whether there are so many lines; they are held then."""
        while len(self._ahead) < count and (line := next(self._lines, None)) is not None:
            self._ahead.append(line)
        return len(self._ahead) >= count

    def first(self) -> bytes:
        """The next line, empty at the end of the file; it stays to be taken."""
        return self._ahead[0].content if self.reaches(1) else b""

    def take(self, count: int) -> bytes:
        """The next lines as they stand in the file, without the last line end."""
        taken = _joined([self._ahead.popleft() for _ in range(count)])
        self._taken += len(taken)
        return taken

    def take_row(self, delimiter: str, header: Sequence[str] | None) -> tuple[bytes, list[str] | None, str | None]:
        """The bytes of the next row, its cells if it is one, and why it is none where this is known.

        Args:
            delimiter: what separates cells.
            header: the names of the columns, null where this is the header.
        """
        separator = delimiter.encode("latin-1")
        count = held = 0
        is_open = True
        while is_open and held <= MAX_QUOTED_BYTES and self.reaches(count + 1) and self._ahead[count].is_whole:
            line = self._ahead[count].content
            is_open = _ends_open(line, separator, is_open and count > 0)
            held += len(line) + 1
            count += 1
        if count == 0:
            return self.take(1), None, "too_long"
        row = None if is_open else _parsed(_joined(islice(self._ahead, count)), delimiter)
        if row is not None and (header is None or len(row) in (0, len(header))):
            return self.take(count), row, None
        swallowed = [line.content for line in islice(self._ahead, 1, count) if line.content.strip()]
        alike = sum(line.count(separator) + 1 == len(header or ()) for line in swallowed)
        self._looked_at_again += held
        is_affordable = self._looked_at_again <= _MOST_TIMES_LOOKED_AT * (self._taken + MAX_QUOTED_BYTES)
        if (header is None or alike * 2 >= len(swallowed)) and is_affordable:
            return self.take(1), None, "invalid_csv"
        if is_open and self.reaches(count + 1):
            return self._take_giant(count), None, "too_long"
        return self.take(count), None, "invalid_csv"

    def _take_giant(self, count: int) -> bytes:
        """Pass over a cell of many lines up to the quote that ends it; the beginning of what was passed over."""
        excerpt = self.take(count)[:EXCERPT_BYTES]
        passed = 0
        while passed < MAX_RECORD_BYTES and self.reaches(1):
            line = self._ahead.popleft()
            passed += len(line.content) + 1
            if not line.is_whole or not _ends_open(line.content, b"\0", is_open=True):
                break
        return excerpt


def _joined(lines: Iterable[Line]) -> bytes:
    *others, last = lines
    return b"".join([*(line.content + line.end for line in others), last.content]).removesuffix(b"\r")


def _ends_open(line: bytes, delimiter: bytes, is_open: bool) -> bool:
    """Whether a quoted cell is open at the end of a line."""
    if b'"' not in line:
        return is_open
    place = 0
    while True:
        if not is_open and line[place : place + 1] == b'"':
            is_open = True
            place += 1
        if is_open:
            quote = line.find(b'"', place)
            if quote < 0:
                return True
            if line[quote + 1 : quote + 2] == b'"':
                place = quote + 2
                continue
            is_open = False
            place = quote + 1
        place = line.find(delimiter, place)
        if place < 0:
            return False
        place += 1


def _parsed(raw: bytes, delimiter: str) -> list[str] | None:
    """The cells of a row, null where it breaks the rules of CSV."""
    text = raw.decode("utf-8", "surrogateescape")
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if rows else []


def _record(position: int, header: list[str], row: list[str] | None, raw: bytes, reason: str | None) -> RawRecord:
    if reason or row is None or len(row) != len(header):
        return RawRecord(position, raw[:EXCERPT_BYTES] if reason == "too_long" else raw, reason or "invalid_csv")
    try:
        record = json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a surrogate stands for a byte that is not UTF-8
        return RawRecord(position, raw, "not_utf8")
    return RawRecord(position, record, None)


def _likeliest_delimiter(header: bytes) -> str:
    """The separator that occurs most often in the header row."""
    return chr(max(_DELIMITERS, key=header.count))


def _unique_names(names: list[str]) -> list[str]:
    counts: dict[str, int] = {}
    unique = []
    for name in (name.strip() for name in names):
        counts[name] = counts.get(name, 0) + 1
        unique.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return unique
