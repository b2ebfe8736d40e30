"""The benchmarks of a configuration: their files found, hashed, and read as items."""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jobs.config.decontaminate import BenchmarkConfig
from jobs.config.settings import Settings, SourceConfig, source_of
from jobs.sources.lockfile import LockedSource, SourcesLock, downloaded_paths, not_here, read_lock
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import BENCHMARKS, CONTAMINATION
from udfs.benchmark_items import ItemText, read_items

_FOUND = """
select benchmark,
    count(distinct case when effect = 'exclude' then item end) as items_found,
    count(distinct case when effect = 'exclude' then example_id end) as rows_marked,
    count(distinct case when effect = 'note' then example_id end) as rows_noted
from {contamination} group by benchmark
"""
NOTHING_LOOKED_FOR = (
    "no benchmark is here, so none was looked for: `phase0 fetch --benchmarks` brings those of conf/benchmarks.yaml"
)


@dataclass(frozen=True)
class BenchmarkFile:
    """One file of a benchmark as it is here."""

    benchmark: BenchmarkConfig
    name: str
    """Its name, or its path in the repository of the hub; nothing of this machine."""
    origin: str | None
    """Hub and commit, or the address; null where the configuration names it by path."""
    content: bytes
    is_one_of_many: bool
    """The benchmark has other files too, whose items may have the same numbers."""

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.content).hexdigest()

    def items(self) -> list[ItemText]:
        """Its items; see `read_items`. Those of one file among many are named after the file too."""
        items = read_items(self.content, self.name, self.benchmark.name, self.benchmark.fields)
        return [one._replace(item=f"{self.name}#{one.item}") for one in items] if self.is_one_of_many else items


def searched_benchmarks(runtime: Runtime) -> list[dict[str, Any]]:
    """What was looked for and what was found, in the order of the names; for the manifest, the card and the reports.

    Returns:
        For each benchmark name, origin (null: named by path), licence, items, files (name, sha256, bytes), and what
        was found: `items_found` of those, `rows_marked` examples left out, `rows_noted` only.
    """
    found = {row["benchmark"]: row for row in runtime.query(_FOUND, (CONTAMINATION,))}
    searched: dict[str, dict[str, Any]] = {}
    for row in runtime.query("select * from {benchmarks} order by benchmark, file", (BENCHMARKS,)):
        name = row["benchmark"]
        counts = found.get(name, {})
        first = {"benchmark": name, "origin": row["origin"], "licence": row["licence"], "items": 0, "files": []}
        zero = {column: counts.get(column, 0) for column in ("items_found", "rows_marked", "rows_noted")}
        of_it = searched.setdefault(name, {**first, **zero})
        of_it["items"] += row["items"]
        of_it["files"].append({"name": row["file"], "sha256": row["sha256"], "bytes": row["bytes"]})
    return list(searched.values())


def benchmark_line(searched: Sequence[Mapping[str, Any]]) -> str:
    """The same in a sentence."""
    if not searched:
        return NOTHING_LOOKED_FOR
    found = [f"{one['benchmark']} {one['items_found']:,} of {one['items']:,}" for one in searched]
    return f"items of benchmarks found: {', '.join(found)}"


def absent_benchmarks(settings: Settings, found: Iterable[BenchmarkFile]) -> list[str]:
    """Names of those that are chosen, or were fetched once, and are not among what was found."""
    here = {file.benchmark.name for file in found}
    fetched = read_lock(settings.workspace).sources
    return [
        one.name
        for one in settings.decontaminate.wanted
        if one.name not in here and (settings.decontaminate.benchmarks is not None or source_of(one).name in fetched)
    ]


def benchmark_files(settings: Settings) -> Iterator[BenchmarkFile]:
    """The files of all benchmarks at hand, those that are optional and not here left out.

    Raises:
        ConfigError: one that is not optional cannot be had; names all of them and what to type.
    """
    lock = read_lock(settings.workspace)
    found = [(one, _files_of(settings, one, source_of(one), lock)) for one in settings.decontaminate.wanted]
    absent = [source_of(one) for one, of_it in found if not of_it and not one.optional]
    if lost := [source for source in absent if source.paths]:
        listed = "\n".join(f"  {source.name}: no such file: {', '.join(source.paths)}" for source in lost)
        raise ConfigError(f"decontaminate.benchmarks:\n{listed}\nor say that it may be absent: optional: true")
    if absent:
        raise ConfigError(f"{not_here(absent)}, or say that it may be absent: optional: true")
    for one, of_it in found:
        for name, origin, path in of_it:
            with files.open_for_reading(path) as handle:
                yield BenchmarkFile(one, name, origin, handle.read(), len(of_it) > 1)


def _files_of(
    settings: Settings, benchmark: BenchmarkConfig, source: SourceConfig, lock: SourcesLock
) -> list[tuple[str, str | None, str]]:
    """Name, origin and path of each file."""
    if source.paths:
        paths = [path for pattern in source.paths for path in files.matching(pattern)]
        return [(posixpath.basename(path), None, path) for path in paths]
    paths = list(downloaded_paths(settings, source, lock))
    if not paths:
        return []
    locked: LockedSource = lock.sources[source.name]
    here = zip((file.name for file in locked.files), paths, strict=True)
    if locked.hub:
        return [(name, f"{locked.hub}@{locked.commit}", path) for name, path in here]
    return [(posixpath.basename(urlsplit(name).path), name, path) for name, path in here]
