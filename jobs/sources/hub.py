"""Data sets of the Hugging Face hub: which files, at which commit, each checked against the hub's own listing.

The client's cache is in the downloads folder (`hub/`), so that a workspace is complete in itself and executors
see what the driver fetched.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pooch

from jobs.config.licences import find_licence
from jobs.config.settings import SourceConfig
from jobs.sources.downloads import Downloads
from jobs.sources.hub_client import HubListing, RemoteFile, download_file, list_repository
from jobs.sources.lockfile import LockedFile, LockedSource
from schemas.errors import ConfigError, DataRefusedError

KINDS = ((".parquet",), (".jsonl", ".jsonl.gz"), (".json", ".json.gz"), (".csv", ".csv.gz", ".tsv"))
"""Data files by their endings. A repository often has the same rows in several kinds; the first one is taken."""

_ABOUT_THE_DATA = (".", "dataset_info", "dataset_dict", "state.json", "README")


def fetch_from_hub(source: SourceConfig, known: LockedSource | None, downloads: Downloads) -> LockedSource:
    """Bring the files of a source here, at the commit that the lock names where there is one.

    Raises:
        ConfigError: there is no such data set, revision or file, or it is gated.
        DataRefusedError: the files are not what the hub lists, or not what the lock says.
        DownloadError: the hub does not answer.
    """
    listing = list_repository(source, known.commit if known and known.commit else source.revision, downloads)
    warn_of_licence(source, listing, downloads)
    locked_files = {file.name: file for file in known.files} if known else {}
    fetched = []
    for name in choose_files(source, listing.files):
        remote, locked = listing.files[name], locked_files.get(name)
        if locked and locked.etag != remote.digest:
            raise DataRefusedError(
                f"{source.name}: {name} at commit {listing.commit} is {remote.digest}, and was {locked.etag} when it "
                f"was fetched. To take it as it is now: phase0 fetch --update {source.name}"
            )
        fetched.append(_fetch_file(source, listing.commit, remote, locked, downloads))
    return LockedSource(
        hub=source.hub, revision=source.revision, commit=listing.commit, globs=source.files, files=tuple(fetched)
    )


def changes_on_hub(source: SourceConfig, known: LockedSource, downloads: Downloads) -> list[str]:
    """What is different in the files of a branch or tag since they were fetched; a line a file, none if nothing is."""
    listing = list_repository(source, source.revision, downloads)
    if listing.commit == known.commit:
        return []
    before = {file.name: (file.size, file.etag) for file in known.files}
    now = {name: (listing.files[name].size, listing.files[name].digest) for name in choose_files(source, listing.files)}
    return [
        f"{name}: {_said(before.get(name))} -> {_said(now.get(name))}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def _said(file: tuple[int, str | None] | None) -> str:
    return f"{file[0]:,} bytes, {file[1]}" if file else "not there"


def choose_files(source: SourceConfig, names: Collection[str]) -> list[str]:
    """The files that the globs of a source mean; without globs the data files of the first kind that is there.

    Raises:
        ConfigError: a glob matches nothing, or there are no data files.
    """
    data = sorted(name for name in names if not PurePosixPath(name).name.startswith(_ABOUT_THE_DATA))
    chosen = sorted(name for name in names if any(fnmatchcase(name, glob) for glob in source.files))
    if not source.files:
        chosen = next((found for kind in KINDS if (found := [name for name in data if name.endswith(kind)])), [])
    idle = [glob for glob in source.files if not any(fnmatchcase(name, glob) for name in names)]
    if idle or not chosen:
        what = f"no file matches {', '.join(idle)}" if idle else "there are no data files"
        there = ", ".join(data[:20]) or "nothing"
        raise ConfigError(f"{source.name}: in {source.hub} {what}. There: {there}{' …' if len(data) > 20 else ''}")
    return chosen


def warn_of_licence(source: SourceConfig, listing: HubListing, downloads: Downloads) -> None:
    """Say so where the card of the data set names another licence than the configuration."""
    if listing.licence and find_licence(listing.licence) != find_licence(source.licence):
        downloads.progress.note(
            f"warning: {source.name}: the configuration says {source.licence}, the card on the hub {listing.licence}",
            style="yellow",
        )


def _fetch_file(
    source: SourceConfig, commit: str, remote: RemoteFile, locked: LockedFile | None, downloads: Downloads
) -> LockedFile:
    path = download_file(source, commit, remote, downloads)
    if not _is_intact(path, remote):  # damaged in the cache, or on the way
        _remove(path)
        path = download_file(source, commit, remote, downloads)
    if not _is_intact(path, remote):
        _remove(path)
        raise DataRefusedError(
            f"{source.name}: {remote.name} came as other bytes than the hub lists ({remote.size:,} bytes, "
            f"{remote.digest}), twice; a proxy may have changed it"
        )
    return LockedFile(
        name=remote.name,
        path=path.relative_to(downloads.folder).as_posix(),
        size=remote.size,
        sha256=remote.digest if remote.is_large else pooch.file_hash(str(path), alg="sha256"),
        etag=remote.digest,
        fetched_at=locked.fetched_at if locked else datetime.now(timezone.utc).replace(microsecond=0),
    )


def _remove(path: Path) -> None:
    path.resolve().unlink()  # the client keeps the bytes elsewhere, under their digest
    path.unlink(missing_ok=True)


def _is_intact(path: Path, remote: RemoteFile) -> bool:
    if path.stat().st_size != remote.size:
        return False
    if remote.is_large:
        return bool(pooch.file_hash(str(path), alg="sha256") == remote.digest)
    git = hashlib.sha1(b"blob %d\0" % remote.size, usedforsecurity=False)
    git.update(path.read_bytes())  # what is not in large file storage is small
    return git.hexdigest() == remote.digest
