"""A bound on the CPU time of a block, so that what hangs fails here and does not hang the suite."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cpu_bound(seconds: float) -> Iterator[None]:
    """Fail when the block has used more CPU time; patterns of `re` look for signals while they match, so they end too.

    CPU time and not the clock: a machine that others are busy on is no fault.
    """

    def fail(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"more than {seconds:g} s of CPU")

    before = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
