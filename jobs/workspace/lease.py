"""The lease of a workspace: one run at a time, and no calls by a run that died beside the one that follows it.

The file `lease.json` holds an epoch and a time at which it expires; whoever holds it keeps renewing it. Before each
call the engine looks at it (`udfs.llm.fencing`), so that a run whose driver is gone stops calling once it expires.
A new run waits that long, and for as long as calls in flight may still be written down.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import fsspec

from jobs.workspace import files
from schemas.errors import StoppedError, WorkspaceBusyError

LEASE_FILE = "lease.json"
_RENEWALS = 4  # in the time it lasts
_SECONDS_TO_AGREE = 2.0  # on an object store, where two may write at once: the later stays


@dataclass
class Lease:
    """A lease that is held."""

    file: str
    epoch: int
    seconds: float
    holder: dict[str, Any]
    is_paid: bool
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)
    _keeper: threading.Thread | None = field(default=None, repr=False)
    _lost: bool = False

    def start(self) -> None:
        """Keep it renewed, in a thread of its own."""
        self._keeper = threading.Thread(target=self.keep, name="lease", daemon=True)
        self._keeper.start()

    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            StoppedError: somebody else has the workspace now.
        """
        if self._lost:
            raise StoppedError("the lease of the workspace was lost to another run; nothing more was called")

    def write(self, *, is_abandoned: bool = False) -> None:
        """Make it last from now on."""
        lease = {
            "epoch": self.epoch,
            "expires_at": time.time() + self.seconds,
            "holder": self.holder,
            "paid": self.is_paid,
            "abandoned": is_abandoned,
        }
        files.write_text(self.file, json.dumps(lease))

    def keep(self) -> None:
        """Renew it until `end`; where the storage is out of reach it ends by expiry, not by an error here."""
        while not self._ended.wait(self.seconds / _RENEWALS):
            try:
                found = read_lease(self.file)
                if found is None or found["epoch"] != self.epoch:
                    self._lost = True
                    return
                self.write()
            except OSError:
                continue

    def abandon(self) -> None:
        """Let it expire: calls may still be in flight, and who comes next has to wait for them."""
        self._stop()
        if not self._lost:
            self._lost = True
            self.write(is_abandoned=True)

    def end(self) -> None:
        """Give it back, unless it was abandoned."""
        self._stop()
        if self._lost:
            return
        found = read_lease(self.file)
        if found is not None and found["epoch"] == self.epoch:
            files.remove(self.file)

    def _stop(self) -> None:
        """Renew no more. A renewal on its way is awaited: it would write the lease again after it was given back."""
        self._ended.set()
        if self._keeper is not None:
            self._keeper.join()


def lease_file(workspace: str) -> str:
    """Where the lease of a workspace is."""
    return files.join(workspace, LEASE_FILE)


def read_lease(file: str) -> dict[str, Any] | None:
    """The lease as it is written, null where there is none or it cannot be read."""
    try:
        text = files.read_text(file)
        lease: dict[str, Any] = json.loads(text) if text else {}
        return lease if {"epoch", "expires_at", "holder", "paid"} <= lease.keys() else None
    except (FileNotFoundError, ValueError):
        return None


@contextmanager
def hold_lease(
    workspace: str, run_id: str, *, seconds: float, grace_seconds: float, is_paid: bool, say: Callable[[str], None]
) -> Iterator[Lease]:
    """Hold the lease of a workspace for as long as the block lasts.

    Args:
        workspace: folder or URI.
        run_id: of the run that wants it.
        seconds: that it lasts without being renewed.
        grace_seconds: that calls in flight may go on after it has expired.
        is_paid: whether the run may call models.
        say: told when somebody else's has to expire first.

    Raises:
        WorkspaceBusyError: another run holds it; names it.
    """
    file = lease_file(workspace)
    holder = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "run_id": run_id,
        "started_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    _wait_for(file, grace_seconds, say)
    lease = _take(workspace, Lease(file, time.time_ns(), seconds, holder, is_paid))
    lease.start()
    try:
        yield lease
    finally:
        lease.end()


def _take(workspace: str, lease: Lease) -> Lease:
    with _alone(workspace):
        found = read_lease(lease.file)
        if found is not None and found["expires_at"] > time.time() and not _is_gone(found):
            raise _busy(found)
        # Epochs only rise, whatever the clocks of the machines say.
        lease.epoch = max(lease.epoch, found["epoch"] + 1 if found else 0)
        lease.write()
    if "://" in workspace:
        time.sleep(_SECONDS_TO_AGREE)
        found = read_lease(lease.file)
        if found is not None and found["epoch"] != lease.epoch:
            raise _busy(found)
    return lease


def _wait_for(file: str, grace_seconds: float, say: Callable[[str], None]) -> None:
    """Wait until a lease that nobody renews has expired and its last calls are written down."""
    found = read_lease(file)
    if found is None:
        return
    if _lives(found):
        raise _busy(found)
    if _is_gone(found):
        return
    until = found["expires_at"] + grace_seconds
    if until > time.time():
        holder = found["holder"]
        say(
            f"waiting {until - time.time():.0f} s for the lease of run {holder['run_id']} (process {holder['pid']} on "
            f"{holder['host']}) to expire, so that none of its calls is made or charged twice"
        )
    while time.time() < until:
        time.sleep(min(0.5, max(0.0, until - time.time())))
        now = read_lease(file)
        if now is None:
            return
        if now["expires_at"] != found["expires_at"] or now["epoch"] != found["epoch"]:
            raise _busy(now)


def _lives(lease: dict[str, Any]) -> bool:
    """Whether the holder is a process of this machine that is there and renews it."""
    holder, is_valid = lease["holder"], lease["expires_at"] > time.time()
    return (
        is_valid
        and not lease.get("abandoned")
        and holder["host"] == socket.gethostname()
        and _has_process(holder["pid"])
    )


def is_at_work(lease: dict[str, Any] | None) -> bool:
    """Whether a run holds it, as far as can be known: of another machine only the time of the lease is."""
    if lease is None or lease["expires_at"] <= time.time():
        return False
    return _lives(lease) or (not lease.get("abandoned") and lease["holder"]["host"] != socket.gethostname())


def _is_gone(lease: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is no longer there and called nobody."""
    holder = lease["holder"]
    return not lease["paid"] and holder["host"] == socket.gethostname() and not _has_process(holder["pid"])


def _has_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _busy(lease: dict[str, Any]) -> WorkspaceBusyError:
    holder = lease["holder"]
    return WorkspaceBusyError(
        f"run {holder['run_id']} works on this workspace: process {holder['pid']} on {holder['host']}, since "
        f"{holder['started_at']}. Wait for it (`phase0 status` shows how far it is) or stop it; if it died, its lease "
        "expires by itself"
    )


@contextmanager
def _alone(workspace: str) -> Iterator[None]:
    """Keep other processes of this machine from taking the lease at the same moment."""
    with nullcontext() if "://" in workspace else _locked(workspace):
        yield


@contextmanager
def _locked(workspace: str) -> Iterator[None]:
    local = fsspec.core.url_to_fs(workspace)[1]
    os.makedirs(local, exist_ok=True)
    descriptor = os.open(local, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
