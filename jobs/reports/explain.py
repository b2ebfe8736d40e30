"""The life of one row: what every table holds of an example, from the record it was read from to its exported line."""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.deduplication.figures import compared_texts
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, JUDGEMENTS, RESPONSES
from schemas.errors import ConfigError
from schemas.records import PROVENANCE_FILE
from schemas.tables import (
    ASSIGNMENTS,
    CONTAMINATION,
    DUPLICATES,
    EXAMPLES,
    FATES,
    PAIRS,
    RAW_RECORDS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
    Table,
)

_RECORD_BYTES = 2_000
"""Of a record as it was read, this much is fetched."""
_LISTED_IDS = 5

Found = Mapping[str, Any]
"""A row of a table, column -> value; columns that are null are left out."""


@dataclass(frozen=True)
class Life:
    """What is stored of one example. A table that no stage has written yet is missing from `rows`."""

    example_id: str
    rows: Mapping[str, Sequence[Found]]
    """Table -> its rows that are about this example or its pairs."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Id of an example or a pair, its own and those it fell to -> the text that the search for duplicates compares."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Pair -> its line in the exported file, from 1."""
    file: str = ""
    """Name of the exported file; empty where there is none."""

    @property
    def example(self) -> Found:
        """The row of `examples`."""
        return self.rows[EXAMPLES.name][0]

    def of(self, table: Table, **values: str) -> list[Found]:
        """Rows of a table in which these columns have these values."""
        rows = self.rows.get(table.name, ())
        return [row for row in rows if all(row.get(column) == value for column, value in values.items())]

    def knows(self, table: Table) -> bool:
        """Whether a stage has written that table."""
        return table.name in self.rows


def explain_row(runtime: Runtime, row_id: str) -> Life:
    """Collect the life of an example.

    Args:
        runtime: the run.
        row_id: of the example or of one of its pairs, or the beginning of either.

    Raises:
        ConfigError: no row has such an id, or several have.
    """
    storage = runtime.storage
    tables = {
        table
        for table in (
            PAIRS,
            SCREEN,
            CONTAMINATION,
            DUPLICATES,
            ASSIGNMENTS,
            JUDGEMENTS,
            SCORES,
            REVIEWS,
            SELECTION,
            FATES,
        )
        if storage.exists(table)
    }
    example_id = _find_example(runtime, row_id, tables)
    rows: dict[str, list[Found]] = {table.name: [] for table in (EXAMPLES, RAW_RECORDS, *tables)}
    own = {EXAMPLES: F.col("example_id") == example_id, PAIRS: F.col("example_id") == example_id}
    _collect({table: runtime.read(table).where(own[table]) for table in own if table in {EXAMPLES, *tables}}, rows)
    pairs = [pair["pair_id"] for pair in rows.get(PAIRS.name, ())]
    ids = F.col("id").isin(example_id, *pairs)
    keys = {
        SCREEN: ids,
        CONTAMINATION: F.col("example_id") == example_id,
        DUPLICATES: ids | F.col("duplicate_of").isin(example_id, *pairs),
        ASSIGNMENTS: F.col("example_id") == example_id,
        JUDGEMENTS: F.col("pair_id").isin(*pairs),
        SCORES: F.col("pair_id").isin(*pairs),
        REVIEWS: F.col("pair_id").isin(*pairs),
        SELECTION: F.col("pair_id").isin(*pairs),
        FATES: F.col("example_id") == example_id,
    }
    frames = {table: runtime.read(table).where(key) for table, key in keys.items() if table in tables}
    frames[RAW_RECORDS] = _records(runtime, rows[EXAMPLES.name][0])
    _collect(frames, rows)
    _collect_calls(runtime, rows)
    lines = _lines(runtime, "pair_id", pairs)
    return Life(
        example_id,
        rows,
        _texts(
            runtime, example_id, [row for row in rows.get(DUPLICATES.name, ()) if row["id"] in (example_id, *pairs)]
        ),
        {row["pair_id"]: row["line"] for row in lines},
        runtime.settings.export.file if _provenance_exists(runtime) else "",
    )


