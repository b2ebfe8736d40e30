"""The life of one row: what every table holds of an example, from the record it was read from to its exported line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq

from jobs.deduplication.figures import stored_texts
from jobs.workspace import files
from jobs.workspace.queries import Value, with_parts
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
"""Of a record as it was read, this much is shown."""
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
    example_id = _find_example(runtime, row_id)
    rows = {EXAMPLES.name: _found(runtime, EXAMPLES, "example_id = :example", example=example_id)}
    rows[RAW_RECORDS.name] = _records(runtime, rows[EXAMPLES.name][0])
    for table, condition in _ABOUT.items():
        if runtime.storage.exists(table):
            pairs = [pair["pair_id"] for pair in rows.get(PAIRS.name, ())]
            values: dict[str, Value] = {"example": example_id, "pairs": pairs, "ids": [example_id, *pairs]}
            asked = {name: value for name, value in values.items() if f":{name}" in condition}
            rows[table.name] = _found(runtime, table, condition, **asked)
    rows |= _calls(runtime, rows)
    pairs = [pair["pair_id"] for pair in rows.get(PAIRS.name, ())]
    fell = [row for row in rows.get(DUPLICATES.name, ()) if row["id"] in (example_id, *pairs)]
    return Life(
        example_id,
        rows,
        stored_texts(runtime, {row[name] for row in fell for name in ("id", "duplicate_of")}),
        {row["pair_id"]: row["line"] for row in _lines(runtime, "pair_id", pairs)},
        runtime.settings.export.file if _provenance_exists(runtime) else "",
    )


# `pairs` is the first: the others are asked about the pairs it has.
_ABOUT: Mapping[Table, str] = {
    PAIRS: "example_id = :example",
    SCREEN: "id in (:ids)",
    CONTAMINATION: "example_id = :example",
    DUPLICATES: "id in (:ids) or duplicate_of in (:ids)",
    ASSIGNMENTS: "example_id = :example",
    JUDGEMENTS: "pair_id in (:pairs)",
    SCORES: "pair_id in (:pairs)",
    REVIEWS: "pair_id in (:pairs)",
    SELECTION: "pair_id in (:pairs)",
    FATES: "example_id = :example",
}


def _found(runtime: Runtime, table: Table, condition: str, columns: str = "*", /, **values: Value) -> list[Found]:
    parts = {"columns": columns, "table": f"{{{table.name}}}", "condition": condition, "key": ", ".join(table.key)}
    question = with_parts("select {columns} from {table} where {condition} order by {key}", **parts)
    return [_known(row) for row in runtime.query(question, **values)]


def _known(value: Any) -> Any:
    """A row, or a value in it, without what is null."""
    if isinstance(value, dict):
        return {name: _known(one) for name, one in value.items() if one is not None}
    return [_known(one) for one in value] if isinstance(value, list) else value


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


_STARTING = """
select distinct example_id
from (
    select example_id from {examples} where substr(example_id, 1, :length) = :start
    union all
    select example_id from {pairs} where substr(pair_id, 1, :length) = :start
) as found
order by example_id
limit :most
"""


def _find_example(runtime: Runtime, row_id: str) -> str:
    found = runtime.query(_STARTING, (PAIRS,), start=row_id, length=len(row_id), most=_LISTED_IDS + 1)
    if not found:
        raise ConfigError(
            f"no example and no pair has the id {row_id}; `phase0 show --reason selected` and the data docs list ids, "
            "records that were refused have none (`phase0 show --reason invalid_json`)"
        )
    if len(found) > 1:
        listed = ", ".join(row["example_id"] for row in found[:_LISTED_IDS])
        raise ConfigError(f"several examples have an id that starts with {row_id}: {listed}. Type more of it")
    return str(found[0]["example_id"])


def _records(runtime: Runtime, example: Found) -> list[Found]:
    read_from = {(of["file"], of["position"]) for of in example["records"][:_LISTED_IDS]}
    found = _found(
        runtime,
        RAW_RECORDS,
        "source = :source and file in (:files) and position in (:positions)",
        "source, file, position, outcome, record",
        source=example["source"],
        files={file for file, _ in read_from},
        positions={position for _, position in read_from},
    )
    return [row for row in found if (row["file"], row["position"]) in read_from]


def _calls(runtime: Runtime, rows: Mapping[str, Sequence[Found]]) -> dict[str, list[Found]]:
    """What was paid for the example's answers and their judgements."""
    asked = {
        row["request_id"]
        for table in (ASSIGNMENTS, JUDGEMENTS)
        for row in rows.get(table.name, ())
        if "request_id" in row
    }
    if not asked or not runtime.storage.exists(ATTEMPTS):
        return {}
    return {table.name: _found(runtime, table, "request_id in (:ids)", ids=asked) for table in (ATTEMPTS, RESPONSES)}


def record_text(record: Found) -> str:
    """The beginning of a record as it was read."""
    return bytes(record["record"][:_RECORD_BYTES]).decode("utf-8", "replace")


def _provenance(runtime: Runtime) -> str:
    return files.join(runtime.settings.workspace, "output", PROVENANCE_FILE)


def _provenance_exists(runtime: Runtime) -> bool:
    folder = files.join(runtime.settings.workspace, "output")
    return any(path.endswith("/" + PROVENANCE_FILE) for path in files.list_files(folder, ".parquet"))


def _lines(runtime: Runtime, column: str, values: Sequence[object]) -> list[dict[str, Any]]:
    if not values or not _provenance_exists(runtime):
        return []
    with files.open_for_reading(_provenance(runtime)) as handle:
        lines = pq.ParquetFile(handle).read(columns=["line", "example_id", "pair_id"])
    # A filter of pyarrow's would load pandas, which takes longer than to look at each value.
    found = [place for place, value in enumerate(lines[column].to_pylist()) if value in values]
    return [row for place in found for row in lines.slice(place, 1).to_pylist()]
