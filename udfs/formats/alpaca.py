"""Alpaca records and their kin: one instruction, perhaps an input, and an answer.

Keys read: `instruction`, `input`, `output` or `response`, `system`, `history` (pairs of texts), `category`; for
self-instruct seeds `instances`, a list of `{input, output}`, each a draft of its own; for preference data `chosen`,
which is the response even where `output` is given too (`rejected` is never read); for KTO `label` or `kto_tag`, whose
false marks the response `rejected_label`. WizardLM V1 is the same, or has the instruction under `input`.
"""

import re
from typing import Any

from udfs.formats.conversations import answer_text
from udfs.formats.draft import Draft, Turn
from udfs.formats.fields import (
    Record,
    Refusal,
    as_text,
    first_of,
    instruction_of,
    is_nothing,
    optional_text,
    text_of,
)
from udfs.formats.messages import as_list
from udfs.text import clean_text

ALPACA_KEYS = ("instruction", "input", "output", "response", "instances", "chosen")

_NO_INPUT = re.compile(r"\s*(?:<\s*no[ _-]?input\s*>|nan|null)\s*", re.IGNORECASE)


def drafts_of(record: Record) -> tuple[Draft, ...]:
    """The one draft of a record, or one for each of its `instances`.

    Raises:
        Refusal: `wrong_format`, `missing_instruction` or `not_text`.
    """
    if not any(key in record for key in ALPACA_KEYS):
        raise Refusal("wrong_format")
    instances = [record] if is_nothing(record.get("instances")) else record["instances"]
    if not isinstance(instances, list) or not all(isinstance(instance, dict) for instance in instances):
        raise Refusal("wrong_format")
    return tuple(_draft(record, instance, turn) for turn, instance in enumerate(instances))


def wizardlm_drafts_of(record: Record) -> tuple[Draft, ...]:
    """The draft of a WizardLM V1 record, whose `input` is the instruction where there is no `instruction`.

    Raises:
        Refusal: `wrong_format`, `missing_instruction` or `not_text`.
    """
    if is_nothing(record.get("instruction")) and "input" in record:
        return (Draft(turn=0, instruction=instruction_of(record, "input"), response=_response(record)),)
    return drafts_of(record)


def with_input(instruction: str, given: str | None) -> str:
    """The prompt as one text: the input follows the instruction after a blank line.

    `<noinput>`, a marker of the first self-instruct generators, is no input, and neither is what pandas and databases
    write for an empty cell (nan, null); "none" and "N/A" may well be.
    """
    return f"{instruction}\n\n{given}" if given and not _NO_INPUT.fullmatch(given) else instruction


def _draft(record: Record, instance: Record, turn: int) -> Draft:
    is_rejected = record.get("label") is False or record.get("kto_tag") is False
    return Draft(
        turn=turn,
        instruction=with_input(instruction_of(record, "instruction"), optional_text(instance, "input")),
        response=_response(instance),
        system=optional_text(record, "system"),
        history=_history(record.get("history")),
        category=optional_text(record, "category"),
        response_marks=("rejected_label",) if is_rejected else (),
    )


def _response(record: Record) -> str | None:
    """The first answer that is there. Where there is none, `output: NaN` is no missing answer but a broken one."""
    given = answer_text(None if is_nothing(record.get("chosen")) else record["chosen"])
    if given is None:
        given = as_text(first_of(record, ("output", "response")))
    return given if given is not None else text_of(record, "output") or text_of(record, "response")


def _history(pairs: Any) -> tuple[Turn, ...]:
    pairs = as_list(pairs)
    if is_nothing(pairs):
        return ()
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in pairs
    ):
        raise Refusal("not_text")
    return tuple(
        Turn(role, clean_text(text)) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)
    )
