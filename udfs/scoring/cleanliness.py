"""Cleanliness: is the answer free of what does not belong to it? Markers, markup, loops, broken characters."""

import re
from collections.abc import Iterator

from udfs.scoring.findings import Finding, fault, remark
from udfs.scoring.pair_text import PairText
from udfs.screen.repetition import repetition
from udfs.screen.response_checks import tool_call
from udfs.screen.unfilled_slot import unfilled_slot

_MARKERS = re.compile(
    r"<\|[a-z_]{2,24}\|>|\[/?inst\]|<<?/?sys>>|<(?:start|end)_of_turn>|</s>|<\s?no[ _]?(?:in|out)put\s?/?>"
    r"|^[ \t]*#{2,4} ?(?:instruction|input|response|human|assistant|user|system|output)s? ?:"
    r"|\n\n?(?:human|user|assistant) ?:",
    re.MULTILINE,
)
_MARKER_PARTS = ("<|", "inst]", "sys>", "_of_turn>", "</s>", "put", "##", "\nhuman", "\nuser", "\nassistant")
"""Each marker has one of these."""
_ABOUT_FORMATS = re.compile(
    r"dialog|tokens?\b|conversation|transcript|script|chat|interview|role-?play|template|html|xml|\btags?\b|<\|"
    r"|#{2,4} ?instruction"
    r"|(?:\A|\n)(?:human|user|assistant) ?:|web ?page|website|markup|encod|unicode|escape|code\b"
)
_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufffd\ue000-\uf8ff\ufeff\u200b\u2028\u2029\ud800-\udfff]"
)
_MOJIBAKE = re.compile("Ã[\u0080-\u00bf]|â€[\u0090-\u2122]?|Â[\u0080-\u00bf]|ï»¿|ðŸ|ä¸|å›½")
_ENTITY = re.compile(r"&(?:nbsp|amp|quot|lt|gt|apos|#\d{2,5}|#x[0-9a-f]{2,5});")
_TAG = re.compile(
    r"</?(?:p|br|div|span|a|b|i|em|strong|ul|ol|li|h[1-6]|table|td|tr|font|img|sup|sub)(?: [^<>]{0,200})?/?>"
)
_LITERAL_BREAK = re.compile(r"[a-z.,:!?]\\n(?:[A-Z\\\d-]| )")
_SYMBOL_RUNS = (*(symbol * 4 for symbol in "!?,;:&@%$^~"), "." * 7)
_LABEL = re.compile(r"\A(?:output|answer|response|result|a|ai|assistant|bot|completion) ?: ?\S")
_SELF = re.compile(
    r"\bas an? (?:large |ai |artificial |language )+|\bas an ai\b|\bmy (?:training data|knowledge cutoff)\b"
)
_CITATION = re.compile(r"\[(?:\d{1,3}|citation needed|edit)\](?!\()")
_LINE_WORDS = 5
_REPETITION_ASKED = re.compile(r"\b(?:lyrics|songs?|chants?|mantras?|repeat(?:ed|edly|ing)?|\d+ times)\b")
"""As of the screen's rule `repetition`, which asks the same question."""


def cleanliness(pair: PairText) -> Iterator[Finding]:
    """What does not belong to the answer."""
    yield from _artefacts(pair)
    yield from _loops(pair)
    yield from _characters(pair)


def _artefacts(pair: PairText) -> Iterator[Finding]:
    text = pair.subject.folded_prose
    has_marker = any(map(text.__contains__, _MARKER_PARTS)) and _MARKERS.search(text)
    if has_marker and not _is_about_formats(pair):
        yield fault("the answer holds markers of a chat template or its next turn")
    elif tool_call(pair.subject) is not None:
        yield fault("the answer calls a tool instead of answering")
    elif unfilled_slot(pair.subject) is not None:
        yield fault("a blank was left to be filled in")
    has_markup = ("&" in text or "<" in text) and (_ENTITY.search(text) or _TAG.search(text))
    if has_markup and not pair.is_code and not _is_about_formats(pair):
        yield remark("markup of a web page is left in the text")
    if _SELF.search(text[:400]):
        yield remark("the answer speaks of being a model")
    elif _LABEL.search(text[:30].lstrip()) and len(pair.tokens) > 3:
        yield remark("the answer begins with a label")
    elif "[" in text and not pair.is_code and _CITATION.search(text) and not _CITATION.search(pair.asked):
        yield remark("references to missing notes are left in the text")


def _is_about_formats(pair: PairText) -> bool:
    """Whether the prompt speaks of conversations or markup, which then belong to the answer."""
    return _ABOUT_FORMATS.search(pair.subject.folded_prompt[:3_000]) is not None


def _loops(pair: PairText) -> Iterator[Finding]:
    if repetition(pair.subject) is not None and not _REPETITION_ASKED.search(pair.subject.folded_prompt):
        yield fault("the answer repeats itself in a loop")
        return
    long_lines = [line.strip() for line in pair.sentences if line.count(" ") >= _LINE_WORDS]
    repeats = len(long_lines) - len(set(long_lines))
    if pair.is_code or not repeats:
        return
    if repeats * 2 > len(long_lines):
        yield remark("most sentences are repeated")
    else:
        yield remark("a sentence is repeated")


def _characters(pair: PairText) -> Iterator[Finding]:
    text = pair.response
    if not text.isprintable() and _UNREADABLE.search(text):
        yield remark("there are characters that nobody can read")
    if not text.isascii() and _MOJIBAKE.search(text) and not _is_about_formats(pair):
        yield fault("characters were decoded wrongly")
    if pair.is_code:
        return
    if "\\n" in pair.prose and len(_LITERAL_BREAK.findall(pair.prose)) >= 2:
        yield remark("line ends are written out as \\n")
    if any(run in pair.prose for run in _SYMBOL_RUNS):
        yield remark("a punctuation mark is repeated over and over")
