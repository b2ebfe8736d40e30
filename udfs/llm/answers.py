"""Read what a provider answered: the text, how it ended, and what it used."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from udfs.llm.classify import status_failure
from udfs.llm.cost import Usage, parse_usage
from udfs.llm.ends import end_of
from udfs.llm.event_stream import (
    assemble_completion,
    completion_of,
    is_event_stream,
    pieces_in_lines,
    pieces_of,
)
from udfs.llm.failures import Failure, short_message
from udfs.llm.reasoning import split_reasoning, without_marks
from udfs.llm.redaction import Redact, for_answers, keep
from udfs.text import clean_text

# How an answer ended. Only `answered` is ever exported; `not_whole`: not known to be whole, see `udfs.llm.ends`.
Status = Literal["answered", "truncated", "refused", "content_filtered", "empty", "not_whole"]

# What else is to be said of an answer, as stored.
ODD_USAGE = "odd_usage"
OVERLONG = "overlong"

_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_TEXT_PARTS = {"text", "output_text", "input_text"}
_THOUGHT_PARTS = {"thinking", "reasoning", "redacted_thinking", "thought", "reasoning_text", "summary_text"}
_LONGEST_WORD = 200  # of what a provider says in one word: an end, a model


@dataclass(frozen=True)
class Answer:
    """What came back with HTTP 200; it was billed."""

    status: Status
    text: str | None
    finish_reason: str | None
    served_model: str | None
    usage: Usage | None
    """Null: the provider did not say, or what it said cannot be true."""
    reasoning: str | None = None
    """Kept apart from the text; null: none was given."""
    note: str | None = None
    """What is odd about it: `odd_usage`."""


class _NoCompletionError(Exception):
    """The body is JSON and no chat completion."""


def read_answer(body: bytes, redact: Redact = keep) -> Answer | Failure:
    """Read the body of HTTP 200. Never raises, whatever the bytes are.

    Args:
        body: a chat completion, a stream of events that make one, an error all the same, or anything.
        redact: blots out keys, before anything is cut.

    Returns:
        The answer, or the failure: an error object wins wherever it stands; what is no JSON is asked again; what breaks
        the reader ends this request. Of the last two it is not known whether they were billed.
    """
    try:
        content = assemble_completion(body) if is_event_stream(body) else _parsed(body)
    except Exception as error:
        return _unread(error, body, redact)
    return answer_of(content, redact)


def answer_of(content: Any, redact: Redact = keep) -> Answer | Failure:
    """As `read_answer`, of a body that is parsed already."""
    try:
        return _read(content, redact)
    except _NoCompletionError as error:
        said = short_message(redact(f"HTTP 200 and no chat completion, {error}: {_excerpt(content)}"))
        usage = parse_usage(content.get("usage")) if isinstance(content, Mapping) else None
        return Failure("unreadable", said, billed=True, usage=usage)
    except Exception as error:  # whatever one answer holds ends no more than its own request
        said = redact(f"{type(error).__name__} {error}"[:20_000])
        return Failure("odd_answer", short_message(f"the answer cannot be read: {said}"), billed=True)


def _parsed(body: bytes) -> Any:
    """The JSON of a body in any encoding of Unicode, or the completion that its lines or its list of pieces make.

    Raises:
        ValueError: it is neither.
    """
    encoding = json.detect_encoding(body)
    text = body.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace").rstrip("\0 \r\n\t")
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        pieces = pieces_in_lines(text) if error.msg == "Extra data" else None
        if pieces is None:
            raise
        return completion_of(pieces)
    pieces = pieces_of(content)
    return content if pieces is None else completion_of(pieces)


def _unread(error: Exception, body: bytes, redact: Redact) -> Failure:
    said = redact(f"{type(error).__name__} {error}; it begins {body[:2_000].decode('utf-8', 'replace')!r}")
    if isinstance(error, json.JSONDecodeError):  # torn, or a page: another try may bring an answer
        return Failure("unreadable", short_message(f"unreadable answer: {said}"), billed=True)
    return Failure("odd_answer", short_message(f"the answer cannot be read: {said}"), billed=True)


def _excerpt(content: object) -> str:
    return repr(dict(list(content.items())[:10]) if isinstance(content, Mapping) else content)[:2_000]


def _read(content: Any, redact: Redact) -> Answer | Failure:
    if isinstance(content, list) and len(content) == 1:  # as Gemini sends errors
        content = content[0]
    if not isinstance(content, Mapping):
        raise _NoCompletionError(f"but {type(content).__name__}")
    choices = content.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    usage = _usage_of(content, choice)
    message = choice.get("message") if isinstance(choice, Mapping) else None
    for place in (content, choice, message):
        if isinstance(place, Mapping) and (error := _error_of(place)) is not None:
            return _stated(error, usage, message, redact)
    if choice is None:
        return _without_choice(content, usage, redact)
    if not isinstance(message, Mapping):
        if not _says_why(choice):
            raise _NoCompletionError("its choice has no message")
        message = {}
    return _answer(content, choice, message, usage, redact)


def _usage_of(content: Mapping[str, Any], choice: object) -> Usage | None:
    """What was used, at its place or where streams put it: in the choice, or beside it under a name of the server."""
    places = (content, choice, content.get("x_groq"))
    told = (place.get("usage") for place in places if isinstance(place, Mapping))
    return next((usage for one in told if (usage := parse_usage(one)) is not None), None)


def _end_word(choice: Mapping[str, Any]) -> object:
    """How the answer ended. A router puts its own word before the provider's; where that knows better, it counts."""
    said, native = choice.get("finish_reason"), choice.get("native_finish_reason")
    is_better = end_of(native) != "unknown" and (said is None or (end_of(said) == "whole" != end_of(native)))
    return native if is_better else said


