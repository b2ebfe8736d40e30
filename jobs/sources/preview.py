"""`phase0 init FILE…`: how would these files be read? Shown on their first records, written as a configuration.

Plain Python on the head of each file: an answer in a second, before anybody waits for Spark.
"""

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs.config.paths import literal
from jobs.config.settings import IngestConfig
from jobs.config.starter import StarterSource, starter_config
from jobs.rendering.terminal import figures_table, say
from jobs.sources.inspection import (
    HEAD_RECORDS,
    Head,
    Inspected,
    columns_of,
    encoding_advice_of,
    inspect_file,
    judge,
)
from jobs.sources.listing import FoundFile, list_local, local_path
from jobs.workspace import files as small_files
from schemas.errors import ConfigError, SourceFormatError
from udfs.containers import Container, RawRecord
from udfs.formats.draft import Draft, Parsed
from udfs.formats.json_object import load_object
from udfs.formats.parse import ParseOptions
from udfs.printable import printable_excerpt

SHOWN_RECORDS = 3
EXCERPT_CHARS = 400
_KEYS_SHOWN = 12
_ELSEWHERE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
_HUB = re.compile(r"(?:hf://|https?://(?:huggingface\.co|hf\.co)/)datasets/([^/]+/[^/?#]+)")


@dataclass(frozen=True)
class Preview:
    """What the head of a file was read as."""

    source: StarterSource
    inspected: Inspected

    @property
    def container(self) -> Container:
        """The kind of the file."""
        return self.inspected.head.container

    @property
    def records(self) -> tuple[RawRecord, ...]:
        """Its first records."""
        return self.inspected.head.records

    @property
    def parsed(self) -> tuple[Parsed, ...]:
        """One for each record; empty where the format is not recognised."""
        return self.inspected.parsed

    @property
    def refused(self) -> Mapping[str, int]:
        """Records refused by reason, the most frequent first."""
        return self.inspected.refused


def preview_files(given: Sequence[Path], output: Path, console: Console, *, force: bool) -> None:
    """Show how files would be read and write a configuration that reads them.

    A file of which nothing can be used is left out of the configuration, as a comment that says why.

    Args:
        given: data files, folders and globs of this machine; a file named twice counts once.
        output: the configuration to write.
        console: where the preview is shown; all text of the files is made harmless to a terminal.
        force: replace `output` if it is there.

    Raises:
        ConfigError: a file is missing, or `output` is there already.
        SourceFormatError: nothing in any of the files can be used. A configuration is written only if there are columns
            that the user can choose from.
    """
    if output.exists() and not force:
        raise ConfigError(f"{output} is there already; --force replaces it, --output NAME writes another")
    found, passed_over = _list(given)
    previews = [preview_file(file) for file in found]
    usable = [preview for preview in previews if not preview.source.fault]
    for note in passed_over:
        say(console, f"passed over {note}", "yellow")
    if len(usable) == 1 and len(previews) == 1:
        _print_preview(console, usable[0])
    elif usable:
        _print_summary(console, usable)
    for preview in previews:
        if preview.source.fault and usable:
            say(console, f"left out {preview.source.path}: {preview.source.fault}", "yellow")
    text = starter_config([preview.source for preview in previews], output.parent)
    if not usable:
        _refuse(previews, passed_over, output, text)
    small_files.write_text(str(output), text)
    say(console, f"{output} written. Fill in the licences there, then type:")
    say(console, f"  phase0 run --config {shlex.quote(str(output))} --limit {HEAD_RECORDS}", "bold")


def _refuse(previews: Sequence[Preview], passed_over: Sequence[str], output: Path, text: str) -> None:
    faults = [f"  {preview.source.path}: {preview.source.fault}" for preview in previews]
    if not faults:
        faults = [f"  {note}" for note in passed_over]
    what = "nothing in it can be used" if len(faults) == 1 else "nothing in these files can be used"
    if any(preview.source.columns for preview in previews):
        small_files.write_text(str(output), text)
        faults.append(f"{output} has them with their columns, as comments: name those that hold the texts there")
    raise SourceFormatError("\n".join([f"{what}, so there is nothing to run", *faults]))


