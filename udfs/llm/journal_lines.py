"""A line of the journal and its checksum: a bit that flips on the way is seen, and changes no status, count or cost.

The checksum is the last member of the object, `crc32` over the bytes before it; lines of earlier versions have none and
are read as they are. A line that does not match counts as not written: its call is lost, which is charged at worst.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

MARK = ', "crc32": '
"""Between a record and its checksum. Inside a text it would have its quotation marks escaped."""


def sealed_line(record: Mapping[str, Any]) -> str:
    """A record as a line of ASCII, with its end."""
    body = json.dumps(record)[:-1]
    return f"{body}{MARK}{zlib.crc32(body.encode('ascii'))}}}\n"


def read_line(line: bytes) -> dict[str, Any] | None:
    """The record of a line without its end; null where it is torn or damaged."""
    body, mark, checksum = line.rpartition(MARK.encode("ascii"))
    if mark and checksum != b"%d}" % zlib.crc32(body):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or "kind" not in record:
        return None
    record.pop("crc32", None)
    return record
