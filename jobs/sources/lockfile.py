"""The lock: which bytes every downloaded source is made of, where they came from and where they lie.

It is `<workspace>/downloads/sources.lock.json`. What it names is what is read, until the user takes
something newer by `phase0 fetch --update SOURCE`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pooch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.config.paths import literal
from jobs.config.settings import Settings, SourceConfig
from jobs.sources.downloads import downloads_folder, local_folder
from jobs.workspace import files
from schemas.errors import ConfigError


class _Locked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LockedFile(_Locked):
    """One file as it was downloaded."""

    name: str
    """Its path in the repository of the hub, or its address."""
    path: str
    """Where it lies, relative to the downloads folder."""
    size: int
    sha256: str
    etag: str | None = None
    """What the server calls these bytes; on the hub the sha256 or, of a small file, git's sha1."""
    last_modified: str | None = None
    fetched_at: datetime

    def is_here(self, folder: Path, *, thoroughly: bool = False) -> bool:
        """Whether the file lies there with its size, or thoroughly: with its very bytes."""
        path = folder / self.path
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        return not thoroughly or pooch.file_hash(str(path), alg="sha256") == self.sha256


class LockedSource(_Locked):
    """One source as it was downloaded."""

    hub: str | None = None
    revision: str | None = None
    """As it was asked for."""
    commit: str | None = None
    """What the revision was then."""
    globs: tuple[str, ...] = ()
    files: tuple[LockedFile, ...]

    def is_from(self, source: SourceConfig) -> bool:
        """Whether it came from where the configuration says, whichever files of it."""
        if source.hub:
            return (self.hub, self.revision) == (source.hub, source.revision)
        return self.hub is None

    def is_whole(self, source: SourceConfig) -> bool:
        """Whether it is all that the configuration asks for, and what it asks for."""
        if source.hub:
            return self.is_from(source) and self.globs == source.files
        names, sums = tuple(file.name for file in self.files), tuple(file.sha256 for file in self.files)
        return self.is_from(source) and names == source.urls and source.sha256s in ((), sums)

    def is_here(self, folder: Path, *, thoroughly: bool = False) -> bool:
        """Whether all its files are; see `LockedFile.is_here`."""
        return all(file.is_here(folder, thoroughly=thoroughly) for file in self.files)

    def is_pinned(self, source: SourceConfig) -> bool:
        """Whether the configuration itself says which bytes are meant, so that upstream need not be asked."""
        return is_commit(source.revision) if source.hub else bool(source.sha256s)


class SourcesLock(_Locked):
    """All sources that were downloaded for a workspace."""

    version: int = Field(1, ge=1, le=1)
    sources: Mapping[str, LockedSource] = {}


def is_commit(revision: str) -> bool:
    """Whether a revision of the hub is a full commit, which never moves."""
    return re.fullmatch("[0-9a-f]{40}", revision) is not None


def lock_path(workspace: str) -> str:
    """Path or URI of the lock."""
    return files.join(workspace, "downloads", "sources.lock.json")


def read_lock(workspace: str) -> SourcesLock:
    """The lock, empty where nothing was downloaded yet.

    Raises:
        ConfigError: the file is damaged or of a newer version.
    """
    path = lock_path(workspace)
    text = files.read_text(path)
    try:
        return SourcesLock.model_validate_json(text) if text is not None else SourcesLock()
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(
            f"{path} is damaged ({where + ': ' if where else ''}{fault['msg']}); put it back from a copy, or remove it "
            "and run `phase0 fetch`: the sources are then taken as they are upstream today"
        ) from None


def write_locked(workspace: str, name: str, locked: LockedSource) -> None:
    """Write one source into the lock, atomically."""
    lock = read_lock(workspace)
    lock = lock.model_copy(update={"sources": {**lock.sources, name: locked}})
    text = json.dumps(lock.model_dump(mode="json", exclude_none=True), indent=2, sort_keys=True)
    files.write_text(lock_path(workspace), text + "\n")


def located_sources(settings: Settings) -> tuple[SourceConfig, ...]:
    """The sources with the paths that Spark reads: those of the configuration, else those of the downloads.

    Raises:
        ConfigError: a source has no path and is not downloaded; names all of them and what to type.
    """
    lock = read_lock(settings.workspace)
    located = [
        source
        if source.paths
        else source.model_copy(update={"path": tuple(map(literal, downloaded_paths(settings, source, lock)))})
        for source in settings.sources
    ]
    if missing := [source for source in located if not source.paths]:
        raise ConfigError(not_here(missing))
    return tuple(located)


def downloaded_paths(settings: Settings, source: SourceConfig, lock: SourcesLock) -> tuple[str, ...]:
    """Where the files of a downloaded source lie; none where they are not here, or not all that are asked for."""
    locked, folder = lock.sources.get(source.name), downloads_folder(settings.downloads, settings.workspace)
    if locked is None or not (locked.is_whole(source) and locked.is_here(local_folder(folder))):
        return ()
    return tuple(files.join(folder, file.path) for file in locked.files)


def not_here(sources: Sequence[SourceConfig]) -> str:
    """What is missing and what to type."""
    listed = "".join(f"\n  {source.name}: {source.hub or ', '.join(source.urls)}" for source in sources)
    names = " ".join(source.name for source in sources)
    return (
        f"not downloaded yet, or no longer as the lock says:{listed}\n"
        f"Type `phase0 fetch {names}` with the same --config where there is a network, or name files that you have "
        "by --set sources.N.path=FILE (N counts from 0)"
    )


def origins(settings: Settings) -> dict[str, Any]:
    """Where the bytes of each downloaded source came from, for the manifest; nothing of this machine or of time."""
    locked = read_lock(settings.workspace).sources
    return {
        source.name: {
            **({"hub": found.hub, "commit": found.commit} if found.hub else {}),
            "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in found.files],
        }
        for source in settings.sources
        if not source.paths and (found := locked.get(source.name)) is not None
    }
