"""Does the prompt contain the text, table or list that it speaks of?"""

import re

from udfs.screen.subject import Subject
from udfs.screen.wording import (
    PROGRAMMING,
    TEXT,
    introduced_before,
    may_hold_material,
    named_after,
    one_of,
    stands_beside,
)

_THINGS = one_of(
    "code, programs?, scripts?, functions?, lists?, data(?:sets?)?(?! (?:types?|structures?|formats?)), "
    "words?, phrases?, "
    "numbers?(?! [a-z]\\b), "
    "equations?, "
    "expressions?, input, information, facts, context, questions?, problems?, items, options, choices, sequences?, "
    "series, scenario, descriptions?, strings?, arrays?, query, objects?"
)
_THING = f"(?:{TEXT}|{_THINGS})"
_SHOWN = one_of("given, provided, shown, listed, attached")

_REFERENCE = re.compile(
    rf"\bfollowing (?:\w+[ -]){{0,2}}{_THING}\b"
    r"|\bfollowing(?! numbers? [a-z]\b)(?: \w+){0,2}\s*[:.?]?\s*\Z"
    rf"|\b(?!numbers? below){_THING} (?:(?:that is |is |as )?{_SHOWN} )?below\b"
    rf"|\b(?:this|these) {TEXT}\b"
    r"|\b(?:from|in) (?:this|these) lists?\b"
    rf"|\battached {_THING}\b"
    r"|\bin the (?:paragraph|passage)\b"
    r"|\bthe (?:article|text|passage|paragraph|code) above\b"
)
_GIVEN = re.compile(
    rf"\b(?:the|this|these) (?:given|provided) (?:\w+ ){{0,2}}{_THING}\b"
    rf"|\bgiven (?:an?|the|this|some) (?:\w+ )?{TEXT}\b(?! with)"
    rf"|\b{_THING} (?:given|provided)\s*[.?:]?\s*\Z"
    r"|\bbased on the (?:given|provided) \w+"
)


def missing_input(subject: Subject) -> str | None:
    """The prompt speaks of a text, table or list that neither it nor an earlier turn contains."""
    text = subject.folded.strip()
    if subject.has_context or may_hold_material(text):
        return None
    match = _REFERENCE.search(text)
    if match is None and not PROGRAMMING.search(text):
        match = _GIVEN.search(text)
    if match is None or introduced_before(text, match):
        return None
    original = subject.text.strip()
    if stands_beside(original, text, match) or named_after(original, text, match):
        return None
    return match.group()
