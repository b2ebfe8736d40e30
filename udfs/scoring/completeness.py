"""Completeness: is there an answer, does it come to its end, and does it have the parts that were asked for?"""

import re
from collections.abc import Iterator

from udfs.scoring.findings import Finding, fault, remark
from udfs.scoring.non_answers import asks_back, declines, is_one_symbol
from udfs.scoring.pair_text import PairText
from udfs.scoring.stand_ins import is_stand_in
from udfs.screen.code_blocks import unclosed_fence
from udfs.screen.response_checks import echo

_CANNOT_END = re.compile(
    r"(?<=[a-z,;:] )(?:the|and|or|of|because|but|an|with|from|their|your|our|its|which|into|such as|is|are|was|were"
    r"|to|for|by"
    r"|if|when|while|than|every|they|he|she|whose|it's|i'm|you're|they're|would|between|without|a|at|that the)\Z"
)
_CANNOT_END_ELSEWHERE = re.compile(
    r"(?:然后|但是|因为|所以|以及|并且|而且|例如|比如|包括|如果|虽然)\Z"
    r"|(?<=[a-zà-ÿ,;:] )(?:et|des|du|une|mais|avec|los|las|del|una|pero|und|oder|aber|eine|einer|mit|von|della|delle"
    r"|uma|dos|mas)\Z"
)
_LAST_WORDS = 20
"""Characters in which the last word stands with what must stand before it."""
_SHORTEST_SENTENCE_CJK = 20
_ENDS_OPEN = re.compile(r"[,(‘“«（「『，、]\Z")
_ENDS_AS_CODE = re.compile(r"[;{}=<>$\\|]")
_ENUMERATES = re.compile(r"(?:,[^,]{1,40}){3},?\Z")
"""An enumeration without a sentence around it, such as names or keywords, which a comma may well end."""
_SHORTEST_SENTENCE = 40
"""Characters of a last line below which it may be a title, a verse, a greeting."""
_SENTENCE_WORDS = 6
_CODE_SIGN = re.compile(
    r"[`(){}=<>\[\]\\;|$^]|\b(?:select|from|where|sudo|git|npm|pip|echo|grep|cd)\b|^[A-Z][A-Z ]+\b", re.MULTILINE
)
_QUOTED = re.compile(
    r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`[^`]*`|//[^\n]*|/\*[^*]{0,2000}\*/|^[ \t]*#[^\n]*", re.MULTILINE
)
"""Strings and comments, whose braces do not count."""
_LONGEST_CODE = 20_000
_BRACE_ASKED = re.compile(r"brace|bracket|\bopen(?:s|ing)\b|first line|snippet|incomplete|unfinished|continu")
_BARE_MARK = re.compile(r"\n[ \t]*(?:[-*+•]|\(?\d{1,3}[.)])\Z")
_STOPS = re.compile(r"""[.!?…。！？．।؟~:;"'”’»)\]}>*_`|＂」』）】^\d%$#/=-]\Z""")
_SENTENCE_END = re.compile(r"[.!?]\s|[。！？]")
_LIST_LINE = re.compile(r"[ \t]*(?:[-*+•‣]|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])[ \t]")
_SYMBOLS = re.compile(r"\A\s*[+*/<>=!%$#@&^~|-]{1,3}\s*\Z|[\u2190-\u2bff\U0001f000-\U0001faff]")
"""An operator, an arrow or a row of emoji can be the whole of a right answer."""
_BLANKS = re.compile(r"[\s_.…,?？。、]*")
"""Blanks to fill in, dots, question marks: no answer. `[]` or `:-)` can be one."""
_SYMBOL_ASKED = re.compile(r"ascii|symbol|operator|punctuat|character|wildcard|emoticon|smiley")


def completeness(pair: PairText) -> Iterator[Finding]:
    """What is missing of the answer, or of what was asked for."""
    if is_one_symbol(pair):
        yield fault("the answer is one symbol over and over")
    elif is_stand_in(pair):
        yield fault("a stand-in takes the place of the answer")
    elif not pair.tokens:
        if not (pair.has_fence or _SYMBOLS.search(pair.response) or _is_drawing(pair)):
            only_blanks = _BLANKS.fullmatch(pair.response) is not None
            yield (fault if only_blanks else remark)("the answer holds neither a word nor a number")
    elif echo(pair.subject) is not None:
        yield fault("the answer only repeats the question")
    else:
        if asks_back(pair):
            yield fault("the answer asks back")
        elif declines(pair):
            yield remark("the answer may decline or ask back")
        yield from _cut_off(pair)
        yield from _asked_parts(pair)


