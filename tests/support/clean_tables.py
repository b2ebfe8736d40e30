"""One clean frame of every table with a suite, the empty ones, and what the other tables hold meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from schemas.tables import (
    ASSIGNMENTS,
    BENCHMARKS,
    CONTAMINATION,
    DATASET,
    DUPLICATES,
    EXAMPLES,
    PAIRS,
    RAW_RECORDS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
    Table,
)
from tests.support.factories import rows_of

CANARY = "zq-canary-7 <script>alert('canary')</script>"
HOSTILE_ID = "<script>alert('id')</script>"

Rows = list[dict[str, Any]]

RECORD = {"source": "alpaca", "file": "f.json", "record": b"{}", "reason": None, "outcome": "used", "drafts": "one"}
ASSIGNMENT = {
    "stage": "distill",
    "example_id": "e",
    "sample": 0,
    "requested_teacher": "public",
    "actual_teacher": "public",
    "request_id": None,
}


@dataclass(frozen=True)
class Case:
    """Rows of a table with faults, and what has to be said of them; without `expected` a clean frame."""

    table: Table
    rows: Rows
    parameters: Mapping[str, Any] = field(default_factory=dict)
    related: tuple[Table, ...] = ()
    expected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> ids, none for a whole table


def hexed(digit: str) -> str:
    return digit * 32


def composition(low: float, high: float) -> dict[str, Any]:
    return {name: {"min": low, "max": high} for name in ("general", "code", "reasoning", "creative", "other")}


# What the tables that others compare with hold.
RELATED: Mapping[Table, Rows] = {
    EXAMPLES: [
        {"example_id": name, "source": source}
        for name, source in zip("abcdefghi", ["alpaca"] * 4 + ["hh"] * 4 + ["copy"], strict=True)
    ],
    PAIRS: [{"pair_id": name, "source": "alpaca"} for name in "pqrs"],
    SCREEN: [{"id": "g"}, {"id": "a", "effect": "note"}, {"id": "b", "target": "response"}],
    BENCHMARKS: [{}, {"file": "more.jsonl"}],
    CONTAMINATION: [{"example_id": "f"}, {"example_id": "a", "effect": "note"}],
    DUPLICATES: [{"id": "h", "duplicate_of": "a"}, {"pass": "pair", "id": "c", "duplicate_of": "d"}],
    SELECTION: [{"pair_id": "p"}, {"pair_id": "q"}, {"pair_id": "r", "reason": "low_score"}],
}

FULL = {"min_rows": 1, "min_mean_tenths": 75, "min_teachers": 1, "allow_licences": ("Apache-2.0",)}

CLEAN = [
    Case(
        RAW_RECORDS,
        [
            {"position": 0},
            {"position": 1, "outcome": "absorbed", "drafts": None},
            {"position": 2, "source": "hh", "outcome": "refused", "reason": "invalid_json", "drafts": None},
        ],
        {"sources": ["alpaca", "hh"], "source_count": 2, "silent_sources": []}
        | {"max_refused_share": 0.5, "min_usable_share": 0.5},
    ),
    Case(
        EXAMPLES,
        [
            {"example_id": hexed("a"), "human_quality": 1.0},
            {"example_id": hexed("b"), "reference_response": None, "copies": 2, "records": [("f", 1, 0), ("f", 2, 0)]},
        ],
        {"sources": ["alpaca"], "drafts": 3},
    ),
    Case(SCREEN, [{"id": "a"}, {"id": "p", "target": "response"}], {"rules": ["missing_input"], "max_excluded": 2},
         (EXAMPLES, PAIRS)),
    Case(CONTAMINATION, [{"example_id": "a"}, {"example_id": "a", "side": "response", "effect": "note", "share": 1.0}],
         {"share": 0.5}, (EXAMPLES, BENCHMARKS)),
    Case(
        DUPLICATES,
        [
            {"id": "a", "duplicate_of": "b"},
            {"pass": "pair", "id": "p", "duplicate_of": "q", "jaccard": 1.0},
            {"id": "i", "duplicate_of": "b", "jaccard": 1.0},  # a source of nothing but copies
        ],
        {"threshold": 0.8, "turn_threshold": 0.5, "max_source_loss": 0.3},
        (EXAMPLES, PAIRS),
    ),
    Case(
        ASSIGNMENTS,
        [{"example_id": "a"}, {"example_id": "b", "requested_teacher": "m", "actual_teacher": "m", "request_id": "r"}],
        {"teachers": ["public", "m"], "expected_rows": 2},
        (EXAMPLES, SCREEN, CONTAMINATION, DUPLICATES),
    ),
    Case(
        PAIRS,
        [{"pair_id": "p", "example_id": "a"},
         {"pair_id": "q", "example_id": "b", "teacher": "m", "request_id": "r", "answered_by": "m-1"}],
        {"teachers": ["public", "m"], "expected_rows": 2},
        (EXAMPLES,),
    ),
    Case(
        SCORES,
        [
            {"pair_id": "p"},
            {"pair_id": "q", "scorer": "distilled", "model": "f", "dimensions": None}
            | {"lowest_dimension": None, "highest_dimension": None, "predicted_tenths": 80}
            | {"low_tenths": 75, "high_tenths": 90},
        ],
        {"scorers": ["heuristic", "distilled"], "expected_rows": 2},
        (PAIRS,),
    ),
    Case(REVIEWS, [{"pair_id": "p"}, {"pair_id": "q", "verdict": "keep"}], {"verdicts": ["keep", "drop"]}, (PAIRS,)),
    Case(
        SELECTION,
        [{"pair_id": "p", "quality_tenths": 71}, {"pair_id": "q", "quality_tenths": 70, "reason": "low_score"}],
        {"min_score_tenths": 70, "reasons": ["low_score"], "expected_rows": 2},
        (PAIRS,),
    ),
    Case(
        DATASET,
        [{"pair_id": "p", "example_id": "a", "quality_tenths": 100},
         {"pair_id": "q", "example_id": "b", "response": "Five."}],
        {"min_score_tenths": 70, "expected_rows": 2, "composition": composition(0.0, 1.0), **FULL},
        (SELECTION,),
    ),
]  # fmt: skip


# Faults of a table that has nothing in it.
EMPTY = [
    Case(EXAMPLES, [], {"sources": [], "drafts": None}, expected={"table_is_not_empty": ()}),
    Case(SELECTION, [], {"min_score_tenths": 70, "reasons": None, "expected_rows": None},
         expected={"something_is_selected": ()}),
    Case(
        DATASET,
        [],
        {"min_score_tenths": 70, "expected_rows": None, "composition": None, **dict.fromkeys(FULL)},
        expected={"table_is_not_empty": ()},
    ),
]  # fmt: skip


def frame(spark: SparkSession, table: Table, rows: Rows) -> DataFrame:
    if table not in (RAW_RECORDS, ASSIGNMENTS):
        return rows_of(spark, table, rows)
    default = RECORD if table is RAW_RECORDS else ASSIGNMENT
    draft = {"example_id": hexed("a"), "instruction": CANARY}
    full = [{**default, **row} for row in rows]
    values = (
        [{**row, "drafts": [draft] if row.get("drafts") else None} for row in full] if table is RAW_RECORDS else full
    )
    return spark.createDataFrame(
        [tuple(row.get(name) for name in table.schema.fieldNames()) for row in values], table.schema
    )
