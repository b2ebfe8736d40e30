"""Put an event stream together where one answer was asked for: some servers stream whatever the request says.

The `data:` lines hold pieces of a chat completion; put together they are the body that should have come. A stream that
breaks off has no `finish_reason`, and so is no whole answer.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_FIRST_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def is_event_stream(body: bytes) -> bool:
    """Whether a body is a stream of server-sent events."""
    return body[:500].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_FIRST_LINES)


def assemble_completion(body: bytes) -> dict[str, Any] | None:
    """The completion that the events make, in the shape of one that was not streamed; null where they make none."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {"role": "assistant"}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": None}
    is_completion = False
    for event in _events(body):
        whole.update({name: value for name, value in event.items() if name != "choices" and value is not None})
        choices = event.get("choices")
        for part in choices if isinstance(choices, list) else ():
            if isinstance(part, Mapping) and part.get("index", 0) in (0, None):
                is_completion = True
                _add(choice, message, part)
    if is_completion:
        whole["choices"] = [choice]
    return whole or _behind_comments(body)


def _add(choice: dict[str, Any], message: dict[str, Any], part: Mapping[str, Any]) -> None:
    delta = part.get("delta") if isinstance(part.get("delta"), Mapping) else part.get("message")
    for name, value in delta.items() if isinstance(delta, Mapping) else ():
        if name in _TEXTS and isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif name != "role" and value is not None:
            message[name] = value
    for name in ("finish_reason", "error"):
        if part.get(name) is not None:
            choice[name] = part[name]


def _behind_comments(body: bytes) -> Any:
    """What follows comments that only keep the connection open: a body that was not streamed; null where none does."""
    rest = [line for line in body.decode("utf-8-sig", "replace").splitlines() if line.strip() and line[0] != ":"]
    return json.loads("\n".join(rest)) if rest and rest[0].lstrip()[:1] in ("{", "[") else None


def _events(body: bytes) -> Iterator[Mapping[str, Any]]:
    for line in body.decode("utf-8-sig", "replace").splitlines():
        name, colon, data = line.partition(":")
        if name.strip() != "data" or not colon or data.strip() == "[DONE]":
            continue
        event = json.loads(data)
        if isinstance(event, Mapping):
            yield event
