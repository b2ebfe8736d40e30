"""The files of a package: what its manifest says of them, and the records that are in them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from pydantic import BaseModel, Field, StringConstraints

from jobs.verify.lines import LineNames, MalformedLineError, parse_object, read_lines
from jobs.verify.thresholds import (
    DamagedManifestError,
    FileFacts,
    Jaccard,
    Manifest,
    ManifestError,
    load_manifest,
    sha256_of,
)
from schemas.errors import ConfigError, DataRefusedError

MANIFEST = "manifest.json"
ALWAYS = ("README.md", "provenance.parquet")
"""Files without which a package does not say what it is and where it is from."""
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(\w+)")
_BATCH_ROWS = 1_000
_GIVE = "give a JSONL, or a folder of `phase0 package`"
# A name stays inside the folder whoever wrote the manifest.
_PART = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
_PathName = Annotated[str, StringConstraints(pattern=rf"^(?:{_PART}/)?{_PART}$")]


class ShardFacts(FileFacts):
    """What the manifest says of one file; the last three only of data files."""

    config: Literal["default", "messages"] | None = None
    split: Literal["train", "validation"] | None = None
    format: Literal["jsonl", "parquet"] | None = None


class SplitFacts(BaseModel):
    """How the split was made; null where there is none."""

    jaccard: Jaccard | None = Field(None, ge=0.5, le=1.0)


class PackageManifest(Manifest):
    """The part of the manifest of a package that verification reads."""

    kind: Literal["phase0 package"]
    files: Mapping[_PathName, ShardFacts]
    split: SplitFacts = SplitFacts()
    splits: Mapping[str, Mapping[str, int]] | None = None
    """Configuration -> split -> rows; null in older ones."""

    def formats(self, config: str) -> list[str]:
        """Formats that a configuration is in; each has all its rows."""
        return sorted({facts.format for facts in self.files.values() if facts.config == config and facts.format})

    def shards(self, config: str, kind: str) -> list[tuple[str, ShardFacts]]:
        """Files of a configuration in a format, by split and number."""
        return sorted(
            (name, facts) for name, facts in self.files.items() if (facts.config, facts.format) == (config, kind)
        )


def read_package(folder: Path) -> PackageManifest:
    """Read the manifest of a package.

    Raises:
        ConfigError: the folder is no package.
        DataRefusedError: it was one, and its manifest is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigError(f"{folder} is no package: there is no {MANIFEST} in it; {_GIVE}")
    try:
        return load_manifest(path, PackageManifest)
    except DamagedManifestError as error:
        raise DataRefusedError(f"{path} {error}; write the package again, or fetch it again") from None
    except ManifestError as error:
        raise ConfigError(f"{path} is not the manifest of a package: {error}; {_GIVE}") from None


def file_faults(folder: Path, manifest: PackageManifest) -> Iterator[str]:
    """Files that are missing, changed or not in the manifest."""
    for name in ALWAYS:
        if name not in manifest.files:
            yield f"{name} is not in the manifest"
    yield from _gaps(manifest)
    for name, facts in sorted(manifest.files.items()):
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif facts.sha256 is None:
            yield f"{name} has no sha256 in the manifest"
        elif sha256_of(path) != facts.sha256.lower():
            yield f"{name} is not the file of the manifest: its sha256 differs"
        elif facts.bytes is not None and path.stat().st_size != facts.bytes:
            yield f"{name} has {path.stat().st_size:,} bytes, not {facts.bytes:,}"
    for name in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()):
        # What a hub or git keeps beside is hidden: .gitattributes, .git, .cache. Among the data nothing hides.
        is_foreign = name.startswith(".")
        if name not in manifest.files and name != MANIFEST and not is_foreign:
            yield f"{name} is not in the manifest"


def _gaps(manifest: PackageManifest) -> Iterator[str]:
    """Shards that the names of the others speak of: `train-00000-of-00003` says that there are three."""
    numbers: dict[tuple[str, int, str], set[int]] = {}
    for name, facts in manifest.files.items():
        if facts.config is not None and (match := _SHARD.fullmatch(name)):
            stem, number, count, ending = match.groups()
            numbers.setdefault((stem, int(count), ending), set()).add(int(number))
    for (stem, count, ending), found in sorted(numbers.items()):
        if gap := sorted(set(range(count)) ^ found):
            yield f"{stem}-{gap[0]:05d}-of-{count:05d}.{ending} is {'one too many' if gap[0] in found else 'left out'}"


def read_records(path: Path) -> Iterator[dict[str, Any] | MalformedLineError]:
    """The records of a JSONL or Parquet file; where one cannot be read, why.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    if path.suffix == ".parquet":
        yield from _parquet_records(path)
        return
    for line in read_lines(path):
        try:
            yield parse_object(line)
        except MalformedLineError as error:
            yield error


def _parquet_records(path: Path) -> Iterator[dict[str, Any] | MalformedLineError]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                yield from batch.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        yield MalformedLineError(f"not Parquet with text in UTF-8: {error}")
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{path}: cannot be read ({reason}); check the path and its rights") from None


Step = Callable[[str], None]


LineOrFault = dict[str, Any] | MalformedLineError


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
        self.place = LineNames()
        self.counts: dict[str, dict[str, int]] = {}
        """Configuration -> split -> rows."""
        self.faults: list[str] = []
        """Files whose rows are not those of the manifest or of the other format."""

    def read(self, config: str) -> Iterator[tuple[int, str, LineOrFault]]:
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

    def _records(self, name: str, facts: ShardFacts) -> Iterator[LineOrFault]:
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


def _add(digests: dict[str, xxhash.xxh3_128], split: str, record: LineOrFault) -> None:
    text = str(record) if isinstance(record, MalformedLineError) else json.dumps(record, sort_keys=True, default=str)
    digests.setdefault(split, xxhash.xxh3_128()).update(text.encode() + b"\n")
