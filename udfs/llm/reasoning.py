"""Tell a model's reasoning from its answer: `<think>` blocks and their many spellings are no part of an answer.

A block counts where it begins a text or a line and stands in no code; tags with names of everyday words
(`<reasoning>`, `<analysis>`) count only at the beginning of the text, since an answer may be about XML. A closing tag
alone ends reasoning that began in the prompt. A block that never closes has used up the room of the answer.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_THINK = r"(?:antml:|seed:)?(?:think|thinking|thought|thoughts)"
_EVERYDAY = r"(?:reasoning|reasoning_content|reason|analysis|reflection|scratchpad|inner_monologue|internal_monologue)"
_OPEN_TAGS = (
    rf"(?:<|&lt;)\s*(?P<tag>{_THINK})(?:\s[^<>]*)?(?:>|&gt;)",
    r"\[(?P<square>THINK|THINKING|REASONING)\]",
    r"◁(?P<kimi>think)▷",
    r"<\|(?P<bar>begin_of_thought|thinking|think|begin_of_thinking|start_thinking|think_start)\|>",
    r"<｜(?P<wide>begin[▁_ ]of[▁_ ]think(?:ing)?)｜>",
    r"<unused94>(?P<med>thought)?",
    r"<\|(?P<channel>channel)\|>\s*(?:analysis|commentary|thought)\s*(?:<\|message\|>)?",
)
_CLOSE_TAGS = (
    rf"(?:<|&lt;)/\s*{_THINK}\s*(?:>|&gt;)",
    r"\[/(?:THINK|THINKING|REASONING)\]",
    r"◁/think▷",
    r"<\|(?:end_of_thought|/thinking|/think|end_of_thinking|end_thinking|think_end)\|>",
    r"<｜end[▁_ ]of[▁_ ]think(?:ing)?｜>",
    r"<unused95>",
    r"(?:<\|end\|>\s*)?(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final\s*(?:<\|constrain\|>\s*\w*\s*)?(?:<\|message\|>)?",
)
_EVERYDAY_OPEN, _EVERYDAY_CLOSE = rf"<\s*{_EVERYDAY}(?:\s[^<>]*)?>", rf"</\s*{_EVERYDAY}\s*>"
_OPEN = re.compile("|".join(_OPEN_TAGS), re.IGNORECASE)
_CLOSE = re.compile("|".join(_CLOSE_TAGS), re.IGNORECASE)
_FIRST_OPEN = re.compile(rf"\s*(?:{_EVERYDAY_OPEN})", re.IGNORECASE)
_FIRST_CLOSE = re.compile(_EVERYDAY_CLOSE, re.IGNORECASE)
# What stands around an answer that follows reasoning.
_WRAPPED = re.compile(
    r"\A(?:<(?P<tag>answer|final|final_answer|output|response)>|<\|begin_of_solution\|>)(?P<answer>.*?)"
    r"(?:</(?P=tag)>|<\|end_of_solution\|>)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_LAST_MARK = re.compile(
    r"(?:(?:<\|(?:return|end|im_end|eot_id|eom_id|endoftext|end_of_text|end_of_turn)\|>|</s>|<end_of_turn>"
    r"|<｜end[▁_ ]of[▁_ ]sentence｜>)\s*)+\Z"
)
# Of the template of a chat that opens the model's turn.
_FIRST_MARK = re.compile(
    r"\A\s*(?:<\|im_start\|>\s*assistant|<start_of_turn>\s*model|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>"
    r"|<\|assistant\|>|<｜Assistant｜>|\[/INST\])\s*",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MOST_BLOCKS, _MOST_LAYERS = 100, 10
_LINE_LOOKED_AT = 200  # characters before a tag
_HINTS = ("<", "[", "◁", "&lt;")
# Each tag has one of these; letters in upper case aside.
_NAMES = ("think", "though", "reason", "analysis", "reflection", "scratchpad", "monologue", "unused9", "channel")


@dataclass(frozen=True, slots=True)
class Separated:
    """A text, taken apart."""

    answer: str
    reasoning: str | None
    """Null where there is none."""
    is_open: bool = False
    """A block never closes: the answer did not come."""


def split_reasoning(text: str) -> Separated:
    """Take the reasoning out of a text; one without any is given back as it is."""
    if not any(map(text.__contains__, _HINTS)) or not any(map(text.lower().__contains__, _NAMES)) or _is_object(text):
        return Separated(text, None)
    found: list[str] = []
    answer, is_open = _without_blocks(text, found)
    if not found and not is_open:
        return Separated(text, None)
    for _ in range(_MOST_LAYERS):
        before = answer
        answer = without_marks(answer).strip()
        if wrapped := _WRAPPED.match(answer):
            answer = wrapped["answer"].strip()
        if not is_open:
            answer, is_open = _without_blocks(answer, found)
        if answer == before:
            break
    reasoning = "\n\n".join(part.strip() for part in found if part.strip())
    return Separated(answer, reasoning or None, is_open)


def without_marks(text: str) -> str:
    """A text without the marks of a chat template around it: a server that is set up wrongly leaves them there."""
    text = _FIRST_MARK.sub("", text)
    mark = _LAST_MARK.search(text)
    is_html = mark is not None and "</s>" in mark.group() and "<s>" in text
    return text if mark is None or is_html else text[: mark.start()]


def _is_object(text: str) -> bool:
    """Whether a text is one JSON object, in which a tag can only stand within a string."""
    bare = text.strip()
    if not (bare.startswith("{") and bare.endswith("}")):
        return False
    try:
        json.loads(bare, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _without_blocks(text: str, found: list[str]) -> tuple[str, bool]:
    if first := _FIRST_OPEN.match(text):
        close = _FIRST_CLOSE.search(text, first.end())
        if close is None:
            found.append(text[first.end() :])
            return "", True
        found.append(text[first.end() : close.start()])
        text = text[close.end() :]
    kept: list[str] = []
    for _ in range(_MOST_BLOCKS):
        if (start := _opening(text)) is None:
            break
        end = _closing(text, start.end())
        kept.append(text[: start.start()])
        if end is None:
            found.append(text[start.end() :])
            return "".join(kept), True
        found.append(text[start.end() : end[0]])
        text = text[end[1] :]
    rest = "".join((*kept, text))
    # Closed but never opened: what stands before it began in the prompt's template, or is the rest of a nested block.
    lone = next(reversed(list(_outside_code(_CLOSE, rest))), None)
    if lone is None:
        return rest, False
    found.append(rest[: lone.start()])
    return rest[lone.end() :], False


def _opening(text: str) -> re.Match[str] | None:
    for tag in _outside_code(_OPEN, text):
        before = text[max(0, tag.start() - _LINE_LOOKED_AT) : tag.start()]
        if not before.rpartition("\n")[2].strip() or tag["channel"]:
            return tag
    return None


def _closing(text: str, start: int) -> tuple[int, int] | None:
    """The tag that closes a block opened before `start`, of blocks within blocks the outermost."""
    depth, last = 1, None
    while (close := _CLOSE.search(text, start)) is not None:
        depth += sum(1 for tag in _OPEN.finditer(text, start, close.start()) if not tag["channel"]) - 1
        if depth <= 0:
            return close.span()
        start = close.end()
        last = close.span()
    return last  # a block that only speaks of such tags has fewer that close than that open


def _outside_code(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    code = [match.span() for match in _CODE.finditer(text)] if "`" in text else []
    starts = [start for start, _ in code]
    for tag in pattern.finditer(text):
        before = bisect_right(starts, tag.start()) - 1
        if before < 0 or tag.start() >= code[before][1]:
            yield tag
