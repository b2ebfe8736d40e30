"""Degenerate loops: a generator that went on repeating itself.

The measures are the repetition rules of Gopher (Rae et al. 2021, "Scaling Language Models", appendix
A.1.1): the share of duplicate lines, and the share of text inside repeated n-grams. Gopher screens web
pages and convicts at 0.30 of the lines and 0.10 of the characters in repeated 10-grams. Answers are short and
rightly repeat: refrains, tables, code, step-by-step forms, options quoted back. So code, tables and short
lines are left out, numbers alone never convict, and the thresholds ask that nearly all of the text repeats: answers
that fill a template ("offers a free trial for 30 days, after which ...") were read with up to 0.63, loops from 0.85 on.
"""

import re
from collections import Counter

from udfs.screen.subject import Subject

_FEWEST_LINES = 6
_LINE_SHARE = 0.7
"""Share of the counted lines that already stood above."""
_SHORTEST_LINE = 4
"""Words. Labels, braces and list marks repeat in good answers."""

_FEWEST_WORDS = 60
_NGRAM = 10
_NGRAM_SHARE = 0.8
"""Share of the words that lie in a 10-gram occurring more than once, its first occurrence not counted."""

_MOST_WORDS = 20_000
"""Words counted, from the start: bounds memory on texts of a megabyte."""

_LONGEST_PERIOD = 20
_FEWEST_TURNS = 6
_FEWEST_LOOPED_WORDS = 24
_LOOPED_SHARE = 0.5
"""Share of the words that lie in the loop at the end: instructions of one kind may close with many equal steps."""

_DISTINCT_ENOUGH = 0.5
"""A text of which every second word is new cannot loop for half its length."""
_DISTINCT_PIECES = 0.6
"""The same for pieces between blanks, which punctuation makes a little more distinct than words; much faster."""

_WORD = re.compile(r"\w+")
_TABLE_LINE = re.compile(r"^[ \t]*\|[^\n]*$", re.MULTILINE)
_SAME_LETTER = re.compile(r"([^\W\d_])\1{99}")
_UNSPACED_WORD = 20
"""Mean characters a word above which the script has no spaces and single characters are counted."""


def repetition(subject: Subject) -> str | None:
    """The text repeats its own lines or phrases for most of its length, or ends in a loop."""
    text = subject.folded_prose
    pieces = text.split()
    spaced = len(pieces) * _UNSPACED_WORD >= len(text)
    if spaced and len(set(pieces)) > _DISTINCT_PIECES * len(pieces):
        return None
    if _SAME_LETTER.search(text):
        return "one letter repeats 100 times"
    text = _TABLE_LINE.sub("", text)
    words = _WORD.findall(text) if spaced else [char for char in text if char.isalpha()]
    if len(words) < _FEWEST_LOOPED_WORDS or len(set(words)) > _DISTINCT_ENOUGH * len(words):
        return None
    return _repeated_lines(text) or _repeated_ngrams(words) or _closing_loop(words)


def _repeated_lines(text: str) -> str | None:
    lines = [line.strip() for line in text.split("\n")]
    counted = [line for line in lines if len(_WORD.findall(line)) >= _SHORTEST_LINE and not line.endswith(":")]
    if len(counted) < _FEWEST_LINES:
        return None
    share = 1 - len(set(counted)) / len(counted)
    return f"{share:.2f} of the lines repeat" if share > _LINE_SHARE else None


def _repeated_ngrams(words: list[str]) -> str | None:
    if len(words) < _FEWEST_WORDS:
        return None
    seen: Counter[tuple[str, ...]] = Counter()
    covered_to = 0
    covered = 0
    words = words[:_MOST_WORDS]
    for start, ngram in enumerate(zip(*(words[offset:] for offset in range(_NGRAM)), strict=False)):
        seen[ngram] += 1
        if seen[ngram] > 1 and not all(word.isdigit() or len(word) == 1 for word in ngram):
            covered += start + _NGRAM - max(start, covered_to)
            covered_to = start + _NGRAM
    share = covered / len(words)
    return f"{share:.2f} of the words lie in repeated phrases" if share > _NGRAM_SHARE else None


def _closing_loop(words: list[str]) -> str | None:
    last = len(words) - 1
    for period in range(1, min(_LONGEST_PERIOD, last) + 1):
        same = 0
        while last - same - period >= 0 and words[last - same] == words[last - same - period]:
            same += 1
        looped = same + period
        turns = looped // period
        phrase = words[-period:]
        is_loop = turns >= _FEWEST_TURNS and looped >= max(_FEWEST_LOOPED_WORDS, _LOOPED_SHARE * len(words))
        if is_loop and not all(word.isdigit() for word in phrase):
            return f"ends in {turns} times {' '.join(phrase)[:60]!r}"
    return None
