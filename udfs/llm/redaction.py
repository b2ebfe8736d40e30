"""Blot out what could be a part of a key, wherever in a text and however it is written.

Eight characters of a key in a row are never shown: as they are, in other case, backwards or in ROT13, with escapes of
URLs, JSON or HTML (twice, too), in octal, hexadecimal, binary, base32 or base64, as a list of characters or of their
numbers, with white space, marks or what is invisible between. This comes before any text is cut, since half a key is
not found any more by looking for the whole.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator

from udfs.llm.encoded_runs import encoded_runs

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
_NO_MARK = re.compile(r"[^0-9a-z]+")
_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
"""Full-width characters -> those of ASCII."""
_FEWEST_BARE = 6
"""Letters and digits of a part of a key, its marks left out, that are known again where a digit is among them."""
_STEPS = (2, 3, 4)
"""Every so many characters one is the key's, where the same mark or two stand between."""
_LONGEST_WORDS = 24


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
        unlikely = [key for key in secrets if not _may_be_words(key)]
        self.in_answers: Redactor = self if len(unlikely) == len(secrets) else Redactor(unlikely)
        """Blots out what can be nothing but a key, and leaves words such as "EMPTY" and "sk-no-key-required"."""
        self._short = [
            re.compile(rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])")
            for key in secrets
            if len(_UNSEEN.sub("", key)) < _SHOWN
        ]
        folded = [key for key in (_UNSEEN.sub("", key.lower()) for key in secrets) if len(key) >= _SHOWN]
        folded = [turned for key in folded for turned in (key, key[::-1], codecs.encode(key, "rot13"))]
        self._grams = {part for key in folded for part in _parts(key)}
        bare = {_NO_MARK.sub("", gram) for gram in self._grams}
        self._bare = {one for one in bare if len(one) >= _FEWEST_BARE and not one.isalpha()}
        keys_bare = [_NO_MARK.sub("", key) for key in folded]
        self._bare |= {part for key in keys_bare for part in _parts(key)}
        # A part of a key holds one of these whole, so a text without any of them is done with at once.
        self._anchors = {key[at : at + 5] for key in folded for at in range(0, len(key) - 4, 4)}
        self._bare_anchors = {key[at : at + 4] for key in keys_bare for at in range(0, len(key) - 3, 3)}

    def __call__(self, text: str) -> str:
        """The text with `[key]` in place of any part of a key."""
        for short in self._short:
            text = short.sub(KEY, text)
        if not self._grams or not text:
            return text
        spans = [*self._encoded_spans(text), *self._spans(text, as_escapes=False)]
        if _ESCAPE.search(text):
            # A mark such as % may stand before a key by chance, so the text is looked at in both ways.
            spans += self._spans(text, as_escapes=True)
        return _blotted(text, spans) if spans else text

    def _spans(self, text: str, *, as_escapes: bool) -> list[tuple[int, int]]:
        """Where the text shows a part of a key once what is invisible is passed over, and escapes resolved or not."""
        text = text.translate(_WIDE) if not text.isascii() else text
        plain = _ESCAPE.sub(_character, text) if as_escapes else text
        joined = _UNSEEN.sub("", plain.lower())
        thinned = "\n".join((joined, *(joined[at::step] for step in _STEPS for at in range(step))))
        is_there = any(anchor in thinned for anchor in self._anchors)
        bare = _NO_MARK.sub("", joined)
        if not is_there and not any(anchor in bare for anchor in self._bare_anchors):
            return []
        shown, places = _shown(text, as_escapes=as_escapes)
        spans = list(_found(shown, places, self._grams))
        for step in _STEPS:
            for at in range(step):
                spans += _found(shown[at::step], places[at::step], self._grams)
        kept = [place for place, character in enumerate(shown) if not _NO_MARK.match(character)]
        bare = "".join(shown[place] for place in kept)
        return [*spans, *_found(bare, [places[place] for place in kept], self._bare)]

    def _encoded_spans(self, text: str) -> list[tuple[int, int]]:
        runs = list(encoded_runs(text))
        # Nearly no text holds any, so all are looked through at once.
        if not self._is_in(b"\n".join(decoded for _, decoded in runs)):
            return []
        return [span for span, decoded in runs if self._is_in(decoded)]

    def _is_in(self, data: bytes) -> bool:
        text = _UNSEEN.sub("", data.decode("latin-1").lower())
        if not any(anchor in text for anchor in self._anchors):
            return False
        return any(text[at : at + _SHOWN] in self._grams for at in range(len(text) - _SHOWN + 1))


def for_answers(redact: Redact) -> Redact:
    """What is to be blotted out of a model's own words, which are data: no key that people may write by chance."""
    return redact.in_answers if isinstance(redact, Redactor) else redact


def _may_be_words(key: str) -> bool:
    """Whether a key is one that local servers are given, which look at none: short, or words without any digit."""
    folded = _UNSEEN.sub("", key)
    is_of_words = not any(map(str.isdigit, folded)) and (folded == folded.lower() or folded == folded.upper())
    return len(folded) < _SHOWN or (is_of_words and len(folded) < _LONGEST_WORDS)


def _parts(key: str) -> set[str]:
    return {key[at : at + _SHOWN] for at in range(len(key) - _SHOWN + 1)}


def _found(shown: str, places: list[tuple[int, int]], parts: set[str]) -> Iterator[tuple[int, int]]:
    """Where a text holds one of the parts."""
    for length in {len(part) for part in parts}:
        for at in range(len(shown) - length + 1):
            if shown[at : at + length] in parts:
                yield places[at][0], places[at + length - 1][1]


def _shown(text: str, *, as_escapes: bool) -> tuple[str, list[tuple[int, int]]]:
    """The characters that a reader sees, in lower case, each with the place in the text that it comes from."""
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        escape = _ESCAPE.match(text, at) if as_escapes and text[at] in "%\\&" else None
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
