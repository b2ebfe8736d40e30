"""Stop a run that calls models without losing what it has paid: by Ctrl-C, by SIGTERM, or by a file.

PySpark answers Ctrl-C by cancelling its jobs, which would kill the calls in flight after they were billed. While calls
are made our own handler is in its place: it writes the stop file, which every worker looks for once a second. A second
Ctrl-C does what the first one did before.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from jobs.workspace import files

STOP_FILE = "stop"


def stop_file(workspace: str) -> str:
    """The file whose existence stops the calls of a workspace."""
    return files.join(workspace, STOP_FILE)


def is_stopped(workspace: str) -> bool:
    """Whether somebody asked to stop."""
    return files.exists(stop_file(workspace))


@contextmanager
def stop_on_signal(workspace: str, say: Callable[[str], None]) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM within the block into the stop file.

    Outside the main thread no handler can be set, and the file alone stops the run.

    Args:
        workspace: whose calls are to end.
        say: told that it was heard.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def heard(number: int, frame: FrameType | None) -> None:
        for one, handler in before.items():
            signal.signal(one, handler)
        # A thread: the signal may have come while this one was printing or writing.
        threading.Thread(target=_ask_to_stop, args=(workspace, say)).start()

    for number in before:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask_to_stop(workspace: str, say: Callable[[str], None]) -> None:
    files.write_text(stop_file(workspace), "")
    say("stopping: no further call is made, those in flight are awaited; Ctrl-C again abandons and charges them")
