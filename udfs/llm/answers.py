"""Read what a provider answered: the text, how it ended, and what it used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from udfs.llm.cost import Usage, parse_usage
from udfs.llm.failures import Failure, short_message, status_failure, without_lone_surrogates

# How an answer ended. Only `answered` is ever exported.
Status = Literal["answered", "truncated", "refused", "content_filtered", "empty"]


@dataclass(frozen=True)
class Answer:
    """What came back with HTTP 200; it was billed."""

    status: Status
    text: str | None
    finish_reason: str | None
    served_model: str | None
    usage: Usage | None  # null: the provider did not say


def read_answer(body: bytes) -> Answer | Failure:
    """Read the body of a chat completion.

    A body that is no chat completion is a transient failure that was billed; an error object inside HTTP 200, as some
    routers send it, is that error.
    """
    try:
        content = json.loads(body)
    except ValueError as error:
        return _unreadable(error)
    return answer_of(content)


def answer_of(content: Any) -> Answer | Failure:
    """As `read_answer`, of a body that is parsed already."""
    try:
        if "choices" not in content and isinstance(content.get("error"), Mapping):
            return _stated_failure(content["error"])
        choice = content["choices"][0]
        message = choice["message"]
        text, refusal = _text_of(message.get("content")), message.get("refusal")
        finish_reason = choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        return _unreadable(error)
    return Answer(
        _status(text, finish_reason, refusal),
        without_lone_surrogates(text or (str(refusal) if refusal else None)),
        without_lone_surrogates(None if finish_reason is None else str(finish_reason)),
        without_lone_surrogates(None if content.get("model") is None else str(content["model"])),
        parse_usage(content.get("usage")),
    )


def _unreadable(error: Exception) -> Failure:
    return Failure("transient", short_message(f"unreadable answer: {type(error).__name__} {error}"), billed=True)


def _stated_failure(error: Mapping[str, Any]) -> Failure:
    code = str(error.get("code", ""))
    status = int(code) if code.isdigit() and 400 <= int(code) < 600 else 502
    found = status_failure(status, error, {})
    return Failure(found.kind, found.message, billed=True)


def _text_of(content: object) -> str:
    if isinstance(content, list):  # content parts
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _status(text: str, finish_reason: object, refusal: object) -> Status:
    if finish_reason == "content_filter":
        return "content_filtered"
    if refusal:
        return "refused"
    if finish_reason == "length":
        return "truncated"
    return "answered" if text.strip() else "empty"
