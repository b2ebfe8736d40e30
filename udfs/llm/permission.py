"""May a call be started now? The lease, the stop file and a newer attempt of the same task decide.

Files of a workspace are all that a driver, its executors and the executors of a run that died have in common. They are
read once a second; what is asked before each call is the state then, and the lease's expiry against the clock.
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Literal

from fsspec import AbstractFileSystem

from udfs.llm.journal import open_folder

Refusal = Literal["stopped", "lease_lost", "superseded"]
POLL_SECONDS = 1.0


class Claim:
    """Says who works on a task of a wave: each attempt of the task claims it anew and thereby ends the one before.

    A stopped executor's Python worker was seen calling on beside the task's retry for 4 s.
    """

    def __init__(self, folder: str, task: int) -> None:
        self._files, path = open_folder(f"{folder}/claims")
        self._files.makedirs(path, exist_ok=True)
        self._path, self.prefix = path, f"task-{task:05d}-"
        earlier = self._claims()
        number = 1 + max((int(name.split("-")[2]) for name in earlier), default=0)
        self.name = f"{self.prefix}{number:04d}-{uuid.uuid4().hex[:16]}"
        self.is_retry = bool(earlier)
        self._files.pipe_file(f"{path}/{self.name}", b"")

    def is_superseded(self) -> bool:
        """Whether a later attempt of this task has claimed it; of two at once, one."""
        return max(self._claims(), default=self.name) > self.name

    def _claims(self) -> list[str]:
        self._files.invalidate_cache(self._path)
        names = (path.rsplit("/", 1)[-1] for path in self._files.ls(self._path, detail=False))
        return [name for name in names if name.startswith(self.prefix)]


class Permission:
    """What the files said when they were last read.

    Args:
        claim: of the task; null: nobody else can work on it.
        lease_file: URI of the workspace's lease; null: no lease is held.
        epoch: of the lease that the wave was started under.
        stop_file: URI whose existence means stop; null: nothing stops the wave.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        claim: Claim | None,
        lease_file: str | None,
        epoch: int,
        stop_file: str | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._claim, self._epoch, self._clock = claim, epoch, clock
        self._lease = open_folder(lease_file) if lease_file else None
        self._stop = open_folder(stop_file) if stop_file else None
        self._said: Refusal | None = None
        self._lease_ends = float("-inf") if self._lease else float("inf")

    def refusal(self) -> Refusal | None:
        """Why no call may start now, or None. Reads nothing but the clock."""
        if self._said is not None:
            return self._said
        return "lease_lost" if self._clock() >= self._lease_ends else None

    def refresh(self) -> None:
        """Read the files. What was once refused stays refused; an unreadable lease lasts until it expires."""
        if self._stop and _exists(*self._stop):
            self._said = "stopped"
        elif self._claim and self._claim.is_superseded():
            self._said = "superseded"
        elif self._lease:
            self._read_lease(*self._lease)

    def _read_lease(self, files: AbstractFileSystem, path: str) -> None:
        try:
            files.invalidate_cache(path.rsplit("/", 1)[0])
            lease = json.loads(files.cat_file(path))
            epoch, ends = int(lease["epoch"]), float(lease["expires_at"])
        except FileNotFoundError:
            self._said = "lease_lost"
        except (OSError, ValueError, KeyError, TypeError):
            return  # half written or out of reach: try again in a second
        else:
            if epoch != self._epoch:
                self._said = "lease_lost"
            self._lease_ends = ends

    async def watch(self) -> None:
        """Keep reading until cancelled. Storage that is out of reach ends the lease by and by, not at once."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            with contextlib.suppress(Exception):  # each file system of fsspec has its own errors
                await asyncio.to_thread(self.refresh)


def _exists(files: AbstractFileSystem, path: str) -> bool:
    files.invalidate_cache(path.rsplit("/", 1)[0])
    return bool(files.exists(path))
