"""HTML pages for the report and the data docs: one style, no script, nothing from the network.

Texts come from data sets and file names, so everything is escaped, and a content policy admits the page's own
style sheet and nothing else: markup that slipped through could neither run nor load anything.
"""

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from jobs.rendering.differing_words import differing_words
from jobs.rendering.templates import environment, read_template
from udfs.printable import JOINERS, MARKS, printable

_KEPT = "\n" + JOINERS + MARKS


def render_page(template: str, **values: Any) -> str:
    """Fill a page of `conf/templates`; a name that it uses and is not given is an error."""
    style = read_template("page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _environment().get_template(template).render(values, style=Markup(style), policy=policy)  # noqa: S704


@cache
def _environment() -> Environment:
    return environment(
        lambda text: printable(text, _KEPT), {"excerpt": page_excerpt, "differing_words": differing_words}
    )


def page_excerpt(text: str, limit: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= limit else f"{text[:limit].rstrip()} …"
