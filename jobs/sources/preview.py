"""`phase0 init FILE…`: how would these files be read? Shown on their first records, written as a configuration.

Plain Python on the head of each file: an answer in a second, before anybody waits for Spark.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs.config.starter import StarterSource, starter_config
from jobs.rendering.terminal import say
from jobs.workspace import files as small_files
from schemas.errors import ConfigError, SourceFormatError
from udfs.containers import Container, detect_container, gunzip
from udfs.formats.detect import detect_format
from udfs.formats.draft import Draft, Parsed
from udfs.formats.fields import Refusal
from udfs.formats.json_object import load_object
from udfs.formats.parse import ParseOptions, parse_record, parse_tree, tree_key
from udfs.printable import printable_excerpt
from udfs.records import RawRecord, read_whole_file

HEAD_RECORDS = 200
SHOWN_RECORDS = 3
EXCERPT_CHARS = 400
_HEAD_BYTES = (1 << 20, 64 << 20)
"""How much of a file is read, and how much more where that is too little for a single record."""
_OTHER_KINDS = ("html", "binary", "single_object")
_DETECT_RECORDS = 20
_KEYS_SHOWN = 12


@dataclass(frozen=True)
class Preview:
    """What the head of a file was read as."""

    source: StarterSource
    container: Container
    records: tuple[RawRecord, ...]
    parsed: tuple[Parsed, ...]
    """One for each record; empty where the format is not recognised."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Records refused by reason, the most frequent first."""
        counts = Counter(one.reason for one in self.parsed if one.reason)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def preview_files(files: Sequence[Path], output: Path, console: Console, *, force: bool) -> None:
    """Show how files would be read and write a configuration that reads them.

    Args:
        files: data files on this machine; one named twice counts once.
        output: the configuration to write.
        console: where the preview is shown; all text of the files is made harmless to a terminal.
        force: replace `output` if it is there.

    Raises:
        ConfigError: a file is missing or a folder, or `output` is there already.
        SourceFormatError: a file holds no JSON objects, CSV or Parquet rows at all.
    """
    if output.exists() and not force:
        raise ConfigError(f"{output} is there already; --force replaces it, --output NAME writes another")
    distinct = list({path.resolve(): path for path in files}.values())
    _require_files(distinct)
    previews = [preview_file(path) for path in distinct]
    for preview in previews:
        _print_preview(console, preview)
    small_files.write_text(str(output), starter_config([preview.source for preview in previews], output.parent))
    say(console, f"{output} written. Fill in the licences there, then type:")
    say(console, f"  phase0 run --config {shlex.quote(str(output))} --limit {HEAD_RECORDS}", "bold")


def _require_files(paths: Sequence[Path]) -> None:
    faults = [f"{path}: no such file" for path in paths if not path.exists()]
    faults += [f"{path} is a folder; name its files: {path}/*" for path in paths if path.is_dir()]
    if faults:
        raise ConfigError("; ".join(faults))


def preview_file(path: Path) -> Preview:
    """Detect container, format and columns of a file and read its first records.

    Raises:
        SourceFormatError: no record can be read at all; says what there is instead.
    """
    container, records = read_head(path)
    sound = [raw.record for raw in records if raw.reason is None]
    columns = _columns(sound)
    try:
        detection = detect_format(sound[:_DETECT_RECORDS])
    except SourceFormatError as error:
        if not columns:
            reasons = ", ".join(sorted({raw.reason for raw in records if raw.reason}))
            raise SourceFormatError(f"{path} ({container}): {reasons or error}") from None
        return Preview(StarterSource(path, "auto", str(error), columns=columns), container, records, ())
    source = StarterSource(path, detection.format, detection.why, detection.fields)
    parsed = _parse(records, ParseOptions(format=detection.format, fields=detection.fields))
    return Preview(source, container, records, parsed)


def read_head(path: Path) -> tuple[Container, tuple[RawRecord, ...]]:
    """Container of a file and its first records."""
    with path.open("rb") as handle:
        head = handle.read(4096)
    container = detect_container(head, path.name)
    if container == "parquet":
        return container, tuple(_table_rows(path))
    size = path.stat().st_size
    records: tuple[RawRecord, ...] = ()
    for limit in _HEAD_BYTES:
        with path.open("rb") as handle:
            content = handle.read(limit)
        whole = list(islice(read_whole_file(content, path.name), HEAD_RECORDS + 1))
        # Where the file goes on behind the head, its last record was cut by us.
        is_cut = size > limit and container not in _OTHER_KINDS
        records = tuple(whole[: min(HEAD_RECORDS, len(whole) - is_cut)])
        if records or size <= limit:
            break
    if container == "gzip":
        container = detect_container(gunzip(content).head(), path.name)
    return container, records


