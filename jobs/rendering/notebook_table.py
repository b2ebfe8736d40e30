"""Tables in a notebook. What they show comes from strangers: every cell is escaped text, and no `$` is mathematics."""

import pandas as pd
from pandas.io.formats.style import Styler
from pyspark.sql import DataFrame

from udfs.printable import printable_excerpt

_STYLE = [
    {"selector": "th", "props": "text-align: left; vertical-align: top; white-space: nowrap"},
    # Each text keeps its line breaks and its own reading direction.
    {
        "selector": "td",
        "props": "text-align: left; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; "
        "max-width: 32em; unicode-bidi: plaintext",
    },
    {"selector": "td.number", "props": "text-align: right; white-space: nowrap"},
    {"selector": "td.name", "props": "white-space: nowrap"},
]
_NAME_CHARS = 24
"""Up to this length a text is not broken into lines: beside long texts its column would shrink to a letter or two."""


def show(rows: DataFrame | pd.DataFrame, limit: int = 20, chars: int = 400) -> Styler:
    """A table of rows for the eye; put it last in a cell.

    Args:
        rows: of Spark or pandas.
        limit: rows shown at most; no more than these are fetched from Spark.
        chars: of each text shown; the rest is told by its length.
    """
    if isinstance(rows, pd.DataFrame):
        frame, is_numbered = rows.head(limit), True
    else:
        frame, is_numbered = rows.limit(limit).toPandas(), False
    # Text before it reaches the styler: that escapes strings, but not the strings in a list.
    texts = frame.astype(object).map(lambda value: _text(value, chars))
    kinds = texts.map(lambda text: "name" if len(text) <= _NAME_CHARS and "\n" not in text else "")
    kinds.loc[:, [pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]] = "number"
    styled = texts.style.format(escape="html").format_index(escape="html", axis=0).format_index(escape="html", axis=1)
    styled = styled.set_table_styles(_STYLE).set_td_classes(kinds)
    # The names by which MathJax 2 and 3 know what to leave alone.
    styled = styled.set_table_attributes('class="tex2jax_ignore mathjax_ignore"')
    # The name of the index would take a line of its own.
    return styled.hide(axis="index", names=is_numbered)


def _text(value: object, chars: int) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{round(value, 4):,}"
    return printable_excerpt(str(value), chars)
