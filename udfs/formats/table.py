"""Any table or JSONL of flat objects, its columns named by a mapping, and the output format itself."""

import json
import math
import re
from collections.abc import Mapping

from udfs.formats.alpaca import with_input
from udfs.formats.draft import Draft
from udfs.formats.fields import Record, Refusal, as_text, is_nothing

TABLE_FIELDS = ("instruction", "input", "response", "system", "category", "language")
"""What a mapping can name a column for; only `instruction` must be there."""
JSONL_FIELDS = {"instruction": "instruction", "response": "response", "category": "category"}
"""The output format. Its `source` and `quality_score` are of the run that wrote it and are not taken over."""

_ISO_639_1 = re.compile(r"([A-Za-z]{2})(?:[-_]\w+)?")


def drafts_of(record: Record, fields: Mapping[str, str]) -> tuple[Draft, ...]:
    """The one draft of a row.

    Numbers become text here, as they are written in JSON: the mapping says that the column is meant, and the same
    table as CSV has nothing but text.

    Raises:
        Refusal: `wrong_format` (the column of the instruction is missing), `missing_instruction` or `not_text`.
    """
    if fields.get("instruction") not in record:
        raise Refusal("wrong_format")
    texts = {field: _text(record.get(fields[field]), field) for field in TABLE_FIELDS if field in fields}
    is_rejected = any(_says_false(record.get(key)) for key in ("label", "kto_tag") if key not in fields.values())
    instruction = texts["instruction"]
    if instruction is None:
        raise Refusal("missing_instruction")
    return (
        Draft(
            turn=0,
            instruction=with_input(instruction, texts.get("input")),
            response=texts.get("response"),
            system=texts.get("system"),
            category=texts.get("category"),
            language=language_code(texts.get("language")),
            response_marks=("rejected_label",) if is_rejected else (),
        ),
    )


def _says_false(label: object) -> bool:
    """Whether people did not want the answer, which tables of text can only say with a word; 0 may be any class."""
    return label is False or (isinstance(label, str) and label.strip().lower() == "false")


def language_code(language: object) -> str | None:
    """The ISO 639-1 code in a source's own statement such as `pt-BR`, null where it is something else."""
    match = _ISO_639_1.fullmatch(language) if isinstance(language, str) else None
    return match.group(1).lower() if match else None


def _text(value: object, field: str) -> str | None:
    if field not in ("instruction", "response") and is_nothing(value):
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return as_text(json.dumps(value) if is_number else value)
