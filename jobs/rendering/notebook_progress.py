"""What is seen below a notebook's cell while a run goes on: one block that is rewritten, not a line for each step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from threading import RLock

from rich.console import Console, RenderableType

from jobs.rendering.progress import Progress

_STYLES = {"yellow": "color:#b26a00", "red": "color:#c62828", "dim": "opacity:.6", "bold": "font-weight:bold"}
_NO_CELL = 0


def plain_console() -> Console:
    """Where downloads are reported, a line each: a bar would need the package of widgets, or a terminal."""
    return Console(force_jupyter=False, force_terminal=False, width=100)


class NotebookProgress(Progress):
    """Reports stages and their steps below the cell that runs them, and leaves one line a stage.

    Rich would ask for a package of widgets here, whose output is lost when the notebook is saved.
    """

    def __init__(self) -> None:
        super().__init__(plain_console())
        self._lines: list[tuple[str, str]] = []
        self._open: int | None = None
        """Which line waits for the counts of its stage: a warning of the validation may come between."""
        self._now = ""
        self._panel: tuple[str, ...] = ()
        self._lock = RLock()
        """The panel is rewritten by a thread beside the stage."""
        self._cell: int | None = None
        self._display_id = ""
        self._is_shown = False

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        """Show that a stage runs, and how long it took."""
        self._stage = name
        started = time.monotonic()
        self._show(f"{name}: {title}")
        try:
            yield
        except BaseException:
            self.line(f"{name:<20} stopped after {time.monotonic() - started:.1f} s", style="red")
            raise
        self._add(f"{name:<20} {time.monotonic() - started:6.1f} s", "")
        self._open = len(self._lines) - 1

    @property
    def is_live(self) -> bool:
        """A block below a cell can always be rewritten."""
        return True

    def show_panel(self, panel: RenderableType | None) -> None:
        """Show something below the line of the stage instead of what was there, or take it away; from any thread."""
        with self._lock:
            if panel is None:
                self._panel = ()
            else:
                with self.console.capture() as text:
                    self.console.print(panel)
                self._panel = tuple(text.get().rstrip().splitlines())
            self._show(self._now)

    def step(self, text: str) -> None:
        """Say what the stage does now."""
        self._show(f"{self._stage}: {text}")

    def line(self, text: str, style: str = "") -> None:
        """Print a line that stays, or complete that of the stage which has just ended."""
        with self._lock:
            self._enter_cell()
            if self._open is not None and not style:
                before, _ = self._lines[self._open]
                self._lines[self._open] = (f"{before}  {text}", "")
                self._open = None
                self._show("")
            else:
                self._add(text, style)

    def _add(self, text: str, style: str) -> None:
        with self._lock:
            self._lines.append((text, style))
            self._show("")

    def _show(self, now: str) -> None:
        with self._lock:
            self._enter_cell()
            self._now = now
            running = [(f"▸ {now} …", "dim")] if now else []
            self._display([*self._lines, *running, *((line, "") for line in self._panel)])

    def _display(self, lines: list[tuple[str, str]]) -> None:
        from IPython.display import display

        code = "\n".join(
            f'<span style="{_STYLES[style]}">{escape(text)}</span>' if style in _STYLES else escape(text)
            for text, style in lines
        )
        # MathJax leaves the text of `pre` alone.
        bundle = {
            "text/html": f'<pre style="margin:0;font-family:monospace;line-height:1.4;overflow-x:auto">{code}</pre>',
            "text/plain": "\n".join(text for text, _ in lines),
        }
        display(bundle, raw=True, display_id=self._display_id, update=self._is_shown)
        self._is_shown = True

    def _enter_cell(self) -> None:
        """Begin a new block where another cell runs now."""
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        cell = shell.execution_count if shell else _NO_CELL
        if cell != self._cell:
            self._cell = cell
            self._display_id = f"phase0-{id(self)}-{cell}"
            self._lines, self._open, self._is_shown = [], None, False
