"""What a line of an instruction data set must be, and in plain words why one is not."""

import gzip
import json
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from schemas.errors import ConfigError
from schemas.records import CATEGORIES, EXPORT_FIELDS, MAX_SCORE, MIN_SCORE

# One line is held in memory at a time; an answer of a model is thousands of times shorter.
MAX_LINE_BYTES = 16 * 2**20
_GZIP_MAGIC = b"\x1f\x8b"
_VALUE_CHARS = 40


class MalformedLineError(ValueError):
    """A line is no row of an instruction data set; the message says why."""


@dataclass(frozen=True, slots=True)
class ValidLine:
    """A valid line; null where an optional field is missing or null."""

    instruction: str
    response: str
    source: str | None
    quality_score: float | None
    category: str | None
    unknown_fields: tuple[str, ...]


class LineNames:
    """What a line is called: by its number in one file, by file and number where lines are counted over several."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._before: list[int] = []

    def begin(self, name: str, lines_before: int) -> None:
        """The lines that follow are those of this file."""
        self._names.append(name)
        self._before.append(lines_before)

    def files(self) -> dict[str, int]:
        """Name of each file -> the number of its first line."""
        return {name: before + 1 for name, before in zip(self._names, self._before, strict=True)}

    def __call__(self, line: int) -> str:
        """Name a line, counted from 1 over all files."""
        if not self._names:
            return f"line {line}"
        file = bisect_left(self._before, line) - 1
        name = self._names[file]
        return f"{name} {'row' if name.endswith('.parquet') else 'line'} {line - self._before[file]}"

    def of_all(self, lines: Sequence[int]) -> str:
        """Name several lines."""
        return ", ".join(map(self, lines)) if self._names else f"lines {', '.join(map(str, lines))}"


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, plain or gzip, without their ends; one past `MAX_LINE_BYTES` comes out cut, but too long.

    Raises:
        ConfigError: there is no such file, it cannot be read, or the gzip is damaged.
    """
    number = 0
    try:
        with _open(path) as handle:
            while line := handle.readline(MAX_LINE_BYTES + 1):
                number += 1
                rest = line
                while not rest.endswith(b"\n") and len(rest) > MAX_LINE_BYTES:
                    rest = handle.readline(MAX_LINE_BYTES + 1)
                yield line.rstrip(b"\r\n") if rest is line else line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path}: the gzip is damaged after line {number:,} ({error}); fetch it again") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from None


def _open(path: Path) -> IO[bytes]:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; give the path of a .jsonl or .jsonl.gz file with --input")
    with path.open("rb") as handle:
        is_gzip = handle.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path, "rb")) if is_gzip else path.open("rb")


def parse_line(line: bytes) -> ValidLine:
    """Read one line, strictly.

    Raises:
        MalformedLineError: it is no row; every fault of its fields is named, or the first fault of its JSON.
    """
    return row_of(parse_object(line))


def row_of(record: dict[str, Any]) -> ValidLine:
    """Read one record, strictly.

    Raises:
        MalformedLineError: it is no row; every fault of its fields is named.
    """
    faults = [*_text_faults(record), *label_faults(record)]
    if faults:
        raise MalformedLineError("; ".join(faults))
    return ValidLine(
        instruction=record["instruction"],
        response=record["response"],
        source=record.get("source"),
        quality_score=record.get("quality_score"),
        category=record.get("category"),
        unknown_fields=tuple(name for name in record if name not in EXPORT_FIELDS),
    )


def _text_faults(record: dict[str, Any]) -> Iterator[str]:
    for name in ("instruction", "response"):
        if name not in record:
            yield f"{name} is missing"
        elif not isinstance(record[name], str):
            yield f"{name} is {json_type_of(record[name])}, not a string"
        elif not record[name].strip():
            yield f"{name} is blank"


def label_faults(record: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the fields that say where a text comes from and what it is worth."""
    source, score, category = (record.get(name) for name in ("source", "quality_score", "category"))
    if source is not None and not isinstance(source, str):
        yield f"source is {json_type_of(source)}, not a string"
    elif source is not None and not source.strip():
        yield "source is blank"
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
        yield f"quality_score is {json_type_of(score)}, not a number"
    elif score is not None and not MIN_SCORE <= score <= MAX_SCORE:
        yield f"quality_score is {_value(score)}, not between {MIN_SCORE} and {MAX_SCORE}"
    if category is not None and category not in CATEGORIES:
        yield f"category is {_value(category)}, not one of {', '.join(CATEGORIES)}"


def parse_object(line: bytes) -> dict[str, Any]:
    """Read the object of a line.

    Raises:
        MalformedLineError: the first fault of its JSON.
    """
    if len(line) > MAX_LINE_BYTES:
        raise MalformedLineError(f"longer than {MAX_LINE_BYTES // 2**20} MiB")
    if line.startswith(b"\xef\xbb\xbf"):
        raise MalformedLineError("begins with a byte order mark; save the file as UTF-8 without one")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedLineError(f"not UTF-8: byte 0x{line[error.start]:02x} at place {error.start + 1}") from None
    if not text.strip():
        raise MalformedLineError("blank line")
    try:
        record = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedLineError(f"not JSON: {error.msg}, at character {error.pos + 1}") from None
    except RecursionError:
        raise MalformedLineError("not JSON: nested too deeply") from None
    except MalformedLineError:
        raise
    except ValueError:  # Python refuses integers past 4,300 digits
        raise MalformedLineError("not JSON: a number with too many digits") from None
    if not isinstance(record, dict):
        raise MalformedLineError(f"{json_type_of(record)}, not an object")
    # Only an escape can bring half a surrogate pair into a string that was read from valid UTF-8.
    if ("\\ud" in text or "\\uD" in text) and not _is_unicode(record):
        raise MalformedLineError("half of a surrogate pair, which no UTF-8 file can hold")
    return record


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise MalformedLineError(f"the key {_value(twice)} occurs twice")
    return record


def _refuse_constant(name: str) -> float:
    raise MalformedLineError(f"not JSON: {name} is no number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)


def _is_unicode(record: dict[str, Any]) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def json_type_of(value: object) -> str:
    """What a value of JSON is, in plain words."""
    # By exact type: to isinstance a boolean is a number.
    kinds: dict[type, str] = {type(None): "null", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def _value(value: object) -> str:
    if not isinstance(value, str | int | float):
        return json_type_of(value)
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _VALUE_CHARS else shown[:_VALUE_CHARS] + "..."
