"""Frames for tests: one complete default row a table, each test states only what differs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from jobs.workspace.storage import Storage
from schemas.tables import (
    BENCHMARKS,
    CONTAMINATION,
    DATASET,
    DUPLICATES,
    EXAMPLES,
    PAIRS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
    Table,
)

_DEFAULTS: dict[str, dict[str, Any]] = {
    "examples": {
        "example_id": "e",
        "system": None,
        "history": [],
        "instruction": "Name a prime number.",
        "reference_response": "Seven.",
        "category": "general",
        "language": "en",
        "human_quality": None,
        "prompt_marks": [],
        "response_marks": [],
        "source": "alpaca",
        "licence": "Apache-2.0",
        "copies": 1,
        "records": [{"file": "f", "position": 0, "turn": 0}],
    },
    "screen": {"id": "e", "target": "prompt", "rule": "missing_input", "effect": "exclude", "span": ""},
    "benchmarks": {
        "benchmark": "gsm8k",
        "file": "test.jsonl",
        "origin": None,
        "licence": "MIT",
        "sha256": "0" * 64,
        "bytes": 1_000,
        "items": 10,
    },
    "contamination": {
        "example_id": "e",
        "benchmark": "gsm8k",
        "item": "7",
        "field": "question",
        "side": "prompt",
        "effect": "exclude",
        "part": "instruction",
        "first_token": 0,
        "tokens": 30,
        "item_tokens": 40,
        "kind": "run",
        "share": 0.75,
        "span": "janet s ducks lay",
        "item_text": "Janet's ducks lay 16 eggs per day.",
    },
    "duplicates": {
        "pass": "prompt",
        "id": "e",
        "duplicate_of": "f",
        "jaccard": 0.9,
        "numbers_only": False,
        "turn_jaccard": None,
        "own_jaccard": None,
        "reference_text": None,
    },
    "pairs": {
        "pair_id": "p",
        "example_id": "e",
        "sample": 0,
        "teacher": "public",
        "request_id": None,
        "answered_by": "alpaca",
        "source": "alpaca",
        "licence": "Apache-2.0",
        "system": None,
        "history": [],
        "instruction": "Name a prime number.",
        "response": "Seven.",
        "category": "general",
        "language": "en",
        "human_quality": None,
    },
    "scores": {
        "pair_id": "p",
        "scorer": "heuristic",
        "dimensions": {"relevance": 8, "completeness": 8, "clarity": 8, "cleanliness": 8},
        "lowest_dimension": 8,
        "highest_dimension": 8,
        "quality_tenths": 80,
        "judge_category": None,
        "reason": "nothing found",
        "predicted_tenths": None,
        "low_tenths": None,
        "high_tenths": None,
        "is_held_out": None,
        "model": None,
    },
    "reviews": {
        "pair_id": "p",
        "example_id": "e",
        "verdict": "drop",
        "reviewer": "ana",
        "note": None,
        "reviewed_at": datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc),
    },
    "selection": {"pair_id": "p", "example_id": "e", "category": "general", "quality_tenths": 80, "reason": None},
    "dataset": {
        "pair_id": "p",
        "example_id": "e",
        "instruction": "Name a prime number.",
        "response": "Seven.",
        "source": "alpaca",
        "quality_tenths": 80,
        "category": "general",
        "origin": "alpaca",
        "licence": "Apache-2.0",
        "language": "en",
        "teacher": "public",
        "scorer": "heuristic",
        "system": None,
        "history": [],
    },
}


def rows_of(spark: SparkSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """A frame with the table's schema; each row is the default with what it names replaced."""
    default = _DEFAULTS[table.name]
    unknown = {name for row in rows for name in row} - set(default)
    assert not unknown, f"{table.name} has no column {sorted(unknown)}"
    values = [tuple({**default, **row}[name] for name in table.schema.fieldNames()) for row in rows]
    return spark.createDataFrame(values, table.schema)


def store(storage: Storage, tables: Mapping[Table, Sequence[Mapping[str, Any]]]) -> None:
    """Write tables of default rows with what each row names replaced; needs no Spark."""
    for table, rows in tables.items():
        storage.append_rows(table, [{**_DEFAULTS[table.name], **row} for row in rows])


TABLES_WITH_DEFAULTS = (
    EXAMPLES,
    SCREEN,
    BENCHMARKS,
    CONTAMINATION,
    DUPLICATES,
    PAIRS,
    SCORES,
    REVIEWS,
    SELECTION,
    DATASET,
)
