"""What a source record is read as: drafts of examples, or the reason why it cannot be used."""

from dataclasses import dataclass
from typing import NamedTuple


class Turn(NamedTuple):
    """One earlier message of a conversation."""

    role: str
    """`user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One exchange of a record, text exactly as the source has it (only line ends and NULs are normalised)."""

    turn: int
    """Place of the exchange in its record, from 0."""
    instruction: str
    response: str | None = None
    """Null where the source has none: the prompt stays for the teachers."""
    system: str | None = None
    history: tuple[Turn, ...] = ()
    category: str | None = None
    """The source's own name of the category, not ours."""
    language: str | None = None
    """ISO 639-1, only where the source says it."""
    human_quality: float | None = None
    """Human rating from 0.0 to 1.0, null where nobody rated."""
    prompt_marks: tuple[str, ...] = ()
    """Names of rules the source itself decides about the prompt or the exchange, such as `tool_use`."""
    response_marks: tuple[str, ...] = ()
    """Names of rules the source itself decides about the response, such as `rejected_label`."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of one record.

    `drafts` and no reason: used. Neither: absorbed, its text is part of another record's draft.
    A reason and no drafts: refused.
    """

    drafts: tuple[Draft, ...] = ()
    reason: str | None = None
