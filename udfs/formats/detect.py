"""Telling the format of a file from its first records."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import SourceFormatError
from udfs.formats.alpaca import ALPACA_KEYS
from udfs.formats.conversations import CONVERSATION_KEYS, OTHER_CONVERSATION_KEYS, conversation_of
from udfs.formats.fields import Record, Refusal, is_nothing
from udfs.formats.json_object import load_object
from udfs.formats.message_tree import is_tree
from udfs.printable import printable_excerpt

# What columns are called in public tables, the likeliest name first; compared in lower case.
_COLUMN_NAMES = {
    "instruction": (
        *("instruction", "question", "prompt", "query", "problem", "input", "text", "user", "inputs"),
        *("human", "request", "input_text", "inputs_pretokenized", "q"),
        *("指令", "问题", "输入"),
    ),
    "response": (
        *("response", "answer", "completion", "output", "solution", "best answer", "reply", "assistant"),
        *("chosen", "target", "targets", "generation", "output_text", "targets_pretokenized", "gpt", "bot", "a"),
        *("回答", "答案", "输出"),
    ),
    "input": ("input", "context"),
    "system": ("system", "system_prompt"),
    "category": ("category", "topic", "subject", "type"),
}
_INSTRUCTIONS = {"alpaca": "instruction", "jsonl": "instruction", "wizardlm": "input"}
# Too general to be believed without a column of answers.
_NEEDS_RESPONSE = frozenset(("input", "text", "user", "inputs", "human", "request", "input_text", "q", "输入"))
_EXPECTED = (
    "an instruction (alpaca), `chosen`/`rejected` transcripts (anthropic_hh), `conversations` or `messages` (sharegpt, "
    "messages), `text` with `role` or a `prompt` with `replies` (openassistant), `input` and `output` (wizardlm), or "
    "columns with names such as question and answer (table)"
)
_OPTIONS = ("choices", "options")
_TEMPLATE = re.compile(r"<\|(?:im_start|start_header_id|user|assistant)\|>|\[INST\]|<start_of_turn>|### Instruction")
_MOST_KEYS_SHOWN = 12
_MOST_KEY_CHARS = 40
_DEEPEST = 4


@dataclass(frozen=True)
class Detection:
    """The format that the records of a file are in."""

    format: str
    fields: Mapping[str, str]
    """The columns of a `table`, empty for other formats."""
    why: str
    """One sentence for the user."""


@dataclass(frozen=True)
class _Guess:
    format: str
    because: str
    fields: tuple[tuple[str, str], ...] = field(default=())


def detect_format(records: Sequence[bytes]) -> Detection:
    """Name the format of most of the given records; a dozen of them are enough.

    Raises:
        SourceFormatError: no record is in a known format; says what was expected and which keys were found.
    """
    guesses: Counter[_Guess] = Counter()
    keys: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    hints: Counter[str] = Counter()
    for record in records:
        try:
            fields = load_object(record)
        except Refusal as refusal:
            refused[refusal.reason] += 1
            continue
        keys.update(fields.keys())
        if (guess := _guess(fields)) is not None:
            guesses[guess] += 1
        else:
            hints[_hint(fields)] += 1
    if not guesses:
        hint = hints.most_common(1)[0][0] if hints else ""
        raise SourceFormatError(_not_recognised(len(records), keys, refused, hint))
    best, count = guesses.most_common(1)[0]
    return Detection(best.format, dict(best.fields), f"{count} of {len(records)} records have {best.because}.")


def is_known(record: Record) -> bool:
    """Whether one object is a record in a known format."""
    return _guess(record) is not None


def _guess(record: Record) -> _Guess | None:
    """The format of a record; where its instruction is empty, of what is left of it without padding."""
    guess = _guess_by_keys(record)
    instruction = _INSTRUCTIONS.get(guess.format) or dict(guess.fields).get("instruction") if guess else None
    if instruction is None or not is_nothing(record.get(instruction)):
        return guess
    return _guess_by_keys({key: value for key, value in record.items() if not is_nothing(value)}) or guess


def _guess_by_keys(record: Record) -> _Guess | None:
    chosen = record.get("chosen")
    if isinstance(chosen, str) and "instruction" not in record and "\n\nHuman:" in f"\n\n{chosen.lstrip()}":
        return _Guess("anthropic_hh", "a transcript of Human and Assistant under `chosen`")
    if isinstance(record.get("prompt"), dict) and "replies" in record["prompt"]:
        return _Guess("openassistant", "a tree of `replies` under `prompt`")
    if is_tree(record):
        return _Guess("messages", "a tree of messages under `mapping`, of which the path to its current node is read")
    if "text" in record and "role" in record and ("message_id" in record or "replies" in record):
        return _Guess("openassistant", "a message with `role` and `text` of a conversation tree")
    answers = ("completion",) if not isinstance(record.get("completion"), str) else ()
    if guess := _guess_conversation(record, (*CONVERSATION_KEYS, "prompt", "chosen", *answers)):
        return guess
    if isinstance(record.get("instruction"), str) and _is_alpaca(record):
        return _guess_instruction(record)
    if _is_plain(record, "input") and _is_plain(record, "output"):
        return _Guess("wizardlm", "an instruction under `input` and its answer under `output`")
    columns = () if _is_choice(record) else tuple(_columns(record))
    fields = dict(columns)
    has_instruction = "instruction" in fields and _is_plain(record, fields["instruction"])
    if has_instruction and ("response" in fields or fields["instruction"].strip().lower() not in _NEEDS_RESPONSE):
        names = ", ".join(f"`{column}` for the {field_name}" for field_name, column in columns)
        return _Guess("table", f"the columns {names}", columns)
    return _guess_conversation(record, OTHER_CONVERSATION_KEYS)


def _guess_conversation(record: Record, keys: Sequence[str]) -> _Guess | None:
    found = conversation_of(record, keys)
    if found is None:
        return None
    key, messages = found
    is_sharegpt = any(isinstance(message, dict) and not is_nothing(message.get("from")) for message in messages[:1])
    return _Guess("sharegpt" if is_sharegpt else "messages", f"a list of messages under `{key}`")


def _is_alpaca(record: Record) -> bool:
    """Whether an instruction has its answer and input where Alpaca has them, or none anywhere."""
    if any(not is_nothing(record.get(key)) for key in ALPACA_KEYS if key not in ("instruction", "input")):
        return "context" not in record or "input" in record
    response = dict(_columns(record)).get("response")
    return "context" not in record and (response is None or response in ALPACA_KEYS or not _is_plain(record, response))


def _is_choice(record: Record) -> bool:
    """Whether a question is one of multiple choice: without its options it is another, and its answer is a number."""
    return any(isinstance(record.get(key), (list, dict)) and record[key] for key in _OPTIONS)


def _is_plain(record: Record, key: str) -> bool:
    """Whether a key is there and holds no list and no object."""
    return key in record and not isinstance(record[key], (list, dict))


def _guess_instruction(record: Record) -> _Guess:
    is_ours = "response" in record and "quality_score" in record
    others = ", ".join(f"`{key}`" for key in ALPACA_KEYS if key in record and key != "instruction")
    return _Guess("jsonl" if is_ours else "alpaca", f"an `instruction`{' with ' + others if others else ''}")


def _columns(record: Record) -> Iterable[tuple[str, str]]:
    """Each field with the column that holds it, no column twice; `instruction` comes first if there is one."""
    free = {key.strip().lower(): key for key in reversed(list(record))}
    # Beside anything but `q`, `a` is the first of several options.
    is_pair = "q" in free
    for name, candidates in _COLUMN_NAMES.items():
        found = next((one for one in candidates if one in free and (is_pair or one != "a")), None)
        if found is not None:
            yield name, free.pop(found)


def _hint(record: Record) -> str:
    """What to do about a record in no known format, as far as it shows; empty where it does not."""
    path = _path_to_known(record, _DEEPEST)
    if path is not None:
        return f"Records lie within `{printable_excerpt(path, 200)}`: jq -c {shlex.quote(path)} FILE > NEW.jsonl"
    if _is_choice(record):
        return "It is multiple choice: write the options into the question, and the answer as its text"
    for key, value in record.items():
        name = printable_excerpt(key, _MOST_KEY_CHARS)
        if key in CONVERSATION_KEYS and isinstance(value, str) and value.lstrip()[:1] == "[":
            return f"`{name}` holds a list as a text that is neither JSON nor Python: write it with json.dumps"
        if key in CONVERSATION_KEYS and isinstance(value, list) and value and isinstance(value[0], dict):
            return f"A message under `{name}` needs a `role` and a `content`, or a `from` and a `value`"
        if isinstance(value, str) and _TEMPLATE.search(value):
            return f"`{name}` holds a whole conversation in a chat template: write it as a list of messages"
        if isinstance(value, list) and len(value) > 1 and _columns_known(record, value):
            return f"`{name}` holds a list where one text is wanted: write a record for each of its items"
    return ""


def _path_to_known(value: object, depth: int) -> str | None:
    """Where a record in a known format lies within a value, as jq writes it: `.["data"][]["example"]`."""
    if isinstance(value, list):
        inside = _path_to_known(value[0], depth) if value and isinstance(value[0], dict) else None
        return None if inside is None else f"[]{inside}"
    if not isinstance(value, dict) or depth < 0:
        return None
    if depth < _DEEPEST and is_known(value):
        return ""
    for key, held in list(value.items())[:_MOST_KEYS_SHOWN]:
        inside = _path_to_known(held, depth - 1)
        if inside is not None:
            return f"{'.' if depth == _DEEPEST else ''}[{json.dumps(key)}]{inside}"
    return None


def _columns_known(record: Record, values: list[Any]) -> bool:
    """Whether the records of a batch, which lists them by column, would be known one by one."""
    if not all(isinstance(value, str) for value in values):
        return False
    return is_known({key: value[0] if isinstance(value, list) and value else value for key, value in record.items()})


def _not_recognised(count: int, keys: Counter[str], refused: Counter[str], hint: str) -> str:
    if not keys:
        reasons = ", ".join(f"{reason} ({number})" for reason, number in sorted(refused.items())) or "there are none"
        return f"none of the first {count} records is a JSON object: {reasons}"
    shown = ", ".join(f"`{key[:_MOST_KEY_CHARS]}`" for key, _ in keys.most_common(_MOST_KEYS_SHOWN))
    return (
        f"the format of the first {count} records is not recognised: expected {_EXPECTED}; found the keys {shown}. "
        f"{hint or 'Name the columns with `fields:` and `format: table`'}."
    )
