"""Tables of figures on a terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table


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
