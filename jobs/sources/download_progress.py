"""What is seen while files are downloaded: a bar a file on a terminal, a line a file elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from rich import filesize
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from jobs.rendering.terminal import say
from udfs.printable import printable


class DownloadProgress:
    """Reports downloads to a console. File names come from servers, so they are never read as markup."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def file(self, name: str, size: int | None) -> Iterator[Callable[[int], None]]:
        """Show that a file is being downloaded.

        Args:
            name: what it is called.
            size: bytes, null where the server does not say.

        Yields:
            To be called with the number of bytes that have arrived since the last call; negative where a
            download began anew.
        """
        if not self.console.is_terminal:
            known = f", {filesize.decimal(size)}" if size else ""
            begin = cache(lambda: self.note(f"downloading {printable(name)}{known}"))
            yield lambda _: begin()  # a file of the cache never begins
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as bars:
            task = bars.add_task(printable(name)[-40:], total=size)
            yield lambda count: bars.advance(task, count)

    def note(self, text: str, style: str = "") -> None:
        """Print a line that stays."""
        say(self.console, f"  {text}", style)
