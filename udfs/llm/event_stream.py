"""Put a stream together where one answer was asked for: some servers stream whatever the request says.

Server-sent events hold pieces of a chat completion in their `data`; so do the lines or the list of JSON objects that
others send. Put together they are the body that should have come. A stream that breaks off has no `finish_reason`, and
so is no whole answer.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_FIRST_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
# Of events and of JSON lines; Python's `splitlines` breaks at what may stand in a JSON string too.
_LINE = re.compile(r"\r\n|\n|\r")
_DONE = ("[done]", '"[done]"')


def is_event_stream(body: bytes) -> bool:
    """Whether a body is a stream of server-sent events."""
    return body[:500].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_FIRST_LINES)


def assemble_completion(body: bytes) -> dict[str, Any] | None:
    """The completion that the events make, in the shape of one that was not streamed; null where they make none."""
    text = body.decode("utf-8-sig", "replace")
    return completion_of(_events(text)) or _behind_comments(text)


def pieces_of(content: Any) -> list[Any] | None:
    """The objects of a list that are pieces of one completion; null: it is no such list."""
    is_list = isinstance(content, list) and len(content) > 1
    return content if is_list and all(map(_is_piece, content)) else None


def pieces_in_lines(text: str) -> list[Any] | None:
    """The pieces of a completion that stand in lines of their own; null where the lines hold anything else.

    Raises:
        ValueError: a line is no JSON.
    """
    lines = [line for line in _LINE.split(text) if line.strip() and line.strip().lower() not in _DONE]
    return pieces_of([json.loads(line) for line in lines]) if len(lines) > 1 else None


def completion_of(pieces: Iterable[Any]) -> dict[str, Any] | None:
    """The completion that pieces make; null where there are none."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {"role": "assistant"}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": None}
    is_completion = False
    for piece in pieces:
        if not isinstance(piece, Mapping):
            continue
        whole.update({name: value for name, value in piece.items() if name != "choices" and value is not None})
        choices = piece.get("choices")
        for part in choices if isinstance(choices, list) else ():
            if isinstance(part, Mapping) and part.get("index", 0) in (0, None, "0"):
                is_completion = True
                _add(choice, message, part)
    if is_completion:
        whole["choices"] = [choice]
    return whole or None


def _is_piece(value: object) -> bool:
    choices = value.get("choices") if isinstance(value, Mapping) else None
    # The last piece often has the usage and no choice.
    return isinstance(choices, list) and all(isinstance(part, Mapping) and "delta" in part for part in choices)


def _add(choice: dict[str, Any], message: dict[str, Any], part: Mapping[str, Any]) -> None:
    delta, whole = part.get("delta"), part.get("message")
    if isinstance(delta, Mapping):
        for name, value in delta.items():
            if name in _TEXTS and value is not None:
                message[name] = _joined(message.get(name), value)
            elif name != "role" and value is not None:
                message[name] = value
    elif isinstance(whole, Mapping):  # all that came before once more
        message.update({name: value for name, value in whole.items() if value is not None})
    for name in ("finish_reason", "error"):
        if part.get(name) is not None:
            choice[name] = part[name]


def _joined(before: object, value: object) -> object:
    """What was said so far and one more piece of it: texts as a text, parts as parts."""
    if before is None or before == "":
        return value
    if isinstance(before, str) and isinstance(value, str):
        return before + value
    return [*_parts(before), *_parts(value)]


def _parts(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _behind_comments(text: str) -> Any:
    """What follows comments that only keep the connection open: a body that was not streamed; null where none does."""
    rest = [line for line in _LINE.split(text) if line.strip() and line[0] != ":"]
    return json.loads("\n".join(rest)) if rest and rest[0].lstrip()[:1] in ("{", "[") else None


def _events(text: str) -> Iterator[Any]:
    """The data of each event: a line of it, or all lines up to an empty one."""
    open_lines: list[str] = []
    for line in (*_LINE.split(text), ""):
        name, colon, data = line.partition(":")
        if name.strip().lower() == "data" and colon:
            if open_lines:
                open_lines.append(data)
            elif data.strip().lower() not in _DONE:
                pieces = _loaded(data)
                yield from pieces
                open_lines += [] if pieces else [data]
        elif not line.strip() and open_lines:
            yield json.loads("\n".join(open_lines))
            open_lines = []


def _loaded(data: str) -> list[Any]:
    """What a line of data holds; nothing where it goes on in the next line."""
    try:
        return [json.loads(data)]
    except ValueError:
        return []
