"""Runtimes that tests open: nothing on the terminal, but what it would show is recorded."""

import io

from rich.console import Console

from jobs.launch import open_runtime
from jobs.load_settings import load_settings
from jobs.runtime import Runtime


def open_quietly(config: object, *overrides: str) -> Runtime:
    """The workspace of a configuration; `runtime.progress.console.export_text()` is what would have been printed."""
    # A wide console: what is printed is part of what is tested.
    console = Console(record=True, width=200, file=io.StringIO())
    return open_runtime(load_settings(str(config), overrides), console)
