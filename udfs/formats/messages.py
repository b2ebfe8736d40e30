"""Messages of a conversation, in the many shapes that they are stored in."""

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from udfs.formats.fields import Refusal, as_text, first_of, is_nothing

_MOST_LITERAL_CHARS = 1_000_000
_MOST_LITERAL_LEVELS = 20
ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "chatbot", "model", "bot", "ai", "llm", "bard", "bing", "claude"), "assistant"
    ),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(
        ("tool", "tools", "function", "function_call", "observation", "tool_call", "tool_response", "ipython"), "tool"
    ),
}

ROLE_KEYS = ("role", "from", "speaker", "sender", "author")
"""Under which a message may say who speaks."""
_CONTENT_KEYS = ("content", "value", "text", "parts", "message")
_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
_THOUGHTS = ("thinking", "redacted_thinking", "reasoning", "reasoning_content", "reasoning_text", "thought")
_CHANNELS = ("analysis", "commentary")
"""Of a model that thinks aloud before its `final` channel."""


class Message(NamedTuple):
    """One message, its role in our words: `user`, `assistant`, `system` or `tool`."""

    role: str
    text: str | None
    calls_tool: bool


def as_message(value: object, default_role: str = "") -> Message:
    """Read one message.

    Raises:
        Refusal: `wrong_format`, `unknown_role` or `not_text`.
    """
    if not isinstance(value, dict):
        raise Refusal("wrong_format")
    role = role_of(value) or _role_of_item(value.get("type")) or default_role
    known = known_role(role)
    if known is None:
        raise Refusal("wrong_format" if role == "" else "unknown_role")
    held = value.get("data")  # LangChain: {"type": "human", "data": {"content": …}}
    content = first_of(held if isinstance(held, dict) and "type" in value else value, _CONTENT_KEYS)
    if isinstance(content, dict):  # one part alone, or {"content_type": "text", "parts": […]}
        content = content["parts"] if isinstance(content.get("parts"), list) else [content]
    calls_tool = known == "tool" or bool(value.get("tool_calls") or value.get("function_call"))
    if isinstance(content, list):
        text, has_tool_part = _joined_parts(content)
        return Message(known, text, calls_tool or has_tool_part)
    return Message(known, None if known == "tool" else as_text(content), calls_tool)


def role_of(message: Mapping[str, Any]) -> object:
    """What a message says of who speaks, null where it does not say."""
    role = first_of(message, ROLE_KEYS)
    if role is None and known_role(message.get("type")) in ("user", "assistant", "system"):
        return message["type"]
    return role.get("role") if isinstance(role, dict) else role  # {"author": {"role": "user"}}


def known_role(role: object) -> str | None:
    """A role in our words, null where it is none of those that are known."""
    return ROLES.get(role.strip().lower()) if isinstance(role, str) else None


def _role_of_item(kind: object) -> str:
    """Who an item without a role is from: a call of a tool and its result have a type instead."""
    return "tool" if isinstance(kind, str) and ("tool" in kind or "function" in kind) else ""


def _joined_parts(parts: list[Any]) -> tuple[str | None, bool]:
    texts = []
    has_tool_part = False
    for part in parts:
        kind, given = _part(part)
        if kind in _THOUGHTS:
            continue
        if "tool" in kind or "function" in kind:
            has_tool_part = True
        elif kind in _TEXT_PARTS:
            texts.append(as_text(given))
        else:
            raise Refusal("not_text")  # an image, a sound: the text alone would be another prompt
    return "\n".join(text for text in texts if text) or None, has_tool_part


def _part(part: object) -> tuple[str, object]:
    """What kind of a part of a message it is, and its text."""
    if not isinstance(part, dict):
        return "text", part
    given = first_of(part, ("text", "value", "refusal"))
    if isinstance(given, dict):  # {"type": "text", "text": {"value": …}}
        given = given.get("value")
    kind = part.get("type")
    if is_nothing(kind):
        named = [key for key, value in part.items() if not is_nothing(value)]
        thought = next((key for key in named if key in _THOUGHTS), None)
        kind = "text" if "text" in part or "value" in part or not named else thought or named[0]
    return kind if isinstance(kind, str) else "", given


def are_messages(values: list[Any]) -> bool:
    """Whether a list looks like a conversation: messages, or texts that take turns."""
    first = values[0] if values else None
    if isinstance(first, dict):  # messages may lack a role, but not the first of them
        return "role" in first or "from" in first or is_message(first) or _is_by_role(first)
    if isinstance(first, list):
        return all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_text, pair)) for pair in values)
    return len(values) > 1 and all(map(_is_text, values))


def is_message(value: object) -> bool:
    """Whether a value is a message that says who speaks, and something or nothing under a known name."""
    if not isinstance(value, dict) or role_of(value) is None:
        return False
    return any(key in value for key in _CONTENT_KEYS) or ("type" in value and isinstance(value.get("data"), dict))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_by_role(message: Mapping[str, Any]) -> bool:
    """Whether texts stand under the names of who says them: both sides in one object, or one alone."""
    roles = [ROLES.get(key.strip().lower()) for key, value in message.items() if isinstance(value, str)]
    return ("user" in roles and "assistant" in roles) or (
        len(message) == 1 and "model" not in message and roles[:1] in (["user"], ["assistant"], ["system"])
    )


def _is_thinking(value: object) -> bool:
    """Whether an item of a conversation is a model's thinking alone: by its type, its role or its channel."""
    if not isinstance(value, dict):
        return False
    role = role_of(value)
    has_thought = isinstance(role, str) and role.strip().lower() in _THOUGHTS
    is_apart = known_role(role) == "assistant" and value.get("channel") in _CHANNELS
    return has_thought or is_apart or (value.get("type") in _THOUGHTS and is_nothing(value.get("role")))


def turns_of(values: list[Any]) -> list[Any]:
    """A conversation as a list of messages."""
    messages: list[Any] = []
    for value in values:
        if isinstance(value, str):
            before = messages[-1] if messages else None
            role = "assistant" if isinstance(before, dict) and before.get("role") == "user" else "user"
            messages.append({"role": role, "content": value})
        elif isinstance(value, list) and len(value) == 2:
            messages += [
                {"role": role, "content": text} for role, text in zip(("user", "assistant"), value, strict=True)
            ]
        elif isinstance(value, dict) and not {"role", "from", "type"} & set(value) and _is_by_role(value):
            messages += [{"role": key, "content": text} for key, text in value.items() if key.strip().lower() in ROLES]
        elif not _is_thinking(value):
            messages.append(value)
    return messages


def _literal(text: str) -> object:
    """What Python's `str` made a text of, null where it is no such text or one that could do harm."""
    if len(text) > _MOST_LITERAL_CHARS:
        return None
    level = deepest = 0
    for bracket in re.findall(r"[\[\](){}]", text):
        level += 1 if bracket in "[({" else -1
        deepest = max(deepest, level)
    if deepest > _MOST_LITERAL_LEVELS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that mean nothing
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def as_list(value: Any) -> Any:
    """A list that is given as a text of JSON, or as Python writes it, as the list; anything else as it is.

    A text of JSON may have been written as one once more, a message may stand alone, without its list, and a list in an
    object with other things.
    """
    if is_message(value) or (isinstance(value, dict) and _is_by_role(value)):
        return [value]
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        return value["messages"]
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", '"'):
        return value
    try:
        parsed = json.loads(value, strict=False)
    except (ValueError, RecursionError):
        parsed = _literal(value)
    if isinstance(parsed, str) and parsed.lstrip()[:1] == "[":
        parsed = as_list(parsed)
    return parsed if isinstance(parsed, list) else value
