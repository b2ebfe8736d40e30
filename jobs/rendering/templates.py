"""Templates of `conf/templates`: read from wherever the package is, a zip too, and strict about what they are given.

What a template shows passes one function, so that no text of anybody's becomes markup because an author forgot a
filter: `jobs.rendering.markdown` and `jobs.rendering.html` say which.
"""

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup


def read_template(name: str) -> str:
    """The text of a file of `conf/templates`."""
    return resources.files("conf.templates").joinpath(name).read_text(encoding="utf-8")


def environment(show: Callable[[str], str], filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """Templates in which a missing name is an error and each text is shown by one function.

    Args:
        show: of every text that is not `Markup` already; a `str` that it returns is escaped for HTML after it.
        filters: of the templates, by name.
    """

    def finalize(value: object) -> object:
        if isinstance(value, Markup):
            return value
        if value is None:
            return "not known"
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:,}"
        return show(str(value))

    made = Environment(
        loader=FunctionLoader(read_template),
        undefined=StrictUndefined,
        # Macros give back Markup only where this is on; what `show` has escaped already is Markup.
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= filters
    return made


def by_count(rows: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names and counts, the largest first, equal ones by name."""
    return sorted(rows.items(), key=lambda row: (-row[1], row[0]))
