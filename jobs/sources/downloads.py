"""How downloads are done, wherever they come from: their settings, offline or not, and what is tried again."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobs.config.downloads import DownloadsConfig
from jobs.sources.download_progress import DownloadProgress
from schemas.errors import ConfigError, DownloadError

MAX_WAIT_SECONDS = 300
"""A server that asks for more patience than that is asked again another day, by the user."""

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Answers of HTTP that another try may change."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Downloads:
    """What every download is given."""

    folder: Path
    config: DownloadsConfig
    progress: DownloadProgress


class TransientError(Exception):
    """A try failed in a way that another may not.

    Args:
        what: what happened, for the user.
        wait_seconds: what the server asked for; null: nothing.
        went_on: there was progress, so that tries are counted anew.
    """

    def __init__(self, what: str, wait_seconds: float | None = None, *, went_on: bool = False) -> None:
        super().__init__(what)
        self.wait_seconds = wait_seconds
        self.went_on = went_on


def with_retries(attempt: Callable[[], Result], downloads: Downloads) -> Result:
    """Try until it works.

    Waits as long as the server asks, else 1, 2, 4 … seconds, 30 at most.

    Raises:
        DownloadError: it failed more than `retries` times without progress, or the server asks to wait longer
            than `MAX_WAIT_SECONDS`.
    """
    failed = 0
    while True:
        try:
            return attempt()
        except TransientError as error:
            failed = 1 if error.went_on else failed + 1
            wait = min(2.0 ** (failed - 1), 30.0) if error.wait_seconds is None else error.wait_seconds
            if wait > MAX_WAIT_SECONDS:
                raise DownloadError(f"{error}; the server asks to wait {wait:,.0f} s, so try again later") from error
            if failed > downloads.config.retries:
                tries = f"{failed} tries" if failed > 1 else "one try"
                raise DownloadError(f"{error}; given up after {tries} (downloads.retries)") from error
            downloads.progress.note(f"{error}; trying again in {wait:.0f} s")
            time.sleep(wait)


def is_offline(config: DownloadsConfig) -> bool:
    """Whether nothing may be downloaded, by the settings or by the variable that the hub's own client reads."""
    return config.offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def downloads_folder(config: DownloadsConfig, workspace: str) -> str:
    """The folder as Spark names it.

    Raises:
        ConfigError: it is a URI of something that is not a folder.
    """
    folder = config.folder or f"{workspace}/downloads"
    if re.match(r"^(?!file:)[A-Za-z][A-Za-z0-9+.-]*:/", folder):
        raise ConfigError(
            f"downloads cannot be written to {folder}: name a folder that the driver and the executors see, "
            "--set downloads.folder=/shared/downloads (on Databricks a volume, /Volumes/CATALOG/SCHEMA/VOLUME), "
            "or put the files where Spark reads them and name them by path: in the sources"
        )
    return folder


def local_folder(folder: str) -> Path:
    """The same folder as Python names it."""
    return Path(re.sub(r"^file:/+", "/", folder))
