"""What is seen while paid calls are made: a live panel, or plain lines; and `progress.json` for other processes.

A thread beside the wave looks at its journal. It computes nothing that is stored, and whatever goes wrong with looking
is said once and then left alone: no call and no payment depends on it.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.online.figures import (
    CallFigures,
    WaveWatch,
    figures_before,
    look_again,
    utc_now,
    write_progress,
)
from jobs.online.table import call_panel, endpoint_line, summary_line, total_line
from jobs.rendering.progress import Progress
from udfs.llm.journal_tail import JournalTail

__all__ = ["Pace", "WaveWatch", "watch_calls"]

_LONGEST_LOOK = 30.0  # seconds that the end of a wave waits for a look that has begun


@dataclass(frozen=True)
class Pace:
    """How often something is done, in seconds."""

    look: float = 1.0
    write: float = 2.0
    line: float = 15.0
    """Where nothing can be rewritten in place."""


@contextmanager
def watch_calls(
    progress: Progress, workspace: str, watch: WaveWatch, *, run_id: str, pace: Pace | None = None
) -> Iterator[None]:
    """Show how far a wave is while the calls are made in the body of the `with`.

    The panel is part of the stage's live line, so it is there only within `progress.stage`. Afterwards one line for
    each model stays.

    Args:
        progress: of the run.
        workspace: where `progress.json` is written.
        watch: what is known before the first call.
        run_id: of the run.
        pace: how often to look.
    """
    watcher = _Watcher(progress, workspace, watch, run_id, pace or Pace())
    asked = ", ".join(watch.names.get(key, key[1]) for key, count in watch.waiting.items() if count)
    progress.step(f"asking {asked}: {sum(watch.waiting.values()):,} requests")
    thread = threading.Thread(target=watcher.run, name="phase0-calls", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watcher.over.set()
        thread.join(_LONGEST_LOOK)
        watcher.finish(is_stuck=thread.is_alive())


class _Watcher:
    def __init__(self, progress: Progress, workspace: str, watch: WaveWatch, run_id: str, pace: Pace) -> None:
        self._progress, self._workspace, self._pace = progress, workspace, pace
        self._tail = JournalTail(watch.journal)
        self.over = threading.Event()
        self._figures = figures_before(watch, run_id=run_id, host=socket.gethostname(), pid=os.getpid(), now=utc_now())
        self._written = float("-inf")
        self._lined = time.monotonic()
        self._faults: set[str] = set()

    def run(self) -> None:
        """Look, again and again, until it is over."""
        while True:
            self._look(is_over=False)
            if self.over.wait(self._pace.look):
                return

    def finish(self, *, is_stuck: bool) -> None:
        """Look for the last time, and leave what stays; storage that answers no more is not asked again."""
        if not is_stuck:
            self._look(is_over=True)
        self._progress.show_panel(None)
        for one in self._figures.endpoints:
            self._progress.line(f"  {summary_line(one)}")
        self._progress.line(f"  {total_line(self._figures)}")

    def _look(self, *, is_over: bool) -> None:
        try:
            self._figures = look_again(self._figures, self._tail.look(), utc_now(), is_over=is_over)
        except Exception as error:  # of any file system, each of which has its own
            self._note("the journal of the calls", "read", error)
        try:
            self._show(self._figures)
        except Exception as error:  # of a terminal that is gone
            self._note("the panel of the calls", "shown", error)
        now = time.monotonic()
        if is_over or now - self._written >= self._pace.write:
            self._written = now
            try:
                write_progress(self._workspace, self._figures)
            except Exception as error:
                self._note("progress.json", "written", error)

    def _show(self, figures: CallFigures) -> None:
        if figures.is_over:
            return
        if self._progress.is_live:
            self._progress.show_panel(call_panel(figures))
        elif time.monotonic() - self._lined >= self._pace.line:
            self._lined = time.monotonic()
            for one in figures.endpoints:
                self._progress.step(endpoint_line(one))
            self._progress.step(total_line(figures))

    def _note(self, what: str, verb: str, error: Exception) -> None:
        if what in self._faults:
            return
        self._faults.add(what)
        text = f"warning: {what} cannot be {verb} ({type(error).__name__}: {error}); the calls go on"
        self._progress.line(text, style="yellow")
