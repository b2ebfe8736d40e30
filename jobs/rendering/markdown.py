"""Markdown for cards and reports: every text that a template shows is escaped, none can become markup."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from jobs.rendering.templates import environment
from udfs.printable import JOINERS, printable

_PLAIN = re.compile(r"[\w./:?&%#@~+=,()-]+(?: [\w./:?&%#@~+=,()-]+)*", re.ASCII)
# What would start a list, a heading or a rule where the text opens a line.
_OPENS_A_BLOCK = re.compile(r"^\d{1,9}(?=[.)](?:\s|$))|^(?=[-+=](?:[\s=-]|$))")
_ENTITIES = {ord(char): f"&#{ord(char)};" for char in "`|@"} | {ord("<"): "&lt;", ord(">"): "&gt;", ord("&"): "&amp;"}
_ESCAPES = _ENTITIES | {ord(char): f"\\{char}" for char in "\\*_[]#$~"}


def render_template(name: str, **values: Any) -> str:
    """Fill a template of `conf/templates`; a name that it uses and is not given is an error."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    return environment(escape_markdown, {"code": code, "excerpt": one_line_excerpt, "trusted": Markup})


def escape_markdown(text: str) -> Markup:
    """Untrusted text as one line that shows as it is, in a table cell too: no markup, no invisible characters."""
    line = " ".join(text.split())
    return Markup(_OPENS_A_BLOCK.sub(r"\g<0>\\", printable(line, JOINERS).translate(_ESCAPES)))  # noqa: S704


def code(text: str) -> Markup:
    """A name in the type of code; one with unusual characters is escaped first."""
    if _PLAIN.fullmatch(text):
        return Markup(f"`{text}`")  # noqa: S704
    return Markup(f"<code>{escape_markdown(text)}</code>")  # noqa: S704


def one_line_excerpt(text: str, limit: int) -> str:
    """The beginning of a text; as it is, so still to be escaped."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit and len(text) <= limit * 4 else f"{line[:limit]} …"
