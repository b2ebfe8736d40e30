"""Parsing a record's bytes as one JSON object, whatever an adversary put there."""

import json
import re

from udfs.formats.fields import Record, Refusal
from udfs.unpacking import UTF8_BOM

_MOST_DIGITS = 4000  # int() refuses more than 4,300 in newer Pythons and takes quadratic time in older ones

_BETWEEN = re.compile(r"[ \t\r\n,]*")


def _bounded_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


# Not strict: a raw line break or tab within a string is common in hand-made files, and there is no doubt what it means.
_DECODER = json.JSONDecoder(strict=False, parse_int=_bounded_int)


def split_objects(record: bytes) -> list[bytes]:
    """The objects of a line that holds several, with nothing but white space and commas between them.

    Returns:
        The bytes of each, two or more; none for a line that is anything else.
    """
    try:
        text = record.removeprefix(UTF8_BOM).decode()
    except UnicodeDecodeError:
        return []
    found: list[bytes] = []
    place = _between(text, 0)
    while place < len(text):
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            return []
        if not isinstance(value, dict):
            return []
        found.append(text[place:end].encode())
        place = _between(text, end)
    return found if len(found) > 1 else []


def _between(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place


def load_object(record: bytes) -> Record:
    """Parse a record; of equal keys the last counts. A list of messages is read as a conversation.

    An object that was written as a text of JSON, which is a fault of the program that wrote it, is read as the object.

    Raises:
        Refusal: `not_utf8`, `invalid_json` (too deeply nested, too) or `not_an_object`.
    """
    try:
        value = _DECODER.decode(record.removeprefix(UTF8_BOM).decode())
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = _DECODER.decode(value)
    except UnicodeDecodeError:
        raise Refusal("not_utf8") from None
    except (ValueError, RecursionError):
        raise Refusal("invalid_json") from None
    if isinstance(value, list) and value and isinstance(value[0], dict) and ({"role", "from"} & set(value[0])):
        return {"messages": value}  # a conversation without a name
    if not isinstance(value, dict):
        raise Refusal("not_an_object")
    return value
