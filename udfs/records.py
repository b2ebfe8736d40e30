"""Splitting the content of a source file into its records, as a stream and without losing a byte of them.

What is wrong with a file or a record is a `reason` on the record that shows it; nothing here raises for bad input.
"""

import csv
import json
from collections.abc import Iterator

from udfs.containers import (
    EXCERPT_BYTES,
    MAX_RECORD_BYTES,
    UTF8_BOM,
    UTF16_BOMS,
    Chunks,
    Container,
    Content,
    RawRecord,
    detect_container,
    gunzip,
)
from udfs.json_array import split_array_chunks, split_json_array

__all__ = [
    "Container",
    "Content",
    "RawRecord",
    "detect_container",
    "gunzip",
    "read_whole_file",
    "split_csv",
    "split_json_array",
    "split_lines",
]

MAX_CSV_FIELD_CHARS = 4 * 1024 * 1024
"""Where an unclosed quote stops swallowing the rows after it."""

_FILE_REASONS: dict[Container, str] = {
    "html": "html_not_json",
    "single_object": "single_object",
    "binary": "not_text",
    "parquet": "not_text",
    "gzip": "not_text",  # gzip within gzip
}


def read_whole_file(content: Content, name: str) -> Iterator[RawRecord]:
    """Split a file of any kind into records; its kind is told from its first bytes and its name.

    Some reasons are about the whole file, on one record that holds its first bytes: `html_not_json`, `not_utf8`
    (UTF-16 is refused, not decoded), `not_text`, `single_object` (one object over several lines is neither an array
    nor JSONL). A gzip file that ends early or is damaged gives all its whole records and a last one with the reason
    `truncated` or `corrupt_gzip`, which holds what was left. An empty file has no records.
    """
    chunks = gunzip(content) if detect_container(bytes(content[:2]), name) == "gzip" else Chunks(content)
    head = chunks.head()
    container = detect_container(head, name)
    if container in _FILE_REASONS:
        yield RawRecord(0, head, "not_utf8" if head.startswith(UTF16_BOMS) else _FILE_REASONS[container])
    elif container == "json_array":
        yield from split_array_chunks(chunks)
    elif container == "csv":
        yield from _split_csv_chunks(chunks, _delimiter(head))
    else:
        yield from _split_line_chunks(chunks)


def split_lines(content: Content) -> Iterator[RawRecord]:
    """Yield the lines of a JSONL file without their line ends; blank lines are skipped but counted.

    Only `\\n` and `\\r\\n` end a line. Of one longer than `MAX_RECORD_BYTES` the first bytes are kept, as `too_long`.
    """
    return _split_line_chunks(Chunks(content))


def split_csv(content: Content, delimiter: str = ",") -> Iterator[RawRecord]:
    """Yield each data row of a CSV file as the bytes of a JSON object, its keys from the header row.

    A row that has more or fewer columns than the header, or breaks the quoting, is `invalid_csv`; one that is not
    UTF-8 is `not_text`; both hold the row's own bytes. Rows without any column are skipped and not counted. A column
    name that comes again has `_2`, `_3`, ... appended.
    """
    return _split_csv_chunks(Chunks(content), delimiter)


def _split_line_chunks(chunks: Chunks) -> Iterator[RawRecord]:
    position = 0
    line = b""
    held: tuple[RawRecord, ...] = ()  # the last line is only known to be whole at the end of the chunks
    for position, (line, is_whole) in enumerate(_lines(chunks)):
        yield from held
        line = line.rstrip(b"\r")
        is_blank = not line or line.isspace()
        held = () if is_blank else (RawRecord(position, line, None if is_whole else "too_long"),)
    if chunks.fault is None:
        yield from held
    else:
        yield RawRecord(position, line, chunks.fault)


def _lines(chunks: Chunks) -> Iterator[tuple[bytes, bool]]:
    """Yield each line without its `\\n`, and whether it is whole or only the beginning of one that is too long.

    What follows the last `\\n`, empty in a well-formed file, comes last and when all chunks are read.
    """
    held: list[bytes] = []
    held_bytes = 0
    is_first = True
    for chunk in chunks:
        if is_first:
            chunk = chunk.removeprefix(UTF8_BOM)
            is_first = False
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            yield _line(held, piece, held_bytes + len(piece))
            held, held_bytes = [], 0
        held_bytes += len(rest)
        held = [*held, rest] if held_bytes <= MAX_RECORD_BYTES else [b"".join((*held, rest))[:EXCERPT_BYTES]]
    yield _line(held, b"", held_bytes)


def _line(held: list[bytes], piece: bytes, line_bytes: int) -> tuple[bytes, bool]:
    is_whole = line_bytes <= MAX_RECORD_BYTES
    line = b"".join((*held, piece))
    return line if is_whole else line[:EXCERPT_BYTES], is_whole


def _delimiter(head: bytes) -> str:
    """The separator that occurs most often in the header row."""
    header = head.split(b"\n", 1)[0]
    return max(",\t;", key=lambda delimiter: header.count(delimiter.encode()))


def _split_csv_chunks(chunks: Chunks, delimiter: str) -> Iterator[RawRecord]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CSV_FIELD_CHARS))
    consumed: list[bytes] = []
    header: list[str] | None = None
    position = 0
    held: tuple[RawRecord, ...] = ()  # the row before, which is only known to be whole when another line follows
    held_raw = b""
    for row in _csv_rows(csv.reader(_decoded(_lines(chunks), consumed), delimiter=delimiter, strict=True)):
        raw = b"\n".join(consumed)
        consumed.clear()
        yield from held
        held = ()
        if row == []:
            continue
        if header is None:
            header = _unique_names(row or [])
            continue
        held = (_csv_record(position, header, row, raw),)
        held_raw = raw
        position += 1
    if chunks.fault is None:
        yield from held
    elif held:
        yield RawRecord(position - 1, held_raw, chunks.fault)
    else:
        yield RawRecord(position, b"", chunks.fault)


def _decoded(lines: Iterator[tuple[bytes, bool]], consumed: list[bytes]) -> Iterator[str]:
    for line, _ in lines:
        consumed.append(line)
        yield line.decode("utf-8", "surrogateescape") + "\n"


def _csv_rows(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """The rows of the reader, null for one that breaks the rules of CSV; the next line begins a new row."""
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None


def _csv_record(position: int, header: list[str], row: list[str] | None, raw: bytes) -> RawRecord:
    if row is None or len(row) != len(header):
        return RawRecord(position, raw, "invalid_csv")
    try:
        record = json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a surrogate stands for a byte that is not UTF-8
        return RawRecord(position, raw, "not_text")
    return RawRecord(position, record, None)


def _unique_names(names: list[str]) -> list[str]:
    counts: dict[str, int] = {}
    unique = []
    for name in (name.strip() for name in names):
        counts[name] = counts.get(name, 0) + 1
        unique.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return unique
