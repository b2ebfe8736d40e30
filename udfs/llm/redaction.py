"""Blot out what could be a part of a key, wherever in a text and however it is written.

Eight characters of a key in a row are never shown: as they are or in other case, with escapes of URLs, JSON or HTML
(twice, too), in octal, hexadecimal or base64, as a list of characters or of their numbers, with white space or what is
invisible between. This comes before any text is cut, since half a key is not found any more by looking for the whole.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable

Redact = Callable[[str], str]
KEY = "[key]"
_SHOWN = 8
"""Fewest characters in a row that are a part of a key."""
_ESCAPE = re.compile(
    r"%(?:25)*([0-9a-fA-F]{2})|\\{1,4}u([0-9a-fA-F]{4})|\\{1,4}x([0-9a-fA-F]{2})|&(?:amp;)*#x([0-9a-fA-F]{1,6});"
    r"|&(?:amp;)*#(\d{1,7});|\\{1,4}([0-7]{3})"
)
# Passed over in keys and texts: what is invisible, backslashes of escapes, quotes and commas of a list of characters.
_UNSEEN = re.compile(r"[^\x21\x23-\x26\x28-\x2b\x2d-\x5b\x5d-\x7e]+")
_RUN = re.compile(r"[A-Za-z0-9+/_-]{11,}")
_HEX_RUN = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){8,}|(?:0x[0-9a-fA-F]{2}[, ]{0,2}){8,}")
_NUMBERS = re.compile(r"(?:\d{2,3}(?:, ?| )){7,}\d{2,3}")


def keep(text: str) -> str:
    """Redact nothing: for texts that no key can be in."""
    return text


class Redactor:
    """Blots out parts of some keys.

    Args:
        keys: the secrets; empty ones are passed over.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        secrets = [key.strip() for key in keys if key and key.strip()]
        self._short = [
            re.compile(rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])")
            for key in secrets
            if len(_UNSEEN.sub("", key)) < _SHOWN
        ]
        folded = [key for key in (_UNSEEN.sub("", key.lower()) for key in secrets) if len(key) >= _SHOWN]
        self._grams = {key[at : at + _SHOWN] for key in folded for at in range(len(key) - _SHOWN + 1)}
        # Eight characters in a row hold one of these whole, so a text without any of them is done with at once.
        self._anchors = {key[at : at + 5] for key in folded for at in range(0, len(key) - 4, 4)}

    def __call__(self, text: str) -> str:
        """The text with `[key]` in place of any part of a key."""
        for short in self._short:
            text = short.sub(KEY, text)
        if not self._grams or not text:
            return text
        spans = [*self._decoded_spans(text), *self._encoded_spans(text)]
        return _blotted(text, spans) if spans else text

    def _decoded_spans(self, text: str) -> list[tuple[int, int]]:
        """Where the text shows a part of a key once its escapes are resolved and what is invisible is passed over."""
        plain = _ESCAPE.sub(_character, text) if _ESCAPE.search(text) else text
        joined = _UNSEEN.sub("", plain.lower())
        if not any(anchor in joined for anchor in self._anchors):
            return []
        shown, places = _shown(text)
        spans = []
        for at in range(len(shown) - _SHOWN + 1):
            if shown[at : at + _SHOWN] in self._grams:
                spans.append((places[at][0], places[at + _SHOWN - 1][1]))
        return spans

    def _encoded_spans(self, text: str) -> list[tuple[int, int]]:
        spans = [match.span() for match in _RUN.finditer(text) if self._holds_base64(match.group())]
        for match in _HEX_RUN.finditer(text):
            digits = re.sub(r"0x|[ :,]", "", match.group())
            if self._is_in(bytes.fromhex(digits)) or self._is_in(bytes.fromhex(digits[1:-1])):
                spans.append(match.span())
        for match in _NUMBERS.finditer(text):
            numbers = (int(number) for number in re.findall(r"\d+", match.group()))
            if self._is_in(bytes(number for number in numbers if number < 256)):
                spans.append(match.span())
        return spans

    def _holds_base64(self, run: str) -> bool:
        plain = run.replace("-", "+").replace("_", "/").rstrip("=")
        for start in range(4):
            part = plain[start:]
            part = part[: len(part) - len(part) % 4] if len(part) % 4 == 1 else part
            try:
                found = base64.b64decode(part + "=" * (-len(part) % 4))
            except (binascii.Error, ValueError):
                continue
            if self._is_in(found):
                return True
        return False

    def _is_in(self, data: bytes) -> bool:
        text = data.decode("latin-1").lower()
        if not any(anchor in text for anchor in self._anchors):
            return False
        return any(text[at : at + _SHOWN] in self._grams for at in range(len(text) - _SHOWN + 1))


def _shown(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The characters that a reader sees, in lower case, each with the place in the text that it comes from."""
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        escape = _ESCAPE.match(text, at) if text[at] in "%\\&" else None
        if escape is not None:
            character, end = _character(escape), escape.end()
        else:
            character, end = text[at], at + 1
        if not _UNSEEN.match(character):
            characters.append(character.lower())
            places.append((at, end))
        at = end
    return "".join(characters), places


def _character(escape: re.Match[str]) -> str:
    if escape[5] or escape[6]:
        number = int(escape[5]) if escape[5] else int(escape[6], 8)
    else:
        number = int(next(group for group in escape.groups() if group), 16)
    return chr(number) if number < 0x110000 else "?"


def _blotted(text: str, spans: list[tuple[int, int]]) -> str:
    parts, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            parts += [text[done:start], KEY]
        done = max(done, end)
    return "".join((*parts, text[done:]))
