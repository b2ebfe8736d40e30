"""Files at an address: by pooch, checked, and kept under the hash of their content."""

import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pooch

from jobs.config.settings import SourceConfig
from jobs.sources.downloads import Downloads, with_retries
from jobs.sources.lockfile import LockedFile, LockedSource
from jobs.sources.resuming_downloader import AS_IT_IS, ResumingDownloader, last_part, open_download
from schemas.errors import DataRefusedError
from udfs.containers import detect_container
from udfs.unpacking import packing_of

_HEAD_BYTES = 1 << 12


def fetch_from_urls(
    source: SourceConfig, known: LockedSource | None, downloads: Downloads, keep: Callable[[LockedSource], None]
) -> LockedSource:
    """Bring the files of a source here.

    Args:
        source: whose files.
        known: what the lock says of it, null where that does not count.
        downloads: where to and how.
        keep: called after each file with what is known by then, so that a failure costs one file and not all.

    Raises:
        ConfigError: there is nothing at an address.
        DataRefusedError: a file is not what its checksum or the lock says, or it is no data.
        DownloadError: a server does not answer.
    """
    files = {file.name: file for file in known.files} if known else {}
    for url, wanted in zip(source.urls, source.sha256s or (None,) * len(source.urls), strict=True):
        files[url] = _fetch_file(source.name, url, wanted, files.get(url), downloads)
        keep(LockedSource(files=tuple(files.values())))
    return LockedSource(files=tuple(files[url] for url in source.urls))


def changes_at_urls(source: SourceConfig, known: LockedSource, downloads: Downloads) -> list[str]:
    """What is different at the addresses since they were fetched; a line a file, none if nothing is.

    A file is downloaded again, to compare its bytes, only where the server says that it may have changed.
    """
    return [change for file in known.files if (change := _change(source.name, file, downloads))]


def _change(source: str, file: LockedFile, downloads: Downloads) -> str | None:
    if with_retries(lambda: _says_unchanged(file, downloads), downloads):
        return None
    path, _ = _download(file.name, downloads)
    try:
        _local_name(source, file.name, path)
        size, sha256 = path.stat().st_size, pooch.file_hash(str(path), alg="sha256")
    finally:
        path.unlink()
    if sha256 == file.sha256:
        return None
    return f"{file.name}: {file.size:,} bytes, sha256 {file.sha256} -> {size:,} bytes, {sha256}"


def _says_unchanged(file: LockedFile, downloads: Downloads) -> bool:
    """Whether the server vouches that the file is as it was; without etag and date its size must do."""
    headers = {**AS_IT_IS}
    if file.etag:
        headers["If-None-Match"] = file.etag
    if file.last_modified:
        headers["If-Modified-Since"] = file.last_modified
    with open_download(file.name, headers, downloads) as response:
        if response.status_code == 304 or (file.etag and response.headers.get("ETag") == file.etag):
            return True
        same_date = response.headers.get("Last-Modified") == file.last_modified
        same_size = response.headers.get("Content-Length") == str(file.size)
        return same_size and same_date and (file.last_modified is not None or file.etag is None)


def _fetch_file(
    source: str, url: str, wanted: str | None, locked: LockedFile | None, downloads: Downloads
) -> LockedFile:
    if locked and wanted in (None, locked.sha256) and locked.is_here(downloads.folder, thoroughly=True):
        return locked
    path, answer = _download(url, downloads)
    try:
        name = _local_name(source, url, path)
        sha256 = pooch.file_hash(str(path), alg="sha256")
        _require_sha256(source, url, sha256, wanted, locked)
        # Named by its content, so that one version never takes the place of another.
        target = downloads.folder / "url" / sha256[:16] / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)
    same = locked is not None and locked.sha256 == sha256
    return LockedFile(
        name=url,
        path=target.relative_to(downloads.folder).as_posix(),
        size=target.stat().st_size,
        sha256=sha256,
        etag=answer.etag,
        last_modified=answer.last_modified,
        fetched_at=locked.fetched_at if locked and same else datetime.now(timezone.utc).replace(microsecond=0),
    )


def _require_sha256(source: str, url: str, found: str, wanted: str | None, locked: LockedFile | None) -> None:
    if wanted and found != wanted:
        raise DataRefusedError(
            f"{source}: {url} has the sha256 {found}, and the configuration says {wanted}. The file was changed, or "
            "on the way; if you know that it is right, write its sha256 into the configuration"
        )
    if not wanted and locked and found != locked.sha256:
        raise DataRefusedError(
            f"{source}: {url} has changed: its sha256 is {found}, and was {locked.sha256} on "
            f"{locked.fetched_at:%Y-%m-%d}. To take it as it is now: phase0 fetch --update {source}"
        )


def _local_name(source: str, url: str, path: Path) -> str:
    """A file name that is safe, and has the ending of what is inside: ingest goes by it."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    name = last_part(url)
    container = detect_container(head, name)
    no_data = {
        "html": "a web page, such as a login or an error, and no data",
        "pointer": "a Git LFS pointer and no data; take the address of the file itself (resolve instead of raw)",
        "empty": "an empty file",
    }
    if what := no_data.get(container):
        raise DataRefusedError(f"{source}: {url} gives {what}")
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._") or "data"
    packing = packing_of(head)
    for ending, is_so in ((".gz", packing == "gzip"), (".parquet", container == "parquet")):
        name = name.removesuffix(ending) + (ending if is_so else "")
    return name


def _download(url: str, downloads: Downloads) -> tuple[Path, ResumingDownloader]:
    """Bring a file to a place of its own, and what the server said of it."""
    folder, name = downloads.folder / "url", f"{pooch.utils.unique_file_name(url)}.incoming"
    (folder / name).unlink(missing_ok=True)
    pooch.get_logger().setLevel("WARNING")
    downloader = ResumingDownloader(downloads)
    return Path(pooch.retrieve(url, known_hash=None, fname=name, path=folder, downloader=downloader)), downloader
