"""The time, and waiting: what a test replaces so that hours are none."""

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises `StoppedError` where the run is to end."""


class SystemClock:
    """The machine's clock.

    Args:
        check: called every half second while waiting; raises where the run is to end.
    """

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self._check = check

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        """Wait, looking every half second whether the run is to end."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._check()
            time.sleep(min(left, 0.5))
        self._check()
