"""What kind of file a run of bytes is, and what is wrong with one that holds no records."""

import json
import re
from dataclasses import dataclass
from typing import Literal

from udfs.unpacking import PACKED_SUFFIXES, UTF8_BOM, packing_of

Container = Literal[
    "json_array", "json_lines", "json_objects", "csv", "parquet", "html", "pointer", "packed", "binary", "empty"
]

EXCERPT_BYTES = 4096
"""How much is kept of a file or a record that is refused as a whole."""
MAX_RECORD_BYTES = 64 * 1024 * 1024
"""A longer record is refused unread, so that a hostile file cannot fill the memory."""

JSON_WHITESPACE = b" \t\r\n"
RECORD_SEPARATORS = b" \t\r\n,\x1e"
"""What may stand between the objects of a file that is no array; `\\x1e` begins a record of JSON text sequences."""

_BINARY_MAGICS = (b"PK\x03\x04", b"%PDF", b"\x89PNG", b"ARROW1", b"7z\xbc\xaf", b"Rar!", b"\x04\x22\x4d\x18", b"ORC")
_POINTERS = (b"version https://git-lfs.github.com/", b"version https://hawser.github.com/")
_ANNEX = re.compile(rb"\S{0,1000}/?annex/objects/\S+")
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--")
_POINTED_SIZE = re.compile(rb"^size (\d{1,19})\r?$", re.MULTILINE)
_TEXT_CONTROLS = b"\t\n\x0b\x0c\r\x1b\x1e"
_CONTROLS = bytes(set(range(0x20)) - set(_TEXT_CONTROLS))
_STRAY_CONTROLS = 3
"""So many make no short table a binary file: a zero in a cell, the mark of DOS for the end of a file."""
_LINES_LOOKED_AT = 64
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record of a file as read, and why it cannot be used if that is already known."""

    position: int
    """From 0: element of an array, line of a JSONL file (blank lines count), data row of a CSV file."""
    record: bytes
    reason: str | None


def detect_container(head: bytes, name: str) -> Container:
    """Tell the kind of a file from its first bytes (the first MiB is enough) and its name.

    What is text but nothing more definite is taken for `json_lines`, so that each line says what is wrong with it.
    """
    if packing_of(head):
        return "packed"
    if head[:4] == b"PAR1":
        return "parquet"
    if head.startswith(_BINARY_MAGICS):
        return "binary"
    text = head.removeprefix(UTF8_BOM).lstrip()
    if not text:
        return "empty"
    if text.startswith(_POINTERS) or _ANNEX.fullmatch(text.strip()):
        return "pointer"
    plain_name = name.lower()
    for suffix in PACKED_SUFFIXES:
        plain_name = plain_name.removesuffix(suffix)
    is_table = plain_name.endswith((".csv", ".tsv"))
    is_markup = text[:1] == b"<" and not text.startswith(b"<<<<<<<")  # the mark of a merge that was not finished
    if text[:9].lower().startswith(_MARKUP) or (is_markup and not is_table):
        return "html"
    if is_table and not _is_binary(head):
        return "csv"
    if text[:1] == b"[":
        return "json_lines" if _are_lines(text, b"[") else "json_array"
    if text[:1] in (b"{", b"\x1e"):
        return "json_lines" if _are_lines(text, b"{") else "json_objects"
    return "binary" if _is_binary(head) or b"\0" in head[:EXCERPT_BYTES] else "json_lines"


def pointed_bytes(pointer: bytes) -> int | None:
    """The size of the data that a Git LFS pointer stands for, null where it does not say."""
    size = _POINTED_SIZE.search(pointer)
    return int(size.group(1)) if size else None


def _is_binary(head: bytes) -> bool:
    control_bytes = len(head) - len(head.translate(None, _CONTROLS))
    return control_bytes > max(_STRAY_CONTROLS, len(head) // 100)


def _are_lines(text: bytes, opening: bytes) -> bool:
    """Whether each value is on a line of its own. A single value is not, because it may be a whole table."""
    lines = [line.rstrip() for line in text.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT] if line.strip()]
    if len(lines) < 2:
        return False
    end = _end_of_value(text)
    if end is not None:  # the first value is sound: is it a line, and does another one follow?
        return end == len(lines[0]) and (opening == b"{" or lines[1].startswith(opening))
    # It is damaged, or longer than what was given. Values within another one are indented.
    return any(line.startswith(opening) and _end_of_value(line) == len(line) for line in lines[1:]) or all(
        line.startswith(opening) for line in lines
    )


def _end_of_value(text: bytes) -> int | None:
    """Where the JSON value ends that a text begins with, null where there is none or it does not end."""
    decoded = text.decode("utf-8", "surrogateescape")
    try:
        _, end = _DECODER.raw_decode(decoded)
    except (ValueError, RecursionError):
        return None
    return len(decoded[:end].encode("utf-8", "surrogateescape"))
