"""Read what an error says of itself, in whichever of the shapes that providers, gateways and routers send.

OpenAI's `{"error": {"message", "type", "code"}}` is one of many: a list around it (Gemini), `detail` that is a text or
a list (FastAPI), `errors`, `message` that is a list, an error within an error (Azure's `innererror`, a router's
`raw`), a bare text, a page of HTML. All texts and all codes are gathered, wherever they stand.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_NODES, _MOST_TEXT = 300, 20_000
_CODES = {"code", "type", "errortype", "errorcode", "reason", "status", "kind", "errorname", "statuscode"}
_TEXTS = {
    *("message", "msg", "detail", "details", "error", "errors", "errormessage", "errormsg", "errordescription"),
    *("description", "title", "raw", "statusmsg", "cause", "failurereason", "innererror", "metadata", "baseresp"),
    *("body", "response"),
}
# What repeats the request is no verdict on it.
_ECHOES = {"input", "flaggedinput", "prompt", "messages", "param", "ctx", "url", "loc"}
_NO_CODE = {"", "error", "none", "null", "string"}


@dataclass(frozen=True)
class Stated:
    """What an error says."""

    codes: frozenset[str]
    """In lower case, letters and digits only, without a trailing `error` or `exception`."""
    names: tuple[str, ...]
    """The codes as they were written."""
    status: int | None
    """HTTP status that the body names; null: none."""
    message: str
    """All texts, joined; empty where there is none."""
    is_api: bool
    """Whether an API wrote it: JSON with a code or a text, not a page or a line of some gateway."""
    is_page: bool
    """Whether it is HTML."""


def read_error(body: object) -> Stated:
    """Gather codes and texts of an error.

    Args:
        body: JSON that is parsed already, or the text or bytes of the response; never raises, whatever it is.
    """
    if isinstance(body, bytes | bytearray):
        body = bytes(body[:_MOST_TEXT]).decode("utf-8-sig", "replace") if len(body) > 4 * _MOST_TEXT else _parsed(body)
    elif isinstance(body, str):
        body = _parsed(body.encode("utf-8", "replace"))
    if isinstance(body, str):
        is_page = body.lstrip()[:200].lower().startswith(("<!doctype", "<html", "<?xml", "<head", "<body"))
        return Stated(frozenset(), (), None, body[:_MOST_TEXT], is_api=False, is_page=is_page or "<html" in body[:2000])
    texts: dict[str, None] = {}
    codes: dict[str, None] = {}
    for key, value in _leaves(body):
        if key in _CODES and not isinstance(value, bool) and value is not None:
            codes.setdefault(str(value)[:200], None)
        elif isinstance(value, str) and value.strip():
            texts.setdefault(value.strip()[:_MOST_TEXT], None)
    numbers = [int(code) for code in codes if code.isascii() and code.isdigit() and 400 <= int(code[:9]) < 600]
    # A sentence in the place of a code is what the error says.
    said = [name for name in codes if " " in name.strip()]
    names = [name for name in codes if name not in said and not name.isdigit() and normal(name) not in _NO_CODE]
    found = frozenset(normal(name) for name in [*names, *(text for text in texts if _is_code(text))])
    message = "; ".join([*texts, *said])
    return Stated(found, tuple(names), next(iter(numbers), None), message, bool(message or found), is_page=False)


def normal(code: str) -> str:
    """A code or a word of the protocol in one spelling: `RateLimit_Error` and `rate-limit` are `ratelimit`."""
    letters = "".join(character for character in code.lower() if character.isalnum())
    for end in ("error", "exception"):
        letters = letters.removesuffix(end) if letters != end else letters
    return letters


def _is_code(text: str) -> bool:
    return len(text) < 60 and " " not in text and ("_" in text or "." not in text)


def _parsed(body: bytes | bytearray) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return body.decode("utf-8-sig", "replace")


def _leaves(body: object) -> Iterator[tuple[str, object]]:
    """Keys in one spelling, with their values that hold no others; what is below a text's key keeps that key."""
    waiting = deque[tuple[str, object]]([("message", body)])
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        key, value = waiting.popleft()
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and len(value) <= _MOST_TEXT:
            inner = _parsed(value.encode("utf-8", "replace"))  # a router passes on what it was told, as a text
            value = inner if isinstance(inner, dict | list) else value
        if isinstance(value, Mapping):
            for name, part in value.items():
                own = "".join(character for character in str(name).lower() if character.isalnum())
                if own in _CODES or own in _TEXTS:
                    waiting.append((own, part))
                elif own not in _ECHOES and isinstance(part, Mapping | list):
                    waiting.append(("", part))
        elif isinstance(value, list):
            waiting.extend((key, part) for part in value)
        elif key:
            yield key, value
