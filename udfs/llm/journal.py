"""What is written down before and after every call, so that a crash neither pays twice nor forgets a payment.

One folder a wave, one writer for each attempt of a task, JSON lines of three kinds:

- `sent`, durable *before* the call leaves: what it may cost at worst. Without its `attempt` the call is lost and is
  charged that much, `assumed`.
- `attempt`: how the call ended and what it cost; `cost_basis` is `usage`, `assumed` or `none` (not billed).
- `response`: the one terminal answer of a request. Once it is here the request is never called again.

On a local disk a line is handed to the operating system at once, so a killed process loses nothing, and the disk is
synchronised within 100 ms. On an object store the lines of up to 100 ms are one object, put to its final name; no call
leaves before its line is there. `udfs.llm.journal_reader` reads it all.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from udfs.llm.journal_lines import sealed_line

FLUSH_SECONDS = 0.1
# Databricks mounts object storage there, as files that cannot be appended to.
_MOUNTED = ("/Volumes/", "/dbfs/")


def journal_folder(workspace: str, wave: str) -> str:
    """Where the journal of a wave is."""
    return f"{workspace.rstrip('/')}/journal/{wave}"


def open_folder(folder: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URI, and the path there."""
    files, path = url_to_fs(folder)
    return files, path.rstrip("/")


class _Sink(Protocol):
    async def write(self, data: bytes) -> None:
        """Return when the data survives the end of this process."""

    async def close(self) -> None:
        """Write out all there is."""


class Journal:
    """The writer of one attempt of a task. Records are dicts with the columns of `schemas.calls.JOURNAL`."""

    def __init__(self, folder: str, name: str) -> None:
        files, path = open_folder(folder)
        files.makedirs(path, exist_ok=True)
        self.name = name
        local = "file" in (files.protocol if isinstance(files.protocol, tuple) else (files.protocol,))
        self._sink: _Sink
        if local and not path.startswith(_MOUNTED):
            self._sink = _AppendedFile(Path(path) / f"{name}.jsonl")
        else:
            self._sink = _Parts(files, f"{path}/{name}")

    async def append(self, *records: Mapping[str, Any]) -> None:
        """Write records together and return when they are durable."""
        await self._sink.write("".join(map(sealed_line, records)).encode("ascii"))

    async def close(self) -> None:
        """Write out all there is; nothing may be appended afterwards."""
        await self._sink.close()


class _AppendedFile:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._path, self._size = str(path), 0
        self._syncing: asyncio.Task[None] | None = None

    async def write(self, data: bytes) -> None:
        try:
            left = data
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            # Half a line would spoil the next one, and there may be room for that.
            os.ftruncate(self._file, self._size)
            raise OSError(error.errno, error.strerror, self._path) from error
        self._size += len(data)
        if self._syncing is None or self._syncing.done():
            if self._syncing is not None:
                self._syncing.result()  # raises what the disk said to the last one
            self._syncing = asyncio.create_task(self._sync_soon())

    async def _sync_soon(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        await asyncio.to_thread(os.fsync, self._file)

    async def close(self) -> None:
        if self._syncing is not None:
            await self._syncing
        os.fsync(self._file)
        os.close(self._file)


class _Parts:
    """Objects that are written whole: what came within half the time is one of them, the other half is for the PUT."""

    def __init__(self, files: AbstractFileSystem, stem: str) -> None:
        self._files, self._stem, self._number = files, stem, 0
        self._waiting: list[bytes] = []
        self._next: asyncio.Task[None] | None = None
        self._puts: set[asyncio.Task[None]] = set()

    async def write(self, data: bytes) -> None:
        self._waiting.append(data)
        if self._next is None:
            self._next = asyncio.create_task(self._put())
            self._puts.add(self._next)
            self._next.add_done_callback(self._puts.discard)
        await asyncio.shield(self._next)

    async def _put(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS / 2)
        data, self._waiting, self._next = b"".join(self._waiting), [], None
        self._number += 1
        await asyncio.to_thread(self._files.pipe_file, f"{self._stem}.part-{self._number:06d}.jsonl", data)

    async def close(self) -> None:
        await asyncio.gather(*self._puts)
