"""Checks of an answer against its prompt: echoed, called a tool, thought aloud, stopped in mid-sentence."""

import json
import re

from udfs.llm.reasoning import split_reasoning
from udfs.screen.subject import Subject
from udfs.screen.wording import one_of
from udfs.shingles import words

_SHORTEST_ECHO = 4
"""Words. "Yes" may rightly be answered to "Yes"."""
_SHORTEST_ECHO_CJK = 8
"""Characters, each of which is a word."""
_BEFORE_ECHO = re.compile(
    r"[\s\"'*#“]*(?:(?:sure|okay|ok|of course|certainly)[,.! ]+|(?:question|instruction|prompt|q|问题|題目"
    r"|题目) ?[:：]\s*)?"
    r"[\s\"'*#“]*"
)
_AFTER_ECHO = re.compile(r"\s(?:answer|response|output|a|答案|回答) ?[:：]\s*\Z")
_TAIL = 20


def echo(subject: Subject) -> str | None:
    """The answer is the instruction again, once or several times, with or without the input below it.

    The input alone is no echo: "Correct this sentence" may leave a correct sentence as it is.
    """
    instruction = subject.folded_instruction.strip()
    answer = subject.folded.strip()
    before = _BEFORE_ECHO.match(answer)
    start = before.end() if before else 0
    if not answer or answer[start : start + 1] != instruction.lstrip("\"'*#“")[:1]:
        return None
    end = _AFTER_ECHO.search(answer, max(start, len(answer) - _TAIL))
    repeated = words(answer[start : end.start() if end else None])
    for asked in (words(instruction), words(instruction.split("\n\n", 1)[0])):
        if len(asked) < (_SHORTEST_ECHO if " " in instruction else _SHORTEST_ECHO_CJK) or len(repeated) % len(asked):
            continue
        if repeated and repeated == asked * (len(repeated) // len(asked)):
            return subject.text.strip()
    return None


# The tools of Toolformer-like sets. A call is the name, a bracket and a quoted string, in prose.
_TOOL = one_of(
    "search, wikipedia, wolfram, calculator, calculate, weather, news, python, shell, requests?, calendar, "
    "translate, translator, bing, google, browser, wikisearch"
)
_INLINE_CALL = re.compile(rf"(?:^|[\s:;,(\['\"]){_TOOL}\((?:\w{{1,20}}=)?[fr]?['\"“‘]")
_CALL_HINT = re.compile(r"\((?:\w{1,20}=)?[fr]?['\"“‘]")
_CODE_LINE = re.compile(
    r"^[ \t]*(?:def |import |from \w+ import |class |for .*:$|if .*:$|return\b|\w+ = )", re.MULTILINE
)
_CALL_MARKUP = re.compile(
    r"<functioncall>|<function_call>|</?tool_call>|<\|tool_call|<\|python_tag\|>|\[tool_calls\]|<\|plugin\|>"
    r"|<function=\w|^[ \t]*(?:action|tool): ?\w+[ \t]*\n[ \t]*(?:action|tool) input:",
    re.MULTILINE,
)


def tool_call(subject: Subject) -> str | None:
    """The answer calls a tool and waits for its result instead of answering."""
    text = subject.folded
    if "<" in text or "[tool" in text or "input:" in text:
        markup = _CALL_MARKUP.search(subject.folded_prose)
        if markup:
            return markup.group()
    if text.lstrip()[:1] in ("{", "[") and '"name"' in text and ('"arguments"' in text or '"parameters"' in text):
        return _json_call(subject.text)
    if _CALL_HINT.search(text):
        call = _INLINE_CALL.search(subject.folded_prose)
        if call and not _CODE_LINE.search(subject.folded_prose):
            return call.group().strip()
    return None


def _json_call(text: str) -> str | None:
    """`{"name": ..., "arguments": ...}`, alone or in a list, and nothing else beside them."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    calls = value if isinstance(value, list) else [value]
    if calls and all(
        isinstance(call, dict) and {"name"} < set(call) <= {"name", "arguments", "parameters", "id", "type"}
        for call in calls
    ):
        return f"call of {calls[0]['name']}"
    return None


_SHORTEST_CUT = 200
"""Characters. A short answer without a full stop is a title, a name or a list item."""
_CANNOT_END = one_of(
    "the, an, a, and, or, of, to, in, for, with, from, by, at, as, that, which, is, are, was, were, be, because, "
    "but, if, "
    "their, its, your, my, our, his, such, into"
)
_DANGLING = re.compile(rf"(?:\b{_CANNOT_END}|,)\s*\Z")


def truncated(subject: Subject) -> str | None:
    """A long answer whose last word cannot end a sentence, such as "and the"."""
    if len(subject.text) < _SHORTEST_CUT:
        return None
    tail = subject.folded.rstrip()[-200:]
    line = tail.rsplit("\n", 1)[-1]
    if "```" in line or not _DANGLING.search(line):
        return None
    if subject.text.count("```") % 2 or _CODE_LINE.search(tail):
        return None
    return line[-80:]


def reasoning_block(subject: Subject) -> str | None:
    """The answer holds what a model thought before it answered, such as a `<think>` block."""
    split = split_reasoning(subject.text)
    if split.reasoning is None and not split.is_open and split.answer == subject.text:
        return None
    return (split.reasoning or subject.text).strip() or subject.text
