"""What is seen while a run goes on: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import Progress as RichProgress
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from jobs.rendering.terminal import say


class _Display(RichProgress):
    """The live line and a panel below it: two live displays on one console do not work."""

    panel: RenderableType | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        """What is drawn, from top to bottom."""
        yield from super().get_renderables()
        if self.panel is not None:
            yield self.panel


class Progress:
    """Reports stages and their steps to a console.

    On a terminal one live line shows the stage, its step and the time; elsewhere each step is a line, so
    that a log says where a run was when it stopped.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: _Display | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._warned: set[str] = set()

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        """Show that a stage runs, and how long it took."""
        self._stage = name
        started = time.monotonic()
        if self.console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            with _Display(*columns, console=self.console, transient=True) as self._live:
                self._task = self._live.add_task(title, total=None)
                try:
                    yield
                finally:
                    self._live.panel = None
                    self._live, self._task = None, None
        else:
            say(self.console, f"{name}: {title}")
            yield
        self.console.print(f"{name:<20} {time.monotonic() - started:6.1f} s", highlight=False, markup=False, end="  ")

    @property
    def is_live(self) -> bool:
        """Whether a panel can be shown now: within a stage, and where it can be rewritten in place."""
        return self._live is not None

    def show_panel(self, panel: RenderableType | None) -> None:
        """Show something below the line of the stage instead of what was there, or take it away; from any thread."""
        live = self._live
        if live is not None:
            live.panel = panel

    def step(self, text: str) -> None:
        """Say what the stage does now."""
        if self._live is not None and self._task is not None:
            self._live.update(self._task, description=f"{self._stage}: {text}")
        else:
            say(self.console, f"  {self._stage}: {text}")

    def line(self, text: str, style: str = "") -> None:
        """Print a line that stays."""
        say(self.console, text, style)

    def warn(self, text: str) -> None:
        """Print a warning that stays; one that was printed already in this run is not worth repeating."""
        if text not in self._warned:
            self._warned.add(text)
            self.line(f"warning: {text}", "yellow")
