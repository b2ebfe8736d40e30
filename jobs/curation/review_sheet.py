"""The sheet a reviewer fills in: rows to read, and two columns to write in. As a CSV it opens in any spreadsheet.

The texts come from strangers. A spreadsheet takes a cell that starts with `=`, `+`, `-` or `@` for a formula, so such
a cell gets an apostrophe in front, which is taken off again on reading (OWASP, "CSV Injection").
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.curation.reviews import ReviewVerdict, sample_pairs
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError

COLUMNS = ("pair_id", "source", "category", "quality_score", "instruction", "response", "verdict", "note")
MAX_CELL_CHARS = 30_000
"""Spreadsheets spill what is longer than 32,767 characters into the next row."""

_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")  # the full-width ones start a formula in some locales
_MOST_CHARS = 100_000
_DELIMITERS = ",;\t"


def draw_sheet(runtime: Runtime, count: int) -> list[dict[str, Any]]:
    """Rows to review with empty `verdict` and `note`; see `jobs.curation.reviews.sample_pairs`."""
    rows = sample_pairs(runtime, count)
    empty = {"verdict": "", "note": ""}
    filled = ({**row, "quality_score": row["quality_tenths"] / 10, **empty} for row in rows)
    return [{name: row[name] for name in COLUMNS} for row in filled]


def sheet_verdicts(rows: Iterable[Mapping[str, Any]], places: Iterable[str]) -> list[ReviewVerdict]:
    """The verdicts in a filled-in sheet; a row with neither verdict nor note was not decided on.

    Args:
        rows: of the sheet, with at least `pair_id`, `verdict` and `note`.
        places: where each row is, for errors.
    """
    cells = (
        (place, *(_text(row.get(name)) for name in ("pair_id", "verdict", "note")))
        for row, place in zip(rows, places, strict=True)
    )
    return [
        ReviewVerdict(pair_id, verdict.lower(), note, place)
        for place, pair_id, verdict, note in cells
        if verdict or note
    ]


def _text(cell: object) -> str:
    # An empty cell of a pandas frame is a float, not a number.
    return cell.strip() if isinstance(cell, str) else ""


def require_new(path: Path, *, force: bool) -> None:
    """Refuse to replace a sheet that somebody may have filled in.

    Raises:
        ConfigError: the file is there already.
    """
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; --force replaces it, --output NAME writes another")


def write_sheet(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a sheet as CSV, with the mark by which spreadsheets know UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([neutralise(_cut(str(row[name]))) for name in COLUMNS] for row in rows)
    with files.open_atomic(str(path)) as handle:
        handle.write(text.getvalue().encode("utf-8-sig"))


def read_sheet(path: Path) -> list[ReviewVerdict]:
    """Read the verdicts of a filled-in CSV, whatever delimiter the spreadsheet saved it with.

    Raises:
        ConfigError: there is no such file, it is no CSV in UTF-8, or it lacks a column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `phase0 review --output {path}` writes one to fill in") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8; save it from the spreadsheet as `CSV UTF-8`") from None
    rows = sheet_rows(text, path, needed=("pair_id", "verdict", "note"))
    return sheet_verdicts(rows, (f"row {number}" for number in range(2, len(rows) + 2)))


def sheet_rows(text: str, path: Path, needed: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a sheet, whatever delimiter the spreadsheet saved it with, cells as they were before `neutralise`.

    Args:
        text: of the file.
        path: of the file, for messages.
        needed: columns that it must have.

    Raises:
        ConfigError: it is no CSV, or it lacks a column.
    """
    delimiter = max(_DELIMITERS, key=text.split("\n", 1)[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    missing = [name for name in needed if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(f"{path}: no column {', '.join(missing)}; its first line should be {','.join(COLUMNS)}")
    try:
        rows = [{name: restore(cell) for name, cell in row.items() if isinstance(cell, str)} for row in reader]
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: {error}") from None
    for number, row in enumerate(rows, 2):
        # The limit of `csv` itself is one for the whole process, and reading sources raises it.
        if any(len(cell) > _MOST_CHARS for cell in row.values()):
            raise ConfigError(f"{path}, row {number}: a cell of more than {_MOST_CHARS:,} characters; is a quote open?")
    return rows


def neutralise(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def restore(cell: str) -> str:
    """The cell that `neutralise` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL_CHARS else f"{text[:MAX_CELL_CHARS]} … ({len(text):,} characters)"
