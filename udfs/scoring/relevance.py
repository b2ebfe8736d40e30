"""Relevance: does the answer speak of what was asked, in the asked form?

Measured by the content words that prompt and answer share. Only the beginning of the answer counts, so that a long
answer has no more chances than a short one. Of two truths that say it in other words nothing is known here.
"""

import re
from collections.abc import Iterable, Iterator

from udfs.scoring.findings import MAJOR, MINOR, SEVERE, SLIGHT, SOME_EVIDENCE, STRONG_EVIDENCE, Finding
from udfs.scoring.pair_text import PairText

_FIRST_TOKENS = 150
_FEW, _MANY = 3, 6
"""Content words of a prompt below which chance may leave none shared, and from which it hardly does."""
_FULL_COVERAGE = 8
"""Content words of a prompt of which an answer may be expected to take up some."""

_SHORT = 6
"""Tokens below which an answer need not repeat a word of the question."""
_MEDIUM = 16
_LONG = 41

_STEM = 5
"""Characters compared of a word: "running" and "runners" are about the same thing."""

_FUNCTION_WORDS = """
the and for are was were been being have has had having does did doing that this these those with from into onto
your you yours yourself they them their theirs its his her hers him she our ours who whom whose what which when
where why how can could will would shall should may might must not but nor all any each few more most other some
such only own same than too very just about above after again against before below between both down during further
here once there then through under until while also
"""
_REQUEST_WORDS = """
please give make tell write list name explain describe create generate provide find use using used following given
example examples sentence text answer question input output based one two first last get let want need like know
think step options
"""
_STOP_WORDS = frozenset(f"{_FUNCTION_WORDS} {_REQUEST_WORDS}".split())
_NO_CONTENT_CJK = frozenset("的了是在我你他她它和与有不这那请一个吗呢吧什么怎如何为以及或些给出写")
_HIRAGANA = range(0x3041, 0x30A0)

_OTHER_LANGUAGE = re.compile(
    r"translat|language|\bin (?:english|french|german|spanish|italian|chinese|japanese|korean|russian|arabic|hindi"
    r"|portuguese|greek|hebrew|latin|urdu|thai|turkish|ukrainian|mandarin|sanskrit|tamil|bengali)\b|traduc|traduz|tradui"
    r"|übersetz|перевед|翻译|翻譯|翻訳|译|訳|英语|英文|英語|中文|日语|日本語|韩|kanji|emoji|unicode|alphabet|pronounce"
)
_INVENTED = re.compile(
    r"\b(?:poem|haiku|joke|riddle|song|lyrics|limerick|stor(?:y|ies)|tale|tweet|rap|title|scene|soliloquy|monologue|dialogue"
    r"|rewrite|rephrase|compose|imagine|pretend|creative)\b"
)
_REFERS_BACK = re.compile(r"\b(?:this|that|these|those|it|them|they|again|previous|above|instead|more|less)\b")
_FOLLOW_UP_TOKENS = 30
"""A prompt this short that says "it" or "these" speaks of an earlier turn, whose words are not in it."""
_YES_NO_QUESTION = re.compile(
    r"(?:\A|[.?!:\n]\s*)(?:is|are|was|were|do|does|did|can|could|has|have|will|would|should)\b"
)
_YES_NO = frozenset(("yes", "no", "true", "false"))


def relevance(pair: PairText) -> Iterator[Finding]:
    """What the answer shares with the prompt."""
    if _other_script(pair):
        yield Finding(MAJOR, "the answer is in another script than the question")
    asked = _stems(pair.prompt_tokens)
    if len(pair.tokens) < _SHORT:
        yield from _short_answer(pair, asked)
    elif len(asked) >= 2:
        yield from _shared_words(pair, asked)


def _shared_words(pair: PairText, asked: set[str]) -> Iterator[Finding]:
    answered = _stems(pair.tokens[:_FIRST_TOKENS])
    shared = len(asked & answered)
    expected = min(len(asked), _FULL_COVERAGE)
    length = len(pair.tokens)
    if shared >= 2 and shared * 2 >= expected:
        yield Finding(STRONG_EVIDENCE, "the answer takes up the words of the question")
    elif shared * 4 >= expected:
        yield Finding(SOME_EVIDENCE, "the answer takes up some words of the question")
    elif shared == 0 and not _OTHER_LANGUAGE.search(pair.asked):
        if length < _MEDIUM or not answered:
            yield Finding(SLIGHT, "the answer shares no content word with the question")
        elif length < _LONG or expected < _FEW or _may_use_other_words(pair):
            yield Finding(MINOR, "the answer shares no content word with the question")
        else:
            size = SEVERE if expected >= _MANY else MAJOR
            yield Finding(size, "a long answer shares no content word with the question")
    elif shared == 1 and expected >= _MANY and length >= _LONG and not _may_use_other_words(pair):
        yield Finding(SLIGHT, "a long answer shares a single content word with the question")


def _may_use_other_words(pair: PairText) -> bool:
    """Whether a good answer may well do without the words of the prompt: inventions, code, second turns."""
    if pair.is_code or pair.has_fence or _INVENTED.search(pair.asked):
        return True
    return len(pair.prompt_tokens) < _FOLLOW_UP_TOKENS and _REFERS_BACK.search(pair.asked) is not None


def _short_answer(pair: PairText, asked: set[str]) -> Iterator[Finding]:
    answered = _stems(pair.tokens)
    offered = answered and answered <= asked
    is_letter = len(pair.tokens) == 1 and len(pair.tokens[0]) == 1 and pair.tokens[0] in pair.prompt_tokens
    is_yes_no = pair.tokens[:1] and pair.tokens[0] in _YES_NO and _YES_NO_QUESTION.search(pair.asked)
    if offered or is_letter or is_yes_no:
        yield Finding(STRONG_EVIDENCE, "the answer is one of those that the question offers")
    else:
        yield Finding(SOME_EVIDENCE, "the answer is too short to repeat words of the question")


def _stems(tokens: Iterable[str]) -> set[str]:
    """Beginnings of the words that carry content."""
    return {token.rstrip("s")[:_STEM] for token in set(tokens) - _STOP_WORDS if len(token) >= 3 or _has_content(token)}


def _has_content(token: str) -> bool:
    """Whether a token of one or two characters does: a number, or a character that is a word."""
    if token.isascii():
        return token.isdigit()
    return token not in _NO_CONTENT_CJK and ord(token[0]) not in _HIRAGANA


def _other_script(pair: PairText) -> bool:
    if pair.instruction.isascii() and pair.response.isascii():
        return False
    question, answer = _far_letters(pair.instruction), _far_letters(pair.response)
    if question is None or answer is None or abs(question - answer) < 0.8:
        return False
    return not _OTHER_LANGUAGE.search(pair.asked) and not pair.has_fence and not pair.is_code


def _far_letters(text: str) -> float | None:
    """Share of letters outside the Latin script; null where there are too few letters to tell."""
    letters = [char for char in text[:600] if char.isalpha()]
    if len(letters) < 8:
        return None
    return sum(char >= "\u0370" and not "\u1e00" <= char < "\u1f00" for char in letters) / len(letters)