def _is_drawing(pair: PairText) -> bool:
    return _SYMBOL_ASKED.search(pair.asked) is not None and bool(pair.response.strip())


def _cut_off(pair: PairText) -> Iterator[Finding]:
    tail = pair.tail
    line = tail.rsplit("\n", 1)[-1]
    if unclosed_fence(pair.subject) is not None:
        yield fault("the answer ends inside a code block")
    elif _leaves_brace_open(pair):
        yield fault("the code ends with a brace open")
    elif pair.is_code or tail.endswith(("```", "~~~")):
        return
    elif _BARE_MARK.search(tail):
        yield fault("the answer ends with an empty list item")
    elif _dangles(pair, line):
        yield fault("the answer stops in mid-sentence")
    elif len(pair.tokens) > 12 and line.endswith((":", "：")):
        yield fault("the answer ends by announcing what does not follow")
    elif _misses_stop(pair, line):
        yield remark("the last sentence has no end")


def _dangles(pair: PairText, line: str) -> bool:
    """Whether a last line of running text ends with a word that cannot end a sentence, or with a comma.

    A name ("The Who"), the end of a program ("END FOR"), a formula ("2 + i") and the close of a letter
    ("Sincerely,") end like that too: the word must be written small, in a line long enough for a sentence.
    """
    if len(line) < (_SHORTEST_SENTENCE_CJK if pair.is_cjk else _SHORTEST_SENTENCE) or _ENDS_AS_CODE.search(line):
        return False
    if line[-_SHORTEST_SENTENCE:] in pair.instruction:
        return False  # copied as it stands there
    end = line[-_LAST_WORDS:]
    if _CANNOT_END.search(end) or _CANNOT_END_ELSEWHERE.search(end):
        return True
    if line.count("**") % 2 and line[-1].isalpha():
        return True  # within words that were to be bold
    return _ENDS_OPEN.search(line) is not None and pair.words(line) >= _SENTENCE_WORDS and not _ENUMERATES.search(line)


def _leaves_brace_open(pair: PairText) -> bool:
    """Whether an answer that is all code, or an object, opens more braces than it closes, and its prompt does not."""
    text = pair.response
    if (
        pair.has_fence
        or "{" not in text
        or _BRACE_ASKED.search(pair.asked)
        or not (pair.is_code or text.lstrip()[:1] in ("{", "["))
    ):
        return False
    return len(text) <= _LONGEST_CODE and _open_braces(text) > 0 and _open_braces(pair.instruction) == 0


def _open_braces(text: str) -> int:
    bare = _QUOTED.sub("", text)
    return bare.count("{") - bare.count("}")


def _misses_stop(pair: PairText, line: str) -> bool:
    """Whether a long last line of running text stops without a stop where earlier sentences have one."""
    if _STOPS.search(line) or _LIST_LINE.match(line) or not line[-1:].isalpha():
        return False
    stops = len(_SENTENCE_END.findall(pair.prose))
    return stops >= 2 and pair.words(line) >= 8 and pair.list_items < 2


def _asked_parts(pair: PairText) -> Iterator[Finding]:
    """Parts that the wording of the prompt asks for; wording is read too roughly for any of this to decide."""
    constraints = pair.constraints
    size = len(pair.tokens)
    if constraints.code:
        has_code = pair.has_fence or pair.code_lines or _CODE_SIGN.search(pair.response)
        if size >= 8 and not has_code:
            yield remark("code was asked for and none is seen")
    elif constraints.items is not None and not pair.has_fence and not pair.code_lines:
        if _items(pair) < constraints.items:
            yield remark("the answer has fewer items than the question asks for")
    elif constraints.words is not None:
        if size * 4 < constraints.words * 3:
            yield remark("the answer is much shorter than asked for")
    elif constraints.long_text:
        if size < 40:
            yield remark("a long text was asked for and the answer is short")
    elif constraints.explanation and size < 5 and not pair.is_cjk:
        yield remark("an explanation was asked for and the answer is a word or two")


def _items(pair: PairText) -> int:
    """How many items the answer may have, by whatever mark tells them apart."""
    inline = len(re.findall(r"(?:\A|[\s(])\(?\d{1,2}[.)]\s", pair.prose))
    separated = 1 + sum(map(pair.prose.count, (",", ";", "、", "，", " and ", " or ")))
    return max(pair.list_items, inline, len(pair.lines), separated, len(pair.sentences))
