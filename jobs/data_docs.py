"""Pages of the data docs that a reviewer reads: what was expected, what was found, which rows, why it matters.

Great Expectations builds the site from its stored results and asks these classes for each page; they take
the place of its own, which need scripts and styles from the network and speak of columns and batches.
Everything printed is escaped, and a content policy forbids scripts: an id or a file name may hold anything.
"""

from collections.abc import Iterable, Mapping
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.file_data_context import FileDataContext

SITE = "local_site"
FOLDER = "data_docs"

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--bad:#c62828;--warn:#b26a00;--good:#2e7d32}
@media (prefers-color-scheme:dark){:root{--bad:#ff8a80;--warn:#ffb74d;--good:#81c784}}
body{font:15px/1.45 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
td.ids{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere;min-width:12rem}
.failed{color:var(--bad);font-weight:600}.warning{color:var(--warn);font-weight:600}.passed{color:var(--good)}
.note{opacity:.75}summary{cursor:pointer;padding:.4rem 0}ul{margin:0;padding-left:1.1rem}
@media print{details{display:block}}
"""


def site_config() -> Any:
    """Where the site lies, as seen from the context's folder, and who makes its pages."""
    page = {"renderer": {"module_name": __name__, "class_name": "StoredResult"}}
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": f"../{FOLDER}/"},
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
    return Path(context.root_directory).parent / FOLDER / "index.html"


class StoredResult:
    """Takes from a stored result what its page shows."""

    def __init__(self, data_context: Any = None) -> None:
        pass

    def render(self, stored: Any) -> dict[str, Any]:
        """Return the suite's result with its title and run."""
        run = stored.meta["run_id"]
        name, time = (run["run_name"], run["run_time"]) if isinstance(run, Mapping) else (run.run_name, run.run_time)
        return {**stored.meta["suite_result"], "title": stored.suite_name, "run": name, "time": str(time)}


class StoredResults:
    """Takes from the site's links and the results behind them what the index shows."""

    def __init__(self, data_context: Any) -> None:
        self._context = data_context

    def render(self, links: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return each result with the link to its page: newest run first, stages in their order."""
        found = []
        for link in links.get("validations_links", []):
            stored = self._context.get_validation_result(
                expectation_suite_name=link["expectation_suite_name"],
                batch_identifier=link["batch_identifier"],
                run_id=link["run_id"],
            )
            found.append({**StoredResult().render(stored), "link": link["filepath"], "sort": link["run_time"]})
        newest: dict[str, Any] = {}
        for result in found:
            newest[result["run"]] = max(newest.get(result["run"], result["sort"]), result["sort"])
        by_stage = sorted(found, key=lambda result: (result["title"], result["sort"]))
        return sorted(by_stage, key=lambda result: (newest[result["run"]], result["run"]), reverse=True)


class _Page:
    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        pass


class ResultPage(_Page):
    """The page of one suite in one run."""

    def render(self, result: Mapping[str, Any], **_: Any) -> str:
        """Return the page: what failed first, then warnings, then what passed, then what was not asked."""
        checks = sorted(result["checks"], key=lambda check: (check["passed"], not check["critical"]))
        rows = "".join(
            f"<tr><td>{_badge(check)}</td><td>{escape(check['description'])}</td><td>{_found(check)}</td>"
            f'<td class="ids">{_ids(check)}</td><td>{escape(check["reason"])}</td></tr>'
            for check in checks
        )
        head = "".join(
            f"<th>{name}</th>" for name in ("Result", "Expected", "Found", "Rows to look at", "Why it matters")
        )
        return _html(
            result["title"],
            f'<p><a href="../../../../index.html">All runs</a></p><h1>{escape(result["title"])}</h1>'
            f"<p>Run <bdi>{escape(result['run'])}</bdi>, {_time(result)}: {_verdict([result])}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{_skipped(result)}",
        )


class IndexPage(_Page):
    """The front page: every run, newest first, and for each of its stages what to look at."""

    def render(self, results: Iterable[Mapping[str, Any]], **_: Any) -> str:
        """Return the page; only the newest run is unfolded."""
        runs = [list(group) for _, group in groupby(results, key=lambda result: result["run"])]
        body = "".join(
            f"<details{' open' if place == 0 else ''}><summary>Run <bdi>{escape(run[0]['run'])}</bdi>, "
            f"{_time(run[0])}: {_verdict(run)}</summary>{_stages(run)}</details>"
            for place, run in enumerate(runs)
        )
        legend = (
            "<p>After each stage its table is checked. <span class='failed'>Failed</span> stops the run; a "
            "<span class='warning'>warning</span> asks a person to look. Rows are named by their ids, never by their "
            "text.</p>"
        )
        return _html("Data docs", f"<h1>Data docs</h1>{legend}{body or '<p>No run has been validated yet.</p>'}")


def _stages(run: list[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("Stage and expectation", "Result", "Passed", "What to look at"))
    rows = "".join(
        f'<tr><td><a href="{escape(result["link"])}">{escape(result["title"])}</a></td><td>{_verdict([result])}</td>'
        f"<td>{sum(check['passed'] for check in result['checks'])} of {len(result['checks'])}</td>"
        f"<td>{_to_look_at(result)}</td></tr>"
        for result in run
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _to_look_at(result: Mapping[str, Any]) -> str:
    failed = sorted(
        (check for check in result["checks"] if not check["passed"]), key=lambda check: not check["critical"]
    )
    items = "".join(
        f"<li>{_badge(check)}: {escape(check['description'])} Found: {_found(check)}.</li>" for check in failed
    )
    not_asked = f'<p class="note">{len(result["skipped"])} not asked</p>' if result["skipped"] else ""
    return (f"<ul>{items}</ul>" if items else "") + not_asked


def _skipped(result: Mapping[str, Any]) -> str:
    items = "".join(
        f"<li>{escape(skipped['description'])} <span class='note'>({escape(skipped['why'])})</span></li>"
        for skipped in result["skipped"]
    )
    return f"<h2>Not asked in this run</h2><ul>{items}</ul>" if items else ""


def _badge(check: Mapping[str, Any]) -> str:
    name = "passed" if check["passed"] else "failed" if check["critical"] else "warning"
    return f"<span class='{name}'>{name.capitalize()}</span>"


def _found(check: Mapping[str, Any]) -> str:
    return f"<bdi>{escape(check['observed'])}</bdi>"


def _ids(check: Mapping[str, Any]) -> str:
    shown = "<br>".join(f"<bdi>{escape(found)}</bdi>" for found in check["offending_ids"])
    more = (check["unexpected_count"] or 0) - len(check["offending_ids"])
    return f"{shown}<br>and {more:,} more" if shown and more > 0 else shown


def _verdict(results: list[Mapping[str, Any]]) -> str:
    failed = [check for result in results for check in result["checks"] if not check["passed"]]
    critical = sum(check["critical"] for check in failed)
    if critical:
        return f"<span class='failed'>Failed ({critical})</span>"
    return (
        f"<span class='warning'>Passed, {len(failed)} to look at</span>"
        if failed
        else "<span class='passed'>Passed</span>"
    )


def _time(result: Mapping[str, Any]) -> str:
    return escape(result["time"][:16].replace("T", " "))


def _html(title: str, body: str) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