def _list(given: Sequence[Path]) -> tuple[list[FoundFile], list[str]]:
    """The files that are meant, in the order given, and what is passed over.

    Raises:
        ConfigError: names all that is not there.
    """
    found: dict[str, FoundFile] = {}
    passed: dict[str, None] = {}
    missing = []
    for one in given:
        elsewhere = _ELSEWHERE.match(str(one))
        if elsewhere and not os.path.lexists(one):
            missing.append(_not_of_this_machine(elsewhere.group(1), elsewhere.group(2)))
            continue
        path = os.path.abspath(os.path.expanduser(one))
        listing = list_local([literal(path) if os.path.lexists(path) else path])
        if listing is None or not (listing.files or listing.passed_over):
            missing.append(f"{one}: {'an empty folder' if os.path.isdir(path) else 'no such file'}")
            continue
        passed |= dict.fromkeys(listing.passed_over)
        for file in listing.files:
            found.setdefault(os.path.realpath(local_path(file.path) or file.path), file)
    if missing:
        raise ConfigError("; ".join(missing))
    return list(found.values()), list(passed)


def _not_of_this_machine(scheme: str, rest: str) -> str:
    """What to do about an address, of which a path has lost a slash."""
    address = f"{scheme}://{rest}"
    if scheme == "file":
        return f"{address}: write it as a path, /{rest}"
    if hub := _HUB.match(address):
        advice = f"write hub: {hub.group(1)} for a source, then type phase0 fetch"
    elif scheme in ("http", "https"):
        advice = f"write url: {address} for a source, then type phase0 fetch"
    else:
        advice = f"write path: {address} for a source, which Spark reads"
    return f"{address}: phase0 init looks at files of this machine; {advice}"


def preview_file(file: FoundFile) -> Preview:
    """Detect container, format and columns of a file and read its first records."""
    path = Path(local_path(file.path) or file.path)
    given = ParseOptions(format="jsonl", max_chars=IngestConfig().max_chars)
    try:
        inspected = inspect_file(file, given, is_auto=True)
    except OSError as error:
        inspected = judge(file, Head("empty", (), fault=f"cannot be opened: {error.strerror}"), given, is_auto=True)
    parse = inspected.parse
    columns = columns_of(inspected.head) if inspected.fault and not inspected.parsed else ()
    source = StarterSource(path, parse.format, inspected.why, parse.fields, columns=columns, fault=inspected.fault)
    return Preview(source, inspected)


def _print_summary(console: Console, previews: Sequence[Preview]) -> None:
    """A line for each file; how its records are read is shown for a single file."""
    table = figures_table("", "file", "read as", "refused, of the first records", "records", "used", texts=3)
    for preview in previews:
        head = preview.inspected.head
        used = sum(bool(one.drafts) for one in preview.parsed)
        kind = f"{_kind(head)}, {preview.source.format}"
        refused = ", ".join(f"{count} {reason}" for reason, count in preview.refused.items())
        count = f"{len(preview.parsed):,}{'' if head.is_all else '+'}"
        table.add_row(*(_harmless(text) for text in (preview.source.path.name, kind, refused)), count, f"{used:,}")
    console.print(table)
    say(console, "With one file, phase0 init shows how its records are read.\n")


def _kind(head: Head) -> str:
    packed = [head.packing] if head.packing else []
    encoded = [head.encoding] if head.encoding != "utf-8" else []
    return " ".join([head.container, *packed, *encoded])


def _print_preview(console: Console, preview: Preview) -> None:
    source = preview.source
    say(console, f"{source.path}: {_kind(preview.inspected.head)}, format {source.format}", "bold")
    say(console, source.why)
    used = [place for place, one in enumerate(preview.parsed) if one.drafts]
    table = Table("as it is in the file", "as it is read", show_lines=True, expand=True)
    for place in used[:SHOWN_RECORDS]:
        table.add_row(_original(preview.records[place].record), _converted(preview.parsed[place].drafts))
    console.print(table)
    absorbed = sum(not one.drafts and one.reason is None for one in preview.parsed)
    parts = [f"{len(used)} used", *([f"{absorbed} part of another record's example"] if absorbed else [])]
    parts += [f"{count} refused: {reason}" for reason, count in preview.refused.items()]
    say(console, f"of the first {len(preview.parsed)} records {', '.join(parts)}\n")
    if preview.refused.get("not_utf8"):
        say(console, encoding_advice_of(preview.inspected.head), "yellow")


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
