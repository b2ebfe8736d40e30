"""The one way from the bytes of a record to drafts of examples, whatever its format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from udfs.formats import alpaca, anthropic_hh, conversations, openassistant, table
from udfs.formats.anthropic_hh import Use
from udfs.formats.draft import Draft, Parsed
from udfs.formats.fields import Record, Refusal, is_nothing
from udfs.formats.json_object import load_object, split_objects
from udfs.formats.openassistant import tree_key

__all__ = ["FORMATS", "ParseOptions", "parse_record", "parse_tree", "tree_key"]


@dataclass(frozen=True, kw_only=True)
class ParseOptions:
    """How the records of one source are read."""

    format: str
    """One of `FORMATS`."""
    use: Use = "prompts"
    """Anthropic-HH only: whether the chosen answer is taken too (`pairs`)."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """`table` only: the column of each of `udfs.formats.table.TABLE_FIELDS`."""
    max_chars: int = 100_000
    """A draft with more characters, its texts and history together, refuses its record as `too_long`."""


def parse_record(record: bytes, options: ParseOptions) -> Parsed:
    """Read one record; bad input of any kind is a reason, never an error.

    A flat OpenAssistant message row is read as a tree of its own here; `parse_tree` joins it with the others.
    """
    try:
        drafts = _READERS[options.format](load_object(record), options)
    except Refusal as refusal:
        several = split_objects(record) if refusal.reason == "invalid_json" else []
        return _parse_several(several, options) if several else Parsed(reason=refusal.reason)
    if any(_characters(draft) > options.max_chars for draft in drafts):
        return Parsed(reason="too_long")
    return Parsed(drafts=drafts) if drafts else Parsed(reason="no_exchange")


def _parse_several(objects: Sequence[bytes], options: ParseOptions) -> Parsed:
    """Read several objects of one line as exchanges of one record, all or none: a record has one outcome."""
    parsed = [parse_record(one, options) for one in objects]
    if any(one.reason for one in parsed):
        return Parsed(reason="several_objects")
    drafts: list[Draft] = []
    for one in parsed:
        first = len(drafts)
        drafts += [replace(draft, turn=first + place) for place, draft in enumerate(one.drafts)]
    return Parsed(drafts=tuple(drafts))


def parse_tree(records: Sequence[bytes], options: ParseOptions) -> list[Parsed]:
    """Read the flat OpenAssistant message rows of one tree, in any order; the result is aligned with them."""
    return openassistant.parse_message_rows(records, options.max_chars)


def _characters(draft: Draft) -> int:
    texts = (draft.instruction, draft.response or "", draft.system or "", *(turn.content for turn in draft.history))
    return sum(map(len, texts))


def _wizardlm(record: Record) -> tuple[Draft, ...]:
    has_conversation = any(not is_nothing(record.get(key)) for key in conversations.CONVERSATION_KEYS)
    return conversations.drafts_of(record) if has_conversation else alpaca.wizardlm_drafts_of(record)


_READERS: dict[str, Callable[[Record, ParseOptions], tuple[Draft, ...]]] = {
    "alpaca": lambda record, _: alpaca.drafts_of(record),
    "anthropic_hh": lambda record, options: anthropic_hh.drafts_of(record, options.use),
    "wizardlm": lambda record, _: _wizardlm(record),
    "openassistant": lambda record, options: openassistant.drafts_of(record, options.max_chars),
    "sharegpt": lambda record, _: conversations.drafts_of(record),
    "messages": lambda record, _: conversations.drafts_of(record),
    "table": lambda record, options: table.drafts_of(record, options.fields),
    "jsonl": lambda record, _: table.drafts_of(record, table.JSONL_FIELDS),
}
FORMATS: tuple[str, ...] = tuple(_READERS)
