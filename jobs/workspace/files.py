"""Small files beside the tables: reports, manifests, the export. Local folders and any fsspec URI."""

import os
import posixpath
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq


def join(folder: str, *parts: str) -> str:
    """Path below a folder or URI."""
    return posixpath.join(folder, *parts)


@contextmanager
def open_atomic(path: str, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file for writing that appears under its name only when it is whole.

    A reader never sees half a file: local writes go to a temporary name and are renamed; on an object
    store the upload itself becomes visible only at its end.
    """
    files, target = fsspec.core.url_to_fs(path)
    temporary = posixpath.join(posixpath.dirname(target), f".{posixpath.basename(target)}.tmp")
    encoding = None if "b" in mode else "utf-8"
    with naming(path):
        files.makedirs(posixpath.dirname(target), exist_ok=True)
        try:
            with files.open(temporary, mode, encoding=encoding, newline=None if "b" in mode else "\n") as handle:
                yield handle
        except BaseException:
            with suppress(OSError):  # on a full or dead disk the first error is the one to tell
                files.rm(temporary)
            raise
        files.mv(temporary, target)


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Have errors of the system within the block name the path: opening a file does, writing to it does not."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, path) from error


def require_room(folder: str, bytes_wanted: int = 6 << 10) -> None:
    """Make sure that a local folder is there, or can be made, and takes so many bytes; a URI is believed.

    Raises:
        OSError: it does not; names the folder.
    """
    if "://" in folder:
        return
    with naming(folder):
        os.makedirs(folder, exist_ok=True)
        # Trying is the only way to know: to root all permissions look well on a read-only file system.
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(os.urandom(bytes_wanted))


def write_parquet(folder: str, rows: pa.Table) -> None:
    """Write rows as the one file of a local folder, in the place of what it holds."""
    remove_folder(folder)
    require_room(folder, rows.nbytes)
    pq.write_table(rows, join(folder, "part-0.parquet"))


def write_text(path: str, text: str) -> None:
    """Write a whole text file atomically."""
    with open_atomic(path, "w") as handle:
        handle.write(text)


def read_text(path: str) -> str | None:
    """The file's text, null where there is none."""
    files, target = fsspec.core.url_to_fs(path)
    return files.read_text(target) if files.exists(target) else None


def list_files(folder: str, suffix: str) -> list[str]:
    """URIs of the files of a folder with that suffix, sorted by name; none where there is no folder."""
    files, target = fsspec.core.url_to_fs(folder)
    if not files.exists(target):
        return []
    return sorted(files.unstrip_protocol(name) for name in files.ls(target, detail=False) if name.endswith(suffix))


def matching(pattern: str) -> list[str]:
    """URIs of the files that a path or glob means, sorted by name; none where nothing matches."""
    files, target = fsspec.core.url_to_fs(pattern)
    found = [target] if files.isfile(target) else [name for name in files.glob(target) if files.isfile(name)]
    return sorted(files.unstrip_protocol(name) for name in found)


def open_for_reading(path: str) -> IO[bytes]:
    """Open a file of `list_files`."""
    return fsspec.open(path, "rb").open()  # type: ignore[no-any-return]


def read_batches(parquet: Iterable[str], rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of Parquet files one after the other, so many at a time."""
    for path in parquet:
        with open_for_reading(path) as handle:
            yield from pq.ParquetFile(handle).iter_batches(batch_size=rows)


def exists(path: str) -> bool:
    """Whether there is a file or folder of that name."""
    files, target = fsspec.core.url_to_fs(path)
    return bool(files.exists(target))


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    files, target = fsspec.core.url_to_fs(path)
    if files.exists(target):
        files.rm(target)


def list_folders(folder: str) -> list[str]:
    """URIs of the folders in a folder, sorted by name; none where there is no folder."""
    files, target = fsspec.core.url_to_fs(folder)
    if not files.exists(target):
        return []
    return sorted(
        files.unstrip_protocol(entry["name"]) for entry in files.ls(target, detail=True) if entry["type"] == "directory"
    )


def remove_folder(folder: str) -> None:
    """Remove a folder and all below it, if it is there."""
    files, target = fsspec.core.url_to_fs(folder)
    if files.exists(target):
        files.rm(target, recursive=True)
