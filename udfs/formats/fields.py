"""Reading text out of the fields of a record, and refusing what is no text."""

from collections.abc import Iterable, Mapping
from typing import Any

from udfs.text import clean_text

Record = Mapping[str, Any]
"""A parsed JSON object, of which nothing is known but that its keys are text."""


class Refusal(Exception):
    """A record cannot be used; `reason` is the stored name of why. Never leaves `udfs.formats`."""

    def __init__(self, reason: str) -> None:
        """Refuse for `reason`."""
        super().__init__(reason)
        self.reason = reason


def is_nothing(value: object) -> bool:
    """Whether a value only says that there is none: null, NaN, false, or a text, list or object that is empty.

    Tables are padded with such values where a row has no cell of a column.
    """
    return value is None or value is False or value != value or (isinstance(value, (str, list, dict)) and not value)


def optional_text(record: Record, key: str) -> str | None:
    """Do what `text_of` does for a field that a record need not have: what says that there is nothing is no fault."""
    value = record.get(key)
    return None if is_nothing(value) else as_text(value)


def first_of(record: Record, keys: Iterable[str]) -> object:
    """The first value that is there under one of the keys, whatever the others were padded with; null if none is."""
    return next((record[key] for key in keys if not is_nothing(record.get(key))), None)


def text_of(record: Record, key: str) -> str | None:
    """The clean text under a key, null where there is none or only white space.

    A number is no text, though it could be written as one: it is rather a score or a label than an answer, and
    which of the two only the user knows, who can say so with `fields:`.

    Raises:
        Refusal: `not_text`, the value is of another kind.
    """
    return as_text(record.get(key))


def as_text(value: object) -> str | None:
    """Do what `text_of` does for a value."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal("not_text")
    text = clean_text(value)
    return text if text and not text.isspace() else None


def instruction_of(record: Record, key: str) -> str:
    """The clean text under a key that every record must have.

    Raises:
        Refusal: `missing_instruction` or `not_text`.
    """
    text = text_of(record, key)
    if text is None:
        raise Refusal("missing_instruction")
    return text
