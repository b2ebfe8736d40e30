"""The text a rule looks at, with the foldings that several rules share computed once."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_INLINE_CODE = re.compile(r"`[^`\n]+`")


def fold(text: str) -> str:
    """Lower-case a text and straighten its apostrophes, so that patterns are written once and run fast.

    Lower-case patterns on folded text keep the literal prefixes that `re.IGNORECASE` throws away.
    """
    folded = text.lower()
    if not folded.isascii():
        folded = folded.replace("’", "'").replace("‘", "'").replace("ʼ", "'").replace("\xa0", " ")
    return folded


@dataclass(frozen=True)
class Subject:
    """One prompt or one response under examination."""

    text: str
    """What is examined, as stored."""
    instruction: str
    """The prompt it belongs to; the text itself where a prompt is examined."""
    system: str | None = None
    has_history: bool = False
    """Earlier turns exist, so "this article" may be there and not here."""
    is_response: bool = False

    @property
    def has_context(self) -> bool:
        """Whether what the prompt refers to may stand outside it."""
        return self.has_history or bool(self.system)

    @cached_property
    def folded(self) -> str:
        """The text, folded; see `fold`."""
        return fold(self.text)

    @cached_property
    def folded_prose(self) -> str:
        """The folded text with fenced blocks and inline code taken out."""
        return self._without_code(self.folded)

    @cached_property
    def prose(self) -> str:
        """The text with fenced blocks and inline code taken out."""
        return self._without_code(self.text)

    @cached_property
    def folded_prompt(self) -> str:
        """System prompt and instruction, folded: what the asker said."""
        return fold(f"{self.system}\n\n{self.instruction}" if self.system else self.instruction)

    @cached_property
    def folded_instruction(self) -> str:
        """The instruction, folded."""
        return fold(self.instruction)

    @staticmethod
    def _without_code(text: str) -> str:
        if "`" not in text:
            return text
        return _INLINE_CODE.sub(" ", _FENCED.sub("\n", text))


Check = Callable[[Subject], str | None]
"""Returns what in the subject breaks a rule: the matched text or a short fact; None when nothing does."""
