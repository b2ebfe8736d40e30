"""What a prompt asks for, as far as its wording shows: a number of items, code, a long text, an explanation.

English wording only. Of a prompt in another language nothing is read here, and nothing held against its answer.
"""

import re
from dataclasses import dataclass

from udfs.screen.wording import one_of

_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER_HINTS = (*_NUMBERS, *"0123456789")
_VERBS = one_of(
    "list, give, name, provide, suggest, generate, write, come up with, identify, describe, recommend, propose, "
    "brainstorm, share, tell, offer, think of"
)
_COUNTED = re.compile(
    rf"\b{_VERBS} (?:(?:me|us|at least|up to|the top|the first|the best|top|a list of|exactly|out) ){{0,3}}"
    rf"(\d{{1,2}}|{'|'.join(_NUMBERS)}) ((?:[a-z'-]+ ){{0,2}}[a-z'-]+s)\b"
)
_UNITS_OF_MEASURE = one_of(
    "words?, sentences?, paragraphs?, lines?, pages?, characters?, letters?, digits?, numbers?, stanzas?, verses?, "
    "syllables?, minutes?, hours?, days?, weeks?, months?, years?, dollars?, times?, as, is"
)
_UNITS = re.compile(rf"\b{_UNITS_OF_MEASURE}\b")
_LENGTH = re.compile(r"\b(\d{2,4})[ -]words?\b")
_AT_MOST = re.compile(r"(?:less|fewer|more|shorter) than|at most|up to|under|within|no more|max|or less|or fewer|limit")
_CODE = re.compile(
    r"(?:\A|[.?!:\n,] ?|\b(?:you|please|to) )"
    r"(?:write|create|implement|generate|develop|build|design|code|give|show|construct|output|provide|define|make)\b"
    r"[^.?!\n]{0,50}(?<!zip )(?<!monologue )\b(?:function|program|script|code|sql query|regex|regular expression"
    r"|class that|html|css|query (?:that|to|for))\b"
)
_CODE_HINTS = ("function", "program", "script", "code", "query", "regex", "regular exp", "class that", "html", "css")
_LONG_TEXT = re.compile(
    r"\b(?:write|compose|create|generate|draft|produce) (?:(?:me|us) )?(?:an?|the|your|my) (?:[\w-]+ ){0,2}"
    r"(?:essay|article|blog post|stor(?:y|ies)|speech|report|screenplay|novel|chapter|cover letter)\b"
)
_LONG_TEXT_HINTS = ("essay", "article", "blog", "stor", "speech", "report", "play", "novel", "chapter", "letter")
_EXPLANATION = re.compile(
    r"\b(?:explain|describe|discuss|elaborate|why (?:is|are|do|does|did|was|were|would|should)"
    r"|how (?:can|do|does|to|would|should|did)|in detail|compare|contrast|what are (?:the|some)|step[- ]by[- ]step"
    r"|advice|tips)\b"
)
_EXPLANATION_HINTS = (
    *("expl", "descri", "discuss", "elaborat", "why ", "how ", "in detail", "compare", "contrast", "what are ", "step"),
    *("advice", "tips"),
)
_BRIEF = re.compile(
    r"\b(?:in one word|one word|single word|short|brief(?:ly)?|concise|one[- ]sentence|in a sentence|yes or no"
    r"|true or false|classify|categori[sz]e|fill in|how many|how much|how old|how long|how far|options|choose"
    r"|multiple[- ]choice)\b"
)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What is asked for; none of it where the wording does not show it."""

    items: int | None
    """"List five ..."."""
    words: int | None
    """"... in 500 words", unless that is an upper limit."""
    code: bool
    long_text: bool
    """An essay, a story, a report."""
    explanation: bool
    """Why, how, describe: more than a name or a number."""
    brief: bool
    """One thing, or a short form, is wanted."""


def read_constraints(asked: str) -> Constraints:
    """Read a folded prompt."""
    brief = _BRIEF.search(asked) is not None
    explains = _holds(asked, _EXPLANATION_HINTS)
    return Constraints(
        items=_items(asked) if _holds(asked, _NUMBER_HINTS) else None,
        words=_words(asked),
        code=_holds(asked, _CODE_HINTS) and _CODE.search(asked) is not None,
        long_text=not brief and _holds(asked, _LONG_TEXT_HINTS) and _LONG_TEXT.search(asked) is not None,
        explanation=not brief and explains and _EXPLANATION.search(asked) is not None,
        brief=brief,
    )


def _holds(text: str, hints: tuple[str, ...]) -> bool:
    """Whether a pattern that needs one of these is worth its time."""
    return any(map(text.__contains__, hints))


def _items(asked: str) -> int | None:
    match = _COUNTED.search(asked)
    if match is None or _UNITS.search(match[2]):
        return None
    number = match[1]
    count = int(number) if number.isdigit() else _NUMBERS.index(number) + 2
    return count if 2 <= count <= 30 else None


def _words(asked: str) -> int | None:
    if "word" not in asked:
        return None
    match = _LENGTH.search(asked)
    if match is None or _AT_MOST.search(asked, max(0, match.start() - 30), match.end() + 10):
        return None
    return int(match[1])
