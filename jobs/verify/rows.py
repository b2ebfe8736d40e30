"""The rows of a package, in the order of its files; a second format is held against the first."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import xxhash

from jobs.verify.lines import MalformedLineError, Places
from jobs.verify.shards import PackageManifest, ShardFacts, read_records

Step = Callable[[str], None]
Record = dict[str, Any] | MalformedLineError

_STEP_ROWS = 50_000


class PackageRows:
    """Reads the files of one configuration after another, and keeps account.

    Args:
        folder: of the package.
        manifest: what it says of itself.
        step: told now and then what is being done.
    """

    def __init__(self, folder: Path, manifest: PackageManifest, step: Step) -> None:
        self._folder, self._manifest, self._step = folder, manifest, step
        self._lines = 0
        self.place = Places()
        self.counts: dict[str, dict[str, int]] = {}
        """Configuration -> split -> rows."""
        self.faults: list[str] = []
        """Files whose rows are not those of the manifest or of the other format."""

    def read(self, config: str) -> Iterator[tuple[int, str, Record]]:
        """Yield (line, counted over all files, split, record or why there is none) of a configuration."""
        first, *others = [self._manifest.shards(config, kind) for kind in self._manifest.formats(config)] or [[]]
        digests: dict[str, xxhash.xxh3_128] = {}
        for name, facts in first:
            self.place.begin(name, self._lines)
            for record in self._records(name, facts):
                self._lines += 1
                split = facts.split or ""
                of_config = self.counts.setdefault(config, {})
                of_config[split] = of_config.get(split, 0) + 1
                if others:
                    _add(digests, split, record)
                yield self._lines, split, record
        for shards in others:
            self._compare(config, shards, digests)

    def _compare(self, config: str, shards: list[tuple[str, ShardFacts]], digests: dict[str, xxhash.xxh3_128]) -> None:
        found: dict[str, xxhash.xxh3_128] = {}
        for name, facts in shards:
            for record in self._records(name, facts):
                _add(found, facts.split or "", record)
        for split in sorted({*digests, *found}):
            one, other = (of_splits.get(split, xxhash.xxh3_128()).digest() for of_splits in (digests, found))
            if one != other:
                self.faults.append(f"{config} {split}: the files of one format hold other rows than those of the other")

    def _records(self, name: str, facts: ShardFacts) -> Iterator[Record]:
        path, rows = self._folder / name, 0
        if not path.is_file():  # which is a fault of its own
            return
        for record in read_records(path):
            rows += 1
            if rows % _STEP_ROWS == 0:
                self._step(f"read {rows:,} rows of {name}")
            yield record
        if facts.rows is not None and rows != facts.rows:
            self.faults.append(f"{name} has {rows:,} rows, not {facts.rows:,}")


def _add(digests: dict[str, xxhash.xxh3_128], split: str, record: Record) -> None:
    text = str(record) if isinstance(record, MalformedLineError) else json.dumps(record, sort_keys=True, default=str)
    digests.setdefault(split, xxhash.xxh3_128()).update(text.encode() + b"\n")
