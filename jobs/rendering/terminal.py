"""What goes to a terminal: lines that nobody's text can change, and tables of figures."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from udfs.printable import LINES, printable, printable_excerpt


def say(console: Console, text: str, style: str = "") -> None:
    """Print lines as they are, whoever wrote them: no markup, no colours of rich's own.

    A command to copy must not be broken into lines; the terminal wraps what is too long.
    """
    console.print(printable(text, LINES), style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)


EXCERPT_CHARS = 600


def excerpt(text: str, limit: int = EXCERPT_CHARS) -> str:
    """The beginning of an untrusted text to put between markup of ours."""
    return escape(printable_excerpt(text, limit))


def figures_table(title: str, *columns: str, texts: int = 1) -> Table:
    """A table without a frame: texts to the left, which may be broken, then figures to the right, which are not.

    Args:
        title: above it.
        columns: their headings.
        texts: how many of them hold text.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for place, name in enumerate(columns):
        is_figure = place >= texts
        table.add_column(name, justify="right" if is_figure else "left", no_wrap=is_figure, overflow="fold")
    return table
