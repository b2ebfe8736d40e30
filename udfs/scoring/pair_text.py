"""A prompt and its answer, with the views of them that several dimensions share computed once."""

import re
from dataclasses import dataclass

from udfs.scoring.constraints import Constraints, read_constraints
from udfs.screen.subject import Subject, fold
from udfs.shingles import words

_MOST_PROMPT_CHARS = 3_000
_MOST_RESPONSE_CHARS = 20_000
"""What is looked at of a text, to bound the cost of a pair; the end of a longer answer is looked at too."""
_TAIL_CHARS = 600

_SENTENCE = re.compile(r"[^.!?。！？…।؟\n]{4,}")
_CJK = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]")
_LIST_MARK = re.compile(r"^[ \t]*(?:[-*+•‣◦–—][ \t]+|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)][ \t])", re.MULTILINE)
_CODE_LINE = re.compile(
    r"^[ \t]*(?:def \w|class \w|import \w|from \w+ import|#include|return\b|print\(|public |private |static |void |int "
    r"|const |let |var |function\b|for ?\(|if ?\(|while ?\(|for \w+ in |elif |else:|try:|except\b|</?\w[^>\n]{0,200}>"
    r"|SELECT\b|INSERT\b|UPDATE\b|CREATE\b|\w{1,60}\([^\n]{0,200}\)[ \t]*;?[ \t]*$"
    r"|\w[\w.\[\]'\"]{0,40} ?[-+*/]?= ?\S|[{}\]);]+[ \t]*$)|[;{}][ \t]*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class PairText:
    """One pair under examination."""

    instruction: str
    response: str
    subject: Subject
    """The answer as the screen's checks take it."""
    asked: str
    """Beginning and end of the folded prompt, where the request stands."""
    constraints: Constraints
    """What the prompt asks for, as far as its wording shows."""
    prompt_tokens: list[str]
    """Tokens of the prompt and its system prompt."""
    tokens: list[str]
    """Tokens of the answer."""
    prose: str
    """The answer without fenced blocks and inline code."""
    tail: str
    """The end of the answer, wherever that is."""
    lines: list[str]
    """Lines of the prose that are not blank."""
    sentences: list[str]
    """Sentences of the prose, split at stops and line ends; "e.g." is split too."""
    list_items: int
    """Lines that carry the mark of a list."""
    is_cjk: bool
    """Whether most of the answer is in a script without spaces, where words cannot be counted."""
    has_fence: bool
    code_lines: int
    """Lines of unfenced text that read as code."""

    @property
    def is_code(self) -> bool:
        """Whether the unfenced text is code for the better part; rules about prose do not apply then."""
        return self.code_lines * 2 >= len(self.lines) > 0

    def words(self, text: str) -> int:
        """Length of a piece in words; two CJK characters are taken for one."""
        return len(text) // 2 if self.is_cjk else text.count(" ") + 1


def read_pair(instruction: str, response: str, system: str | None = None) -> PairText:
    """Take a pair apart."""
    subject = Subject(response[:_MOST_RESPONSE_CHARS], instruction, system, is_response=True)
    prose = subject.prose.strip()
    asked = fold(instruction if len(instruction) <= 900 else f"{instruction[:600]}\n{instruction[-300:]}")
    prompt = instruction[:_MOST_PROMPT_CHARS]
    return PairText(
        instruction=instruction,
        response=response,
        subject=subject,
        asked=asked,
        constraints=read_constraints(asked),
        prompt_tokens=words(f"{prompt}\n{system[:_MOST_PROMPT_CHARS]}" if system else prompt),
        tokens=words(subject.text),
        prose=prose,
        tail=response[-_TAIL_CHARS:].rstrip(),
        lines=[line for line in prose.split("\n") if line and not line.isspace()],
        sentences=_SENTENCE.findall(prose),
        list_items=len(_LIST_MARK.findall(prose)),
        is_cjk=not prose.isascii() and len(_CJK.findall(prose[:400])) * 3 > len(prose[:400]),
        has_fence="```" in response or "~~~" in response,
        code_lines=len(_CODE_LINE.findall(prose)),
    )