def _table_rows(path: Path) -> Iterator[RawRecord]:
    try:
        with pq.ParquetFile(path) as table:
            batch = next(table.iter_batches(batch_size=HEAD_RECORDS), None)
            rows = batch.to_pylist() if batch is not None else []
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceFormatError(f"{path} is a damaged Parquet file: {error}") from None
    for position, row in enumerate(rows):
        yield RawRecord(position, json.dumps(row, ensure_ascii=True, default=str).encode(), None)


def _columns(records: Sequence[bytes]) -> tuple[str, ...]:
    columns: dict[str, None] = {}
    for record in records:
        try:
            columns |= dict.fromkeys(load_object(record))
        except Refusal:
            continue
    return tuple(columns)


def _parse(records: Sequence[RawRecord], options: ParseOptions) -> tuple[Parsed, ...]:
    """Read the records; messages of OpenAssistant together with the others of their tree."""
    parsed = [Parsed(reason=raw.reason) if raw.reason else parse_record(raw.record, options) for raw in records]
    if options.format == "openassistant":
        trees: dict[str, list[int]] = {}
        for place, raw in enumerate(records):
            if raw.reason is None and (tree := tree_key(raw.record)):
                trees.setdefault(tree, []).append(place)
        for places in trees.values():
            joined = parse_tree([records[place].record for place in places], options)
            for place, one in zip(places, joined, strict=True):
                parsed[place] = one
    return tuple(parsed)


def _print_preview(console: Console, preview: Preview) -> None:
    source = preview.source
    say(console, f"{source.path}: {preview.container}, format {source.format}", "bold")
    say(console, source.why)
    if not preview.parsed:
        say(console, f"Columns: {', '.join(source.columns)}")
        say(console, "Map them in the configuration with `format: table` and `fields:`", "yellow")
        return
    used = [place for place, one in enumerate(preview.parsed) if one.drafts]
    table = Table("as it is in the file", "as it is read", show_lines=True, expand=True)
    for place in used[:SHOWN_RECORDS]:
        table.add_row(_original(preview.records[place].record), _converted(preview.parsed[place].drafts))
    console.print(table)
    absorbed = sum(not one.drafts and one.reason is None for one in preview.parsed)
    parts = [f"{len(used)} used", *([f"{absorbed} part of another record's example"] if absorbed else [])]
    parts += [f"{count} refused: {reason}" for reason, count in preview.refused.items()]
    say(console, f"of the first {len(preview.parsed)} records {', '.join(parts)}\n")


def _original(record: bytes) -> Text:
    row = load_object(record)
    values = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in row.items()]
    left_out = len(values) - _KEYS_SHOWN
    return _fields([*values[:_KEYS_SHOWN], *([("…", f"{left_out} more keys")] if left_out > 0 else [])])


def _converted(drafts: Sequence[Draft]) -> Text:
    draft = drafts[0]
    values: list[tuple[str, Any]] = [
        ("system", draft.system),
        ("history", f"{len(draft.history)} earlier messages" if draft.history else None),
        ("instruction", draft.instruction),
        ("response", draft.response or "none: the prompt stays for the teachers"),
        ("category", draft.category),
        ("marked", ", ".join((*draft.prompt_marks, *draft.response_marks))),
        ("…", f"and {len(drafts) - 1} more exchanges" if len(drafts) > 1 else None),
    ]
    return _fields([(name, value) for name, value in values if value])


def _fields(values: Sequence[tuple[str, str]]) -> Text:
    text = Text()
    for name, value in values:
        text.append(f"{_harmless(name)}: ", style="bold").append(f"{_harmless(value)}\n")
    text.rstrip()
    return text


def _harmless(text: str) -> str:
    """The beginning of an untrusted text without control characters, which could rewrite a terminal."""
    return printable_excerpt(text, EXCERPT_CHARS)
