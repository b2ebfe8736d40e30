"""What a terminal shows of something."""

import io

from rich.console import Console, RenderableType


def shown(what: RenderableType, width: int = 120) -> str:
    """The text of it."""
    console = Console(file=io.StringIO(), width=width, record=True, force_terminal=True, color_system=None)
    console.print(what)
    return console.export_text()


def quiet_console() -> Console:
    """A log that nobody reads."""
    return Console(file=io.StringIO(), force_terminal=False, width=160)
