"""The data files of a package: numbered shards of JSONL and Parquet whose bytes depend on the rows alone.

Shards of both formats are cut at the same rows. A Parquet file has row groups of a fixed number of rows, whatever the
batches that the rows arrive in, and fixed writer settings.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

Record = Mapping[str, Any]

_LABELS = [("source", pa.string()), ("quality_score", pa.float64()), ("category", pa.string())]
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
SCHEMAS = {
    "default": pa.schema([("instruction", pa.string()), ("response", pa.string()), *_LABELS]),
    "messages": pa.schema([("messages", pa.list_(_MESSAGE)), *_LABELS]),
}
"""Columns of each configuration, in the order of the keys of a line."""
FOLDERS = {"default": "data", "messages": "messages"}
"""Where the files of each configuration are."""

# A row group is complete with so many rows or so many bytes of JSON, which bounds what is held in memory.
_GROUP_ROWS, _GROUP_BYTES = 10_000, 64 * 2**20


class _Writer(Protocol):
    def __init__(self, path: Path, schema: pa.Schema) -> None: ...
    def write(self, record: Record, line: bytes) -> None: ...
    def close(self) -> None: ...


class JsonLines:
    """One object a line."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file: IO[bytes] = path.open("wb")

    def write(self, record: Record, line: bytes) -> None:
        """Add a record, given as its line."""
        self._file.write(line)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class ParquetRows:
    """A Parquet file with row groups of a fixed size."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(
            path, schema, version="2.6", data_page_version="1.0", compression="zstd", compression_level=3
        )
        self._schema = schema
        self._group: list[Record] = []
        self._bytes = 0

    def write(self, record: Record, line: bytes = b"") -> None:
        """Add a record; its line says how large it is."""
        self._group.append(record)
        self._bytes += len(line)
        if len(self._group) == _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Finish the file."""
        if self._group:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._group, self._schema), row_group_size=len(self._group))
        self._group, self._bytes = [], 0


WRITERS: Mapping[str, type[_Writer]] = {"jsonl": JsonLines, "parquet": ParquetRows}


@dataclass
class Shards:
    """The files of one split of one configuration."""

    folder: Path
    config: str
    split: str
    formats: Sequence[str]
    files: int | None
    """How many of them; null: as many as `max_bytes` asks for."""
    expected_rows: int
    """Rows that will be written, so that `files` of equal length can be made of them."""
    max_bytes: int
    """Of JSON in one file, unless a single row is larger."""
    rows: int = 0
    _shards: list[int] = field(default_factory=list)  # rows of each
    _writers: list[_Writer] = field(default_factory=list)
    _bytes: int = 0

    def write(self, record: Record) -> None:
        """Add a record."""
        line = json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n"
        if self._is_complete(len(line)):
            self._close_shard()
        if not self._writers:
            self._open_shard()
        for writer in self._writers:
            writer.write(record, line)
        self.rows += 1
        self._shards[-1] += 1
        self._bytes += len(line)

    def close(self) -> dict[str, dict[str, Any]]:
        """Finish the files and give them their names.

        Returns:
            Path in the package -> config, split, format and rows of the file.
        """
        self._close_shard()
        facts = {}
        for number, rows in enumerate(self._shards):
            for kind in self.formats:
                path = f"{FOLDERS[self.config]}/{self.split}-{number:05d}-of-{len(self._shards):05d}.{kind}"
                self._path(number, kind).rename(self.folder / path)
                facts[path] = {"config": self.config, "split": self.split, "format": kind, "rows": rows}
        return facts

    def _is_complete(self, more: int) -> bool:
        if not self._writers:
            return False
        if self.files is None:
            return self._bytes + more > self.max_bytes
        files = min(self.files, self.expected_rows)
        return self.rows * files // self.expected_rows == len(self._shards)

    def _open_shard(self) -> None:
        self._shards.append(0)
        for kind in self.formats:
            path = self._path(len(self._shards) - 1, kind)
            path.parent.mkdir(exist_ok=True)
            self._writers.append(WRITERS[kind](path, SCHEMAS[self.config]))

    def _close_shard(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers, self._bytes = [], 0

    def _path(self, number: int, kind: str) -> Path:
        # How many there will be is in the final name, and not known before the end.
        return self.folder / FOLDERS[self.config] / f"{self.split}-{number:05d}.{kind}"
