"""Anthropic-HH: `chosen` and `rejected`, each a transcript of `\\n\\nHuman: ` and `\\n\\nAssistant: ` turns.

`rejected` is never read. Text is stripped, because white space around a turn belongs to the transcript.
"""

import re
from typing import Literal

from udfs.formats.draft import Draft, Turn
from udfs.formats.fields import Record, Refusal, text_of

Use = Literal["prompts", "pairs"]

_TURN = re.compile(r"(?:\n\n|\A)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def drafts_of(record: Record, use: Use) -> tuple[Draft, ...]:
    """The last human turn with its history, for `pairs` with the chosen answer to it.

    Raises:
        Refusal: `wrong_format` (no transcript under `chosen`), `not_text`, or `malformed_transcript` (one side twice
            in a row, which happens when a text contains the marker, or an empty turn that is not the last).
    """
    if "chosen" not in record:
        raise Refusal("wrong_format")
    before, *parts = _TURN.split("\n\n" + (text_of(record, "chosen") or "").strip())
    turns = [Turn(_ROLES[role], text.strip()) for role, text in zip(parts[::2], parts[1::2], strict=True)]
    if before.strip() or not turns:
        raise Refusal("wrong_format")
    answer = turns.pop() if turns[-1].role == "assistant" else None
    if len(turns) % 2 == 0 or any(
        turn.role != ("assistant" if place % 2 else "user") or not turn.content for place, turn in enumerate(turns)
    ):
        raise Refusal("malformed_transcript")
    response = answer.content if answer is not None and use == "pairs" else None
    return (Draft(turn=0, instruction=turns[-1].content, response=response or None, history=tuple(turns[:-1])),)