def _says_why(choice: object) -> bool:
    """Whether a choice without a message names an end that explains it."""
    end = end_of(_end_word(choice)) if isinstance(choice, Mapping) else "unknown"
    return end not in ("whole", "unknown")


def _error_of(place: Mapping[str, Any]) -> object | None:
    """The error that stands in a part of an answer; what is empty or says that all is well is none."""
    error: object = place.get("error")
    if error and error not in ("null", "none", "None") and not _is_success(error):
        return error
    told = place.get("base_resp")  # MiniMax
    return told if isinstance(told, Mapping) and told.get("status_code") not in (None, 0, "0") else None


def _is_success(error: object) -> bool:
    if not isinstance(error, Mapping):
        return False
    code = str(error.get("code", error.get("status", ""))).lower()
    return code in ("0", "200", "ok", "success") or not any(error.values())


def _stated(error: object, usage: Usage | None, message: object, redact: Redact) -> Failure:
    """An error inside HTTP 200: billed as the usage beside it says, else not, unless half an answer came with it."""
    found = status_failure(None, error if isinstance(error, Mapping | list) else str(error), {}, redact, is_http=False)
    has_text = isinstance(message, Mapping) and bool(_parts_of(message.get("content"))[0])
    kind = "broken_off" if has_text and found.kind == "transient" else found.kind
    is_billed = usage is not None or has_text or found.kind == "truncated"
    return Failure(kind, found.message, is_billed, found.retry_after, usage)


def _without_choice(content: Mapping[str, Any], usage: Usage | None, redact: Redact) -> Failure:
    """No answer at all: a prompt that was blocked, an error in a shape of its own, or nothing that is said."""
    blocked = _blocked(content)
    if blocked is not None:
        said = redact(f"no answer, the prompt was blocked: {blocked}")
        return Failure("filtered", short_message(said), usage is not None, usage=usage)
    names = {str(name).lower() for name, value in content.items() if value and not _is_message(value)}
    if not _is_success(content) and names & {"message", "detail", "errors", "msg", "error_message", "error_msg"}:
        return _stated({name: value for name, value in content.items() if name != "choices"}, usage, None, redact)
    if "choices" in content:
        return Failure("no_answer", "HTTP 200 without an answer or an error", usage is not None, usage=usage)
    raise _NoCompletionError("it has no choices")


