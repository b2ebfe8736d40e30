"""What a row of chat messages must be, and in plain words why one is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs.verify.lines import MalformedLineError, json_type_of, label_faults

_KEYS = {"role", "content"}
_LISTED = 3


@dataclass(frozen=True, slots=True)
class Conversation:
    """The texts of a valid row that a model could have seen before: all but the system prompt."""

    opening: str
    """First turn of the user."""
    prompt: str
    """All turns but the last, a line each."""
    pair: str
    """All turns."""


def read_conversation(record: dict[str, Any]) -> Conversation:
    """Read one record, strictly.

    Raises:
        MalformedLineError: names its faults.
    """
    faults = [*_message_faults(record), *label_faults(record)]
    if faults:
        more = f" and {len(faults) - _LISTED:,} more" if len(faults) > _LISTED else ""
        raise MalformedLineError("; ".join(faults[:_LISTED]) + more)
    turns = [message["content"] for message in record["messages"] if message["role"] != "system"]
    return Conversation(opening=turns[0], prompt="\n".join(turns[:-1]), pair="\n".join(turns))


def _message_faults(record: dict[str, Any]) -> Iterator[str]:
    messages = record.get("messages")
    if not isinstance(messages, list):
        yield f"messages is {json_type_of(messages)}, not a list" if "messages" in record else "messages is missing"
        return
    faults = [fault for place, message in enumerate(messages, 1) for fault in _faults_of(place, message)]
    yield from faults
    if not faults:
        yield from _order_faults([message["role"] for message in messages])


def _faults_of(place: int, message: object) -> Iterator[str]:
    if not isinstance(message, dict) or set(message) != _KEYS:
        yield f"message {place} is not an object of role and content"
        return
    if message["role"] not in ("system", "user", "assistant"):
        yield f"the role of message {place} is not system, user or assistant"
    if not isinstance(message["content"], str):
        yield f"the content of message {place} is {json_type_of(message['content'])}, not a string"
    elif not message["content"].strip():
        yield f"the content of message {place} is blank"


def _order_faults(roles: list[str]) -> Iterator[str]:
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if "system" in turns:
        yield "a system message is not the first"
    elif turns != ["user", "assistant"] * (len(turns) // 2):
        yield "user and assistant do not take turns, the user first and the assistant last"
    elif not turns:
        yield "there is no turn"
