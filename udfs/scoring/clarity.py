"""Clarity: can the answer be read? Sentences, paragraphs, capitals, garbled words; nothing about what it says."""

import re
from collections.abc import Iterator
from operator import eq

from udfs.scoring.findings import Finding, fault, remark
from udfs.scoring.pair_text import PairText

_LONG_SENTENCE = 60
"""Words. Half the longest sentences of good explanations have fewer than 35."""
_MEAN_SENTENCE = 35
_WALL = 300
_HUGE_WALL = 600

_VOWEL_SHARE = 0.3
"""Of the letters; English has 0.38, other languages in Latin letters more, a hand on the keyboard 0.2."""
_CIPHER_ASKED = re.compile(
    r"vowel|cipher|encod|encrypt|caesar|base64|anagram|notation|gibberish|rot13|abbreviat|acronym"
)
_CONSONANTS = re.compile(r"[b-df-hj-np-tv-xz]{5,}")
_SPACED_LETTERS = re.compile(r"(?:(?<!\w)[^\W\d_] ){8}")
_GLUED = re.compile(r"[.?!,](?<=[a-z]{2}.)[A-Z][a-z]")
_LOST_INDENT = re.compile(
    r"^([ \t]*)(?:if|for|while|def|elif|else|try|class|with)\b[^\n#]*:[ \t]*\n"
    r"\1(?:return|if|for|while|else|elif|print|sum)\b",
    re.MULTILINE,
)
_DOUBLED = re.compile(r"\b([a-z]{2,12}) \1\b")
_RIGHTLY_DOUBLED = frozenset(("had", "that", "so", "very", "ha", "bye", "no", "blah", "knock", "there", "row", "tsk"))
_SAMPLE = 160
"""Characters of a text that show whether it is in capitals."""
_AFTER_STOP = re.compile(r"[.!?][ \n]+([^\W\d_])")
_LONGEST_WORD = 35
_RUN_TOGETHER = re.compile(r"(?<!\S)[A-Za-z]{36}")
_ALL_CAPS_ASKED = re.compile(r"upper|capital|caps\b|shout")


def clarity(pair: PairText) -> Iterator[Finding]:
    """What makes the answer hard to read; of code only whether it is laid out as code."""
    if not pair.prose or pair.is_code:
        if _LOST_INDENT.search(pair.response):
            yield fault("the code has lost its indentation")
        return
    yield from _garbled(pair)
    yield from _sentences(pair)
    yield from _walls(pair)
    yield from _habits(pair)


def _garbled(pair: PairText) -> Iterator[Finding]:
    prose = pair.prose[:4_000]
    spaces = prose.count(" ") + 1
    if _is_mashed(prose, spaces) and not _CIPHER_ASKED.search(pair.asked):
        yield remark("the words are garbled")
    elif spaces * 3 > len(prose) and _SPACED_LETTERS.search(prose):
        yield remark("the letters of the words are spaced out")
    elif prose.isascii() and max(map(len, pair.tokens), default=0) > _LONGEST_WORD and _RUN_TOGETHER.search(prose):
        yield remark("words run together")


def _is_mashed(prose: str, spaces: int) -> bool:
    """Whether every fifth piece is a heap of consonants, in a text that has too few vowels for any language."""
    if not prose.isascii():
        return False
    folded = prose.lower()
    if "www." in folded or "http" in folded:
        return False
    vowels = sum(map(folded.count, "aeiouy"))
    if vowels > _VOWEL_SHARE * (len(prose) - spaces):
        return False
    odd = len(_CONSONANTS.findall(folded))
    return odd >= 2 and odd * 5 >= spaces


def _sentences(pair: PairText) -> Iterator[Finding]:
    lengths = [
        pair.words(sentence.strip()) for sentence in pair.sentences if "=" not in sentence and "|" not in sentence
    ]
    if not lengths:
        return
    if sum(lengths) > _MEAN_SENTENCE * len(lengths):
        yield remark("the sentences are very long")
    elif max(lengths) > _LONG_SENTENCE:
        yield remark("a sentence is very long")


def _walls(pair: PairText) -> Iterator[Finding]:
    if len(pair.prose) < _WALL * 2:
        return
    longest = max(map(pair.words, pair.lines))
    if longest > _HUGE_WALL:
        yield remark("the answer is one wall of text")
    elif longest > _WALL:
        yield remark("a paragraph is very long")


def _habits(pair: PairText) -> Iterator[Finding]:
    prose = pair.prose
    starts = _AFTER_STOP.findall(prose)
    lower = sum(map(str.islower, starts))
    if len(starts) >= 2 and lower * 2 > len(starts):
        yield remark("sentences begin in lower case")
    elif prose[0].islower() and len(pair.tokens) >= 12 and len(starts) >= 1:
        yield remark("the answer begins in lower case")
    capitals = sum(map(str.isupper, prose[:_SAMPLE]))
    if capitals >= 30 and capitals * 2 > len(prose[:_SAMPLE]) and not _ALL_CAPS_ASKED.search(pair.asked):
        yield remark("the answer is in capitals")
    glued = len(_GLUED.findall(prose))
    if glued >= 2 and glued * 30 >= len(pair.tokens):
        yield remark("blanks are missing between sentences")
    elif any(map(eq, pair.tokens, pair.tokens[1:])) and any(
        match[1] not in _RIGHTLY_DOUBLED for match in _DOUBLED.finditer(prose)
    ):
        yield remark("a word is doubled")
