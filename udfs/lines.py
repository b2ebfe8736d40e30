"""Executor side of the export: rows into lines of JSON."""

import json
from typing import Any

import pyarrow as pa

from schemas.records import EXPORT_FIELDS
from udfs.arrow_groups import Batches


def export_line(row: dict[str, Any]) -> str:
    """One line of the JSONL without its line end: the five fields in fixed order, text as it is (UTF-8)."""
    values = {**row, "quality_score": row["quality_tenths"] / 10}
    return json.dumps({name: values[name] for name in EXPORT_FIELDS}, ensure_ascii=False)


def with_lines(batches: Batches) -> Batches:
    """Replace `instruction` and `response` by `line`, the JSON; for `mapInArrow`."""
    for batch in batches:
        lines = [export_line(row) for row in batch.to_pylist()]
        slim = batch.drop_columns(["instruction", "response"])
        yield slim.append_column("line", pa.array(lines, pa.string()))
