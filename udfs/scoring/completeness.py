"""Completeness: is there an answer, does it come to its end, and does it have the parts that were asked for?"""

import re
from collections.abc import Iterator

from udfs.scoring.findings import MAJOR, MINOR, SEVERE, SOME_EVIDENCE, STRONG_EVIDENCE, Finding
from udfs.scoring.pair_text import PairText
from udfs.screen.code_blocks import unclosed_fence
from udfs.screen.response_checks import echo

_CANNOT_END = re.compile(
    r"\b(?:the|and|or|of|because|but|an|with|from|their|your|our|its|which|into|such|is|are|was|to|for|by|as"
    r"|if|when|while|than|every|i|we|they|he|she|who|whose|it's|i'm|you're|they're|would|through|between|without)\Z"
)
_ENDS_OPEN = re.compile(r"[,(\[{‘“«（「『，、]\Z")
_BARE_MARK = re.compile(r"\n[ \t]*(?:[-*+•]|\(?\d{1,3}[.)])\Z")
_STOPS = re.compile(r"""[.!?…。！？．।؟~:;"'”’»)\]}>*_`|＂」』）】^\d%$#/=-]\Z""")
_SENTENCE_END = re.compile(r"[.!?]\s|[。！？]")
_LIST_LINE = re.compile(r"[ \t]*(?:[-*+•‣]|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])[ \t]")
_SYMBOLS = re.compile(r"\A\s*[+*/<>=!?%$#@&^~|-]{1,3}\s*\Z|[\u2190-\u2bff\U0001f000-\U0001faff]")
"""An operator, an arrow or a row of emoji can be the whole of a right answer."""
_EVASION = re.compile(
    r"\A\W{0,3}(?:(?:ok(?:ay)?|oh|um+|hm+|well|unfortunately)[,. ]{1,3})?(?:"
    r"(?:i'?m|i am) (?:really |so |very |terribly )?(?:not sure (?:what|if|how|i|that|about|exactly)"
    r"|sorry\b(?! (?:to hear|that|for your|about))|unable to|not able to|afraid i)"
    r"|sorry[,.! ]|i apologi[sz]e|i (?:don't|do not) (?:know\b|understand|have (?:any |enough )?info)"
    r"|i (?:can't|cannot|can not|won't|will not) (?:help|assist|answer|provide|do that)|i have no idea"
    r"|(?:could|can|would) you (?:please )?(?:clarify|provide|explain what|tell me|give me|rephrase|be more specific)"
    r"|what do you mean|please (?:provide|clarify)|no (?:answer|comment|idea)\b)"
)
_BRIEF_EVASION = 60
"""Tokens. What follows an apology at greater length is an answer all the same."""


def completeness(pair: PairText) -> Iterator[Finding]:
    """What is missing, and what was asked for and is there."""
    if not pair.tokens:
        if not (pair.has_fence or _SYMBOLS.search(pair.response) or _is_drawing(pair)):
            yield Finding(SEVERE, "the answer holds neither a word nor a number")
        return
    if echo(pair.subject) is not None:
        yield Finding(SEVERE, "the answer only repeats the question")
    elif _EVASION.search(pair.subject.folded[:200].strip()):
        size = MAJOR if len(pair.tokens) < _BRIEF_EVASION else MINOR
        yield Finding(size, "the answer declines or asks back")
    yield from _cut_off(pair)
    yield from _asked_parts(pair)


def _is_drawing(pair: PairText) -> bool:
    return "ascii" in pair.asked and bool(pair.response.strip())


def _cut_off(pair: PairText) -> Iterator[Finding]:
    tail = pair.tail
    line = tail.rsplit("\n", 1)[-1]
    if unclosed_fence(pair.subject) is not None:
        yield Finding(SEVERE, "the answer ends inside a code block")
    elif pair.is_code or tail.endswith(("```", "~~~")):
        return
    elif _BARE_MARK.search(tail):
        yield Finding(SEVERE, "the answer ends with an empty list item")
    elif len(pair.tokens) >= 2 and (_ENDS_OPEN.search(tail) or _dangles(pair, line)):
        yield Finding(SEVERE, "the answer stops in mid-sentence")
    elif len(pair.tokens) > 12 and line.endswith((":", "：")):
        yield Finding(MAJOR, "the answer ends by announcing what does not follow")
    elif _misses_stop(pair, line):
        yield Finding(MINOR, "the last sentence has no end")


def _dangles(pair: PairText, line: str) -> bool:
    """Whether the last word cannot end a sentence, in an answer long enough to have sentences."""
    last = line.lower()[-20:]
    if len(pair.tokens) < 8:
        return last.endswith((" but", " the", " because")) and len(pair.tokens) < 4
    return _CANNOT_END.search(last) is not None


def _misses_stop(pair: PairText, line: str) -> bool:
    """Whether a long last line of running text stops without a stop where earlier sentences have one."""
    if _STOPS.search(line) or _LIST_LINE.match(line) or not line[-1:].isalpha():
        return False
    stops = len(_SENTENCE_END.findall(pair.prose))
    return stops >= 2 and pair.words(line) >= 8 and pair.list_items < 2


def _asked_parts(pair: PairText) -> Iterator[Finding]:
    request = pair.request
    size = len(pair.tokens)
    if request.code:
        if pair.has_fence or pair.code_lines or "`" in pair.response:
            yield Finding(STRONG_EVIDENCE, "code was asked for and is there")
        elif size >= 8 and not re.search(r"[(){}=<>\[\]\\;]", pair.response):
            yield Finding(MAJOR, "code was asked for and there is none")
    elif request.items is not None and not pair.has_fence and not pair.code_lines:
        yield from _asked_items(pair, request.items)
    elif request.words is not None and size * 4 < request.words * 3:
        yield Finding(MAJOR if size * 2 < request.words else MINOR, "the answer is much shorter than asked for")
    elif request.long_text:
        if size < 40:
            yield Finding(MAJOR if size < 20 else MINOR, "a long text was asked for and the answer is short")
        elif _is_finished(pair):
            yield Finding(STRONG_EVIDENCE, "the text that was asked for comes to an end")
    elif request.explanation:
        if size < 5 and not pair.is_cjk:
            yield Finding(MINOR, "an explanation was asked for and the answer is a word or two")
        elif _is_finished(pair):
            yield Finding(STRONG_EVIDENCE, "the explanation that was asked for comes to an end")
    elif size <= 12 and request.brief:
        yield Finding(STRONG_EVIDENCE, "a short answer was asked for and is there")
    elif size <= 12 or _is_finished(pair):
        yield Finding(SOME_EVIDENCE, "the answer comes to an end")


def _is_finished(pair: PairText) -> bool:
    return pair.tail.endswith((".", "!", "?", "。", "！", "？", "।", "؟", '."', ".”", ".)", "```", ".*"))


def _asked_items(pair: PairText, asked: int) -> Iterator[Finding]:
    inline = len(re.findall(r"(?:\A|[\s(])\(?\d{1,2}[.)]\s", pair.prose))
    marked = max(pair.list_items, inline)
    separated = 1 + sum(map(pair.prose.count, (",", ";", "、", " and ", " or ")))
    found = max(marked, len(pair.lines), separated, len(pair.sentences))
    if found < asked:
        yield Finding(MAJOR if found * 2 <= asked else MINOR, "the answer has fewer items than the question asks for")
    elif marked >= asked or separated == asked or len(pair.lines) == asked:
        yield Finding(STRONG_EVIDENCE, "the items that were asked for are there")
