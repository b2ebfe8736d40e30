"""The rows of a package, streamed once: into its shards, their provenance and the counts for its card."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.config.settings import PackageConfig
from jobs.publish.shards import ParquetRows, Shards
from jobs.verify.thresholds import sha256_of
from schemas.records import PROVENANCE_FILE
from udfs.export_lines import export_record, messages_record

_PROVENANCE_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("row", pa.int64()),  # of the split, counted from 1 over its files; null: not among the bare rows
        ("messages_row", pa.int64()),  # the same for the chat messages
        *((name, pa.string()) for name in ("example_id", "pair_id", "source", "origin", "licence", "language")),
        *((name, pa.string()) for name in ("category", "teacher", "scorer")),
        ("quality_tenths", pa.int32()),
    ]
)
COUNTED = ("category", "source", "origin", "licence", "language")
_MB = 1_000_000

Expected = Mapping[tuple[str, str], int]
"""Configuration and split -> rows; what is not there is not written."""


@dataclass
class Content:
    """What was written."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Path in the package -> sha256, bytes, rows, and of data files config, split and format."""
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})


def write_content(
    rows: Iterable[Mapping[str, Any]], folder: Path, config: PackageConfig, expected: Expected
) -> Content:
    """Write shards and provenance.

    Args:
        rows: of `DATASET` with `split` and `is_bare`, sorted.
        folder: of the package.
        config: formats and sizes.
        expected: how many rows there will be.
    """
    shards = {
        key: Shards(
            folder=folder,
            config=key[0],
            split=key[1],
            formats=config.formats,
            files=_files_of(key, config.shards, expected),
            expected_rows=rows,
            max_bytes=config.max_shard_mb * _MB,
        )
        for key, rows in expected.items()
    }
    content = Content()
    provenance = ParquetRows(folder / PROVENANCE_FILE, _PROVENANCE_SCHEMA)
    written = 0
    for row in rows:
        provenance.write({**row, **_write_row(row, shards)})
        written += 1
        for name, counted in content.counts.items():
            counted[row[name] or "not known"] += 1
    provenance.close()
    content.files[PROVENANCE_FILE] = {"rows": written}
    for of_split in shards.values():
        content.files |= of_split.close()
    for path, facts in content.files.items():
        file = folder / path
        facts |= {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    return content


def _write_row(row: Mapping[str, Any], shards: Mapping[tuple[str, str], Shards]) -> dict[str, int | None]:
    bare = shards.get(("default", row["split"])) if row["is_bare"] else None
    chat = shards.get(("messages", row["split"]))
    if bare:
        bare.write(export_record(row))
    if chat:
        chat.write(messages_record(row))
    return {"row": bare.rows if bare else None, "messages_row": chat.rows if chat else None}


def _files_of(key: tuple[str, str], train_files: int | None, expected: Expected) -> int | None:
    """Files of a split, so that those of validation are no longer than those of train."""
    if train_files is None:
        return None
    of_train = expected.get((key[0], "train"), 0)
    return max(1, -(-expected[key] * train_files // of_train)) if of_train else 1
