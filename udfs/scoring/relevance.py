"""Relevance: does the answer speak of what was asked?

Measured by the content words that prompt and answer share. Only the beginning of the answer counts, so that a long
answer has no more chances than a short one. Short answers, lists of names, inventions, code, translations and second
turns rightly have other words than their prompts, so a remark is all that this ever makes.
"""

import re
from collections.abc import Iterable, Iterator

from udfs.scoring.findings import Finding, remark
from udfs.scoring.pair_text import PairText

_FIRST_TOKENS = 150
_FEW = 3
"""Content words of a prompt below which chance may leave none shared."""
_MEDIUM = 16
"""Tokens below which an answer need not repeat a word of the question."""

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
_FAR = re.compile("[\u0370-\u1dff\u1f00-\U0010ffff]")
_HIRAGANA = range(0x3041, 0x30A0)

_OTHER_LANGUAGE = re.compile(
    r"translat|language|\b(?:in|into|to) (?:english|french|german|spanish|italian|chinese|japanese|korean|russian"
    r"|arabic|hindi"
    r"|portuguese|greek|hebrew|latin|urdu|thai|turkish|ukrainian|mandarin|sanskrit|tamil|bengali)\b|traduc|traduz"
    r"|tradui"
    r"|übersetz|перевед|翻译|翻譯|翻訳|译|訳|英语|英文|英語|中文|日语|日本語|韩|kanji|emoji|unicode|alphabet|pronounce"
)
_WRITTEN_IN = re.compile(
    r"\A\W*(?:please )?(?:can you |could you )?(?:translate|write|answer|reply|respond|say"
    r"|explain)\b[^\n]{0,300}?\b(?:in|into|to) "
    r"(chinese|mandarin|japanese|korean|russian|ukrainian|arabic|persian|farsi|urdu|hindi|bengali|tamil|thai|greek|hebrew)\b"
    r"|用(?:英语|英文|法语|德语|西班牙语)(?:回答|写|来?描述)"
)
_LATIN_LETTERS_ASKED = re.compile(
    r"pinyin|romaji|roman|transliterat|pronounc|pronunciation|phonetic|latin letters|拼音"
)
_INVENTED = re.compile(
    r"\b(?:poem|haiku|joke|riddle|song|lyrics|limerick|stor(?:y|ies)|tale|tweet|rap|title|scene|soliloquy|monologue"
    r"|dialogue"
    r"|rewrite|rephrase|paraphrase|summari[sz]e|compose|imagine|pretend|creative|list|names?|classify|categori[sz]e)\b"
)
_REFERS_BACK = re.compile(r"\b(?:this|that|these|those|it|them|they|again|previous|above|instead|more|less)\b")
_FOLLOW_UP_TOKENS = 30
"""A prompt this short that says "it" or "these" speaks of an earlier turn, whose words are not in it."""


def relevance(pair: PairText) -> Iterator[Finding]:
    """Where prompt and answer have nothing in common. Right answers in other words exist, so nothing here decides."""
    if _other_script(pair):
        yield remark("the answer is in another script than the question")
    elif _not_in_its_script(pair):
        yield remark("the answer is not in the language that was asked for")
    asked = set(_stems(set(pair.prompt_tokens)))
    if len(asked) < _FEW or len(pair.tokens) < _MEDIUM or not asked.isdisjoint(_stems(pair.tokens[:_FIRST_TOKENS])):
        return
    if not _OTHER_LANGUAGE.search(pair.asked) and not _may_use_other_words(pair):
        yield remark("the answer shares no content word with the question")


def _may_use_other_words(pair: PairText) -> bool:
    """Whether a good answer may well do without the words of the prompt: inventions, code, second turns."""
    if pair.is_code or pair.has_fence or _INVENTED.search(pair.asked):
        return True
    return len(pair.prompt_tokens) < _FOLLOW_UP_TOKENS and _REFERS_BACK.search(pair.asked) is not None


def _stems(tokens: Iterable[str]) -> Iterator[str]:
    """Beginnings of the words that carry content."""
    for token in tokens:
        if token not in _STOP_WORDS and (len(token) >= 3 or _has_content(token)):
            yield token.rstrip("s")[:_STEM]


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


def _not_in_its_script(pair: PairText) -> bool:
    """Whether a language with a script of its own was asked for, and the answer has next to no letter of it."""
    wanted = _WRITTEN_IN.search(pair.asked)
    if wanted is None or _LATIN_LETTERS_ASKED.search(pair.asked):
        return False
    share = _far_letters(pair.response)
    return share is not None and (share < 0.05 if wanted[1] else share > 0.95)


def _far_letters(text: str) -> float | None:
    """Share of letters outside the Latin script; null where there are too few letters to tell."""
    sample = text[:600]
    letters = sum(map(str.isalpha, sample))
    if letters < 8:
        return None
    return sum(map(str.isalpha, _FAR.findall(sample))) / letters
