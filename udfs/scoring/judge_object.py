"""The JSON object that a judge's reply is: what can be read in one way only is read, everything else is a fault.

A judge without a schema writes LaTeX into strings (`\\(`), breaks lines in them, leaves a comma before the end, or puts
a fence around the object. None of that leaves a doubt. A key that stands twice does, and so does an object that stands
inside prose: it may be quoted, or an example.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from udfs.llm.reasoning import split_reasoning, without_marks

# A reply of the room that is asked for is far below; what is longer is no verdict, and must not cost time.
_REPLY_CHARS = 20_000
_MOST_OBJECTS = 50
# One of the two fences may be missing: it is the object between them that has to be whole.
_FENCE_BEFORE = re.compile(r"\A(?:`{3,}|~{3,})[ \t]*[A-Za-z0-9]*[ \t]*\r?\n?")
_FENCE_BEHIND = re.compile(r"(?:`{3,}|~{3,})\Z")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|)')
_LAST_COMMA = re.compile(r",(\s*[}\]])")
_AROUND = " \t\r\n\u00a0\ufeff\u200b\u200c\u200d\u2060"

ObjectFault = Literal["no_json", "not_alone", "repeated_key"]


class _RepeatedKeyError(ValueError):
    """A key stands twice in an object."""


def object_of(text: str) -> Mapping[str, Any] | ObjectFault:
    """The object that a reply is, once reasoning and a fence are taken off, or what is wrong; never raises."""
    if len(text) > _REPLY_CHARS:
        return "no_json"
    split = split_reasoning(text)
    if split.is_open:
        return "no_json"
    bare = without_marks(split.answer.strip(_AROUND)).strip(_AROUND)
    bare = _FENCE_BEHIND.sub("", _FENCE_BEFORE.sub("", bare)).strip(_AROUND)
    if not bare.startswith("{"):
        return "not_alone" if objects_in(bare) else "no_json"
    try:
        value, end = _decoder().raw_decode(_repaired(bare))
    except _RepeatedKeyError:
        return "repeated_key"
    except (ValueError, RecursionError):
        return "not_alone" if objects_in(bare) else "no_json"
    if _repaired(bare)[end:].strip(_AROUND):
        return "not_alone"
    return value if isinstance(value, Mapping) else "no_json"


def objects_in(text: str) -> list[Mapping[str, Any]]:
    """JSON objects anywhere in a text, from the outside: those inside another one are part of it."""
    decoder, start = json.JSONDecoder(strict=False), 0
    found: list[Mapping[str, Any]] = []
    for _ in range(_MOST_OBJECTS):
        start = text.find("{", start, _REPLY_CHARS)
        if start < 0:
            break
        try:
            value, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start += 1
            continue
        found.append(value)
    return found


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(strict=False, object_pairs_hook=_without_repeated)


def _without_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with its keys in lower case."""
    found = {key.strip().lower(): value for key, value in pairs}
    if len(found) < len(pairs):
        raise _RepeatedKeyError
    return found


def _repaired(text: str) -> str:
    """Backslashes that escape nothing stand for themselves; a comma before a closing bracket goes."""
    parts, end = [], 0
    for string in _STRING.finditer(text):
        parts += [_LAST_COMMA.sub(r"\1", text[end : string.start()]), _NO_ESCAPE.sub(_escaped, string.group())]
        end = string.end()
    return "".join((*parts, _LAST_COMMA.sub(r"\1", text[end:])))


def _escaped(escape: re.Match[str]) -> str:
    return escape.group() if escape[1] else r"\\"