def example_of_line(runtime: Runtime, line: int) -> str:
    """Id of the example in a line of the exported file.

    Args:
        runtime: the run.
        line: number, from 1.

    Raises:
        ConfigError: nothing has been exported, or the file is shorter.
    """
    if not _provenance_exists(runtime):
        raise ConfigError(f"there is no {_provenance(runtime)}; `phase0 run` with the same configuration exports it")
    found = _lines(runtime, "line", [line])
    if not found:
        with files.open_for_reading(_provenance(runtime)) as handle:
            rows = pq.ParquetFile(handle).metadata.num_rows
        raise ConfigError(f"{runtime.settings.export.file} has {rows:,} lines, no line {line:,}")
    return str(found[0]["example_id"])


def _find_example(runtime: Runtime, row_id: str, tables: Collection[Table]) -> str:
    found = runtime.read(EXAMPLES).where(F.col("example_id").startswith(row_id)).select("example_id")
    if PAIRS in tables:
        pairs = runtime.read(PAIRS).where(F.col("pair_id").startswith(row_id))
        found = found.union(pairs.select("example_id"))
    rows = found.distinct().orderBy("example_id").limit(_LISTED_IDS + 1).collect()
    if not rows:
        raise ConfigError(
            f"no example and no pair has the id {row_id}; `phase0 show --reason selected` and the data docs list ids, "
            "records that were refused have none (`phase0 show --reason invalid_json`)"
        )
    if len(rows) > 1:
        listed = ", ".join(row["example_id"] for row in rows[:_LISTED_IDS])
        raise ConfigError(f"several examples have an id that starts with {row_id}: {listed}. Type more of it")
    return str(rows[0]["example_id"])


def _records(runtime: Runtime, example: Found) -> DataFrame:
    read_from = [(F.col("file") == of["file"]) & (F.col("position") == of["position"]) for of in example["records"]]
    is_one_of_them: Column = reduce(Column.__or__, read_from[:_LISTED_IDS])
    records = runtime.read(RAW_RECORDS).where((F.col("source") == example["source"]) & is_one_of_them)
    return records.select(
        "source", "file", "position", "outcome", F.substring("record", 1, _RECORD_BYTES).alias("record")
    )


def _collect(frames: Mapping[Table, DataFrame], rows: dict[str, list[Found]]) -> None:
    """Add rows of several tables, fetched in one query: most of the time of a small query is its planning."""
    parts = [
        frame.select(F.lit(table.name).alias("table"), F.to_json(F.struct("*"))) for table, frame in frames.items()
    ]
    for table, row in sorted(reduce(DataFrame.union, parts).collect()):
        rows[table].append(json.loads(row))


def _collect_calls(runtime: Runtime, rows: dict[str, list[Found]]) -> None:
    """Add what was paid for the example's answers and their judgements."""
    asked = {
        row["request_id"]
        for table in (ASSIGNMENTS, JUDGEMENTS)
        for row in rows.get(table.name, ())
        if "request_id" in row
    }
    if not asked or not runtime.storage.exists(ATTEMPTS):
        return
    frames = {table: runtime.read(table).where(F.col("request_id").isin(*asked)) for table in (ATTEMPTS, RESPONSES)}
    rows |= {table.name: [] for table in frames}
    _collect(frames, rows)


def _texts(runtime: Runtime, example_id: str, fell: Sequence[Found]) -> dict[str, str]:
    """Texts of rows that fell to a twin, and of that twin."""
    if not fell:
        return {}
    pairs = runtime.read(PAIRS) if any(row["id"] != example_id for row in fell) else None
    return compared_texts(runtime.read(EXAMPLES), pairs, {row[name] for row in fell for name in ("id", "duplicate_of")})


def record_text(record: Found) -> str:
    """The beginning of a record as it was read."""
    return base64.b64decode(record["record"]).decode("utf-8", "replace")


def _provenance(runtime: Runtime) -> str:
    return files.join(runtime.settings.workspace, "output", PROVENANCE_FILE)


def _provenance_exists(runtime: Runtime) -> bool:
    folder = files.join(runtime.settings.workspace, "output")
    return any(path.endswith("/" + PROVENANCE_FILE) for path in files.list_files(folder, ".parquet"))


def _lines(runtime: Runtime, column: str, values: Sequence[object]) -> list[dict[str, Any]]:
    if not values or not _provenance_exists(runtime):
        return []
    with files.open_for_reading(_provenance(runtime)) as handle:
        lines = pq.read_table(handle, columns=["line", "example_id", "pair_id"])
    return list(lines.filter(pc.field(column).isin(list(values))).to_pylist())