def _is_message(value: object) -> bool:
    """Whether it is an answer in the shape of another API, which is no error."""
    return isinstance(value, Mapping) and "role" in value and "content" in value


def _blocked(content: Mapping[str, Any]) -> str | None:
    for name in ("prompt_feedback", "promptFeedback", "block_reason", "blockReason"):
        if content.get(name):
            return str(content[name])[:1_000]
    results = content.get("prompt_filter_results")  # Azure's says of each prompt whether it was filtered
    return "prompt_filter_results" if results and '"filtered": true' in json.dumps(results) else None


def _answer(
    content: Mapping[str, Any],
    choice: Mapping[str, Any],
    message: Mapping[str, Any],
    usage: Usage | None,
    redact: Redact,
) -> Answer | Failure:
    raw, thoughts, refusal = _parts_of(message.get("content"))
    split = split_reasoning(clean_text(raw))
    told = [message.get(name) for name in ("reasoning_content", "reasoning", "thinking")]
    thoughts += [one for one in told if isinstance(one, str)][:1]
    reasoning = "\n\n".join(clean_text(one).strip() for one in [*thoughts, split.reasoning or ""] if one.strip())
    said = message.get("refusal")
    refusal = refusal or (said if isinstance(said, str) and _VISIBLE.search(said) else None)
    answer = without_marks(split.answer)
    text = answer or (clean_text(refusal) if refusal else "")
    finish_reason = _end_word(choice)
    status = _status(answer, finish_reason, refusal, is_open=split.is_open)
    if status == "broken_off":
        ended = redact(f"the answer broke off: {finish_reason}")
        return Failure("broken_off", short_message(ended), billed=True, usage=usage)
    has_odd_usage = usage is None and bool(content.get("usage"))
    redact = for_answers(redact)
    return Answer(
        status,
        redact(text) or None,
        _word(finish_reason, redact),
        _word(content.get("model"), redact),
        usage,
        redact(reasoning) or None,
        ODD_USAGE if has_odd_usage else None,
    )


def _word(value: object, redact: Redact) -> str | None:
    return None if value is None else clean_text(redact(str(value)[:20_000]))[:_LONGEST_WORD]


def _parts_of(content: object) -> tuple[str, list[str], str | None]:
    """Text, reasoning and refusal of a message's content; a part that is no text leaves no text at all."""
    texts: list[str] = []
    thoughts: list[str] = []
    refusal: str | None = None
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, Mapping):
            return "", thoughts, refusal
        kind = part.get("type", "text")
        if not isinstance(kind, str):
            return "", thoughts, refusal
        if kind in _THOUGHT_PARTS:
            thoughts.append(_thought(part))
        elif kind == "refusal" and isinstance(part.get("refusal"), str):
            refusal = part["refusal"]
        elif kind in _TEXT_PARTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            return "", thoughts, refusal
    return "".join(texts), thoughts, refusal


def _thought(part: object) -> str:
    """Texts of a part of reasoning, which may hold parts of its own."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "".join(_thought(one) for one in part)
    if isinstance(part, Mapping):
        return next(
            (_thought(part[name]) for name in ("thinking", "reasoning", "text", "summary") if part.get(name)), ""
        )
    return ""


def _status(text: str, finish_reason: object, refusal: str | None, *, is_open: bool) -> Status | Literal["broken_off"]:
    end = end_of(finish_reason)
    if end == "filtered":
        return "content_filtered"
    if refusal or end == "refused":
        return "refused"
    if end == "out_of_room" or (is_open and end == "whole"):
        return "truncated"
    if end == "broken_off":
        return "broken_off"
    if end == "unknown":
        return "not_whole"
    return "answered" if _VISIBLE.search(text) else "empty"
