"""Executor side of ingest: bytes of files into records, records into drafts of examples."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.pandas.types import to_arrow_schema

from schemas.tables import RAW_RECORDS, RECORD
from udfs.arrow_groups import ArrowBatches, batch_of, whole_groups
from udfs.categories import CategoryRules, categorise, mapped_category
from udfs.containers import RawRecord
from udfs.formats.draft import Draft, Parsed, Turn
from udfs.formats.parse import ParseOptions, parse_record, parse_tree, tree_key
from udfs.ids import example_id
from udfs.records import open_file, read_whole_file
from udfs.text import clean_text, detect_language, repair_literal_escapes, strip_no_input

_RECORD_SCHEMA = to_arrow_schema(RECORD)
_RAW_SCHEMA = to_arrow_schema(RAW_RECORDS.schema)
_BATCH_ROWS = 2_000
_LINE_PLACE = ("file", "block", "ordinal")
OnBatches = Callable[[ArrowBatches], ArrowBatches]
ReadFile = Callable[[str], Iterator[RawRecord]]


@dataclass(frozen=True)
class FileOptions:
    """How one file is read; travels to the executors in the closure."""

    source: str
    parse: ParseOptions
    language: str | None = None
    category: str | None = None
    categories: Mapping[str, str] = field(default_factory=dict)
    repair_escapes: bool = True
    limit: int | None = None


def records_of(path: str) -> Iterator[RawRecord]:
    """The records of a file of this machine; where it cannot be read on, a last one says `unreadable`."""
    position = 0
    try:
        with open(path, "rb") as content:
            for raw in open_file(content, path).records:
                yield raw
                position = raw.position + 1
    except OSError:
        yield RawRecord(position, b"", "unreadable")


def split_files(
    files: Mapping[str, tuple[str, FileOptions]], parse: OnBatches = iter, read: ReadFile = records_of
) -> OnBatches:
    """Build the `mapInArrow` function from rows of (file) to rows of `RECORD`.

    For what Spark cannot split: JSON arrays, CSV, packed files. They are read as a stream.

    Args:
        files: by what each is called in `file`: where it is on this machine, and how it is read.
        parse: what becomes of the records where they are read, so that they go to Python once.
        read: opens a file of this machine and gives its records.
    """

    def split(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            for file in batch.column("file").to_pylist():
                path, options = files[file]
                yield from parse(_record_rows(read(path), file, options))

    return split


def split_contents(options: Mapping[str, FileOptions], parse: OnBatches = iter) -> OnBatches:
    """Build the same for rows of (file, content); one file is in memory at a time, as bytes."""

    def split(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            for file, content in zip(batch.column("file").to_pylist(), batch.column("content"), strict=True):
                records = read_whole_file(memoryview(content.as_buffer()), file)
                yield from parse(_record_rows(records, file, options[file]))

    return split


def split_lines(options: Mapping[str, FileOptions], parse: OnBatches = iter) -> OnBatches:
    """Build the function from rows of `udfs.numbered_lines` to those of `RECORD`, or what `parse` makes of them.

    Instead of `position` they have `block` and `ordinal`, which with `file` come first. Of a file with a limit come at
    least as many lines as that.
    """

    def split(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            paths = [unquote(file) for file in batch.column("file").to_pylist()]  # Spark encodes them
            lines = _within_limits(batch.append_column("path", pa.array(paths, pa.string())), options)
            given = [options[path].source for path in lines.column("path").to_pylist()]
            columns = (lines.column(name) for name in ("path", "ordinal", "record", "reason"))
            records = pa.record_batch([pa.array(given, pa.string()), *columns], schema=_RECORD_SCHEMA)
            for found in parse(iter([records] if given else [])):
                others = [name for name in found.schema.names if name not in ("file", "position")]
                places = [lines.column(name) for name in _LINE_PLACE]
                yield pa.record_batch([*places, *map(found.column, others)], names=[*_LINE_PLACE, *others])

    return split


def _within_limits(lines: pa.RecordBatch, options: Mapping[str, FileOptions]) -> pa.RecordBatch:
    if all(given.limit is None for given in options.values()):
        return lines
    limits = [options[path].limit for path in lines.column("path").to_pylist()]
    return lines.filter(pc.fill_null(pc.less(lines.column("ordinal"), pa.array(limits, pa.int64())), True))


def _record_rows(records: Iterator[RawRecord], file: str, options: FileOptions) -> ArrowBatches:
    first = takewhile(lambda raw: options.limit is None or raw.position < options.limit, records)
    return _batches(((options.source, file, raw.position, raw.record, raw.reason) for raw in first), _RECORD_SCHEMA)


def parse_records(options: Mapping[str, FileOptions], rules: CategoryRules) -> OnBatches:
    """Build the `mapInArrow` function from rows of `RECORD` to rows of `RAW_RECORDS`."""

    def parse(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            rows = batch.to_pylist()
            parsed = [
                Parsed(reason=row["reason"])
                if row["reason"]
                else parse_record(row["record"], options[row["file"]].parse)
                for row in rows
            ]
            yield _raw_batch(rows, parsed, options, rules)

    return parse


def with_tree(batches: ArrowBatches) -> ArrowBatches:
    """Rows of `RECORD` with `tree`, the key that joins the messages of a conversation; for `mapInArrow`."""
    for batch in batches:
        keys = [tree_key(record) or "" for record in batch.column("record").to_pylist()]
        yield batch.append_column("tree", pa.array(keys, pa.string()))


def parse_trees(options: Mapping[str, FileOptions], rules: CategoryRules) -> OnBatches:
    """The same as `parse_records` for message rows sorted by `tree`, whose drafts need the whole tree."""

    def parse(batches: ArrowBatches) -> ArrowBatches:
        for batch in whole_groups(batches, "tree", _BATCH_ROWS):
            trees: dict[tuple[str, str], list[dict[str, Any]]] = {}
            for row in batch.to_pylist():
                trees.setdefault((row["file"], row["tree"]), []).append(row)
            for (file, tree), rows in trees.items():
                yield _raw_batch(rows, _parse_messages(rows, tree, options[file].parse), options, rules)

    return parse


def _parse_messages(rows: list[dict[str, Any]], tree: str, options: ParseOptions) -> Sequence[Parsed]:
    if tree:
        return parse_tree([row["record"] for row in rows], options)
    return [parse_record(row["record"], options) for row in rows]


def _raw_batch(
    rows: Sequence[Mapping[str, Any]],
    parsed: Sequence[Parsed],
    options: Mapping[str, FileOptions],
    rules: CategoryRules,
) -> pa.RecordBatch:
    raw = [
        {
            **{name: row[name] for name in RECORD.fieldNames()},
            "reason": result.reason,
            "outcome": "refused" if result.reason else "used" if result.drafts else "absorbed",
            "drafts": [_draft_row(draft, options[row["file"]], rules) for draft in result.drafts],
        }
        for row, result in zip(rows, parsed, strict=True)
    ]
    return pa.RecordBatch.from_pylist(raw, schema=_RAW_SCHEMA)


def _draft_row(draft: Draft, options: FileOptions, rules: CategoryRules) -> dict[str, Any]:
    """A draft with clean text, an id, a category and a language: a row of `DRAFT`."""
    repaired = repair_literal_escapes(draft.instruction) if options.repair_escapes else None
    instruction = strip_no_input(clean_text(repaired or draft.instruction))
    response = _clean_response(draft.response, options)
    system = clean_text(draft.system) if draft.system else None
    history = tuple(Turn(turn.role, clean_text(turn.content)) for turn in draft.history)
    category = (
        options.category
        or mapped_category(draft.category, options.categories)
        or mapped_category(draft.category, rules.source_categories)
    )
    return {
        "example_id": example_id(options.source, system, history, instruction, response),
        "turn": draft.turn,
        "system": system,
        "history": [turn._asdict() for turn in history],
        "instruction": instruction,
        "reference_response": response,
        "category": category or categorise(instruction, response, rules),
        "language": options.language or draft.language or detect_language(f"{instruction}\n{response or ''}"),
        "human_quality": draft.human_quality,
        "prompt_marks": [*draft.prompt_marks, *(["literal_escapes"] if repaired else [])],
        "response_marks": list(draft.response_marks),
    }


def _clean_response(response: str | None, options: FileOptions) -> str | None:
    if response is None or not response.strip():
        return None
    repaired = repair_literal_escapes(response) if options.repair_escapes else None
    return clean_text(repaired or response)


def _batches(rows: Iterator[tuple[Any, ...]], schema: pa.Schema) -> ArrowBatches:
    pending: list[tuple[Any, ...]] = []
    for row in rows:
        pending.append(row)
        if len(pending) == _BATCH_ROWS:
            yield batch_of(pending, schema)
            pending = []
    if pending:
        yield batch_of(pending, schema)
