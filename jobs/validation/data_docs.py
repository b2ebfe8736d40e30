"""The data docs that a reviewer reads: what was expected, what was found, which rows, why it matters, what to type.

Great Expectations builds the site from its stored results and asks these classes for each page; they take
the place of its own, which need scripts and styles from the network and speak of columns and batches.
"""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.rendering.html import render_page
from jobs.validation.stored_checks import (
    first_explainable_id,
    newest_of_each_table,
    stored_checks,
    table_check,
    total_of,
)

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.file_data_context import FileDataContext

SITE = "local_site"
FOLDER = "data_docs"
WHOLE_FILES = {"module_name": "jobs.validation.whole_files", "class_name": "WholeFiles"}
"""The store that Great Expectations is to write with."""
_REPORT = "output/report.html"
_EARLIER_RUNS = 8
# What the templates call.
_FUNCTIONS = {"first_explainable_id": first_explainable_id, "total_of": total_of}


def site_config() -> Any:
    """Where the site lies, as seen from the context's folder, and who makes its pages."""
    page = {"renderer": {"module_name": __name__, "class_name": "StoredResult"}}
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {**WHOLE_FILES, "base_directory": f"../{FOLDER}/"},
        "site_index_builder": {
            "class_name": "DefaultSiteIndexBuilder",
            "renderer": {"module_name": __name__, "class_name": "StoredResults"},
            "view": {"module_name": __name__, "class_name": "IndexPage"},
        },
        "site_section_builders": {
            "validations": {**page, "view": {"module_name": __name__, "class_name": "ResultPage"}},
            # A suite page would say again what each result page says.
            "expectations": "None",
            "profiling": "None",
        },
    }


def build_data_docs(context: "FileDataContext") -> Path:
    """Build a page for every stored result, of earlier runs too, and the index; return the path of the index."""
    context.build_data_docs(site_names=[SITE])
    return _root(context) / FOLDER / "index.html"


def _root(context: Any) -> Path:
    return Path(context.root_directory).parent


class StoredResult:
    """Takes from a stored result what its page shows."""

    def __init__(self, data_context: Any) -> None:
        self._context = data_context

    def render(self, stored: Any) -> dict[str, Any]:
        """Return the suite's result, and whether there is a report to link."""
        return {**_FUNCTIONS, "check": table_check(stored), "report": _report(self._context)}


class StoredResults:
    """Takes from the stored results what the index shows."""

    def __init__(self, data_context: Any) -> None:
        self._context = data_context

    def render(self, links: Mapping[str, Any]) -> dict[str, Any]:
        """Return the last result of each table with its earlier ones, and all results by run, newest first."""
        checks = stored_checks(self._context)
        tables = [
            (newest, [check for check in checks if check.table == newest.table and check != newest][:_EARLIER_RUNS])
            for newest in newest_of_each_table(checks)
        ]
        runs = [(run, list(group)) for run, group in groupby(checks, key=lambda check: check.run)]
        return {**_FUNCTIONS, "tables": tables, "runs": runs, "report": _report(self._context)}


def _report(context: Any) -> str | None:
    """Path of the report below the workspace, null where no run has come that far."""
    return _REPORT if (_root(context) / _REPORT).is_file() else None


class _Page:
    template: str

    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        pass

    def render(self, found: Mapping[str, Any], **_: Any) -> str:
        """Return the page of what a renderer has found."""
        return render_page(self.template, **found)


class ResultPage(_Page):
    """The page of one suite in one run."""

    template = "data_docs_result.html.j2"


class IndexPage(_Page):
    """The front page: every table by stage, what to look at, every run."""

    template = "data_docs_index.html.j2"
