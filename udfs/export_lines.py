"""Rows of the data set into the records that leave it, and on executors into lines of JSON."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from schemas.records import EXPORT_FIELDS
from udfs.arrow_groups import ArrowBatches


def export_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """The five fields of a row in fixed order."""
    values = {**row, "quality_score": row["quality_tenths"] / 10}
    return {name: values[name] for name in EXPORT_FIELDS}


def messages_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same row as a conversation: its system prompt and earlier turns, the instruction and the response."""
    system = [] if row["system"] is None else [("system", row["system"])]
    history = [(turn["role"], turn["content"]) for turn in row["history"]]
    turns = [*system, *history, ("user", row["instruction"]), ("assistant", row["response"])]
    labels = {name: value for name, value in export_record(row).items() if name not in ("instruction", "response")}
    return {"messages": [{"role": role, "content": content} for role, content in turns], **labels}


def export_line(row: Mapping[str, Any]) -> str:
    """One line of the JSONL without its line end: the five fields, text as it is (UTF-8)."""
    return json.dumps(export_record(row), ensure_ascii=False)


def with_lines(batches: ArrowBatches) -> ArrowBatches:
    """Replace `instruction` and `response` by `line`, the JSON; for `mapInArrow`."""
    for batch in batches:
        lines = [export_line(row) for row in batch.to_pylist()]
        slim = batch.drop_columns(["instruction", "response"])
        yield slim.append_column("line", pa.array(lines, pa.string()))
