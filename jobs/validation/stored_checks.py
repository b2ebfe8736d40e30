"""What validation has stored: the result of one suite in one run, as the data docs and the report show it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.validation.suites import load_suite, tables_with_suites

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.file_data_context import FileDataContext

_ID = re.compile(r"\b[0-9a-f]{32}\b")


@dataclass(frozen=True)
class TableCheck:
    """The suite of one table in one run."""

    table: str
    title: str
    """Of the suite; starts with its place in the order of the stages."""
    run: str
    time: datetime
    """Of the run, with a time zone."""
    page: str
    """Path of its page below the data docs."""
    checks: tuple[Mapping[str, Any], ...]
    """Fields of `expectations.CheckResult`: failed ones first, then warnings, then what passed."""
    skipped: tuple[Mapping[str, Any], ...]
    """Fields of `suites.Skipped`."""

    @property
    def claim(self) -> str:
        """What the suite is about, as a sentence without a full stop."""
        return self.title.partition(" - ")[2] or self.title

    @property
    def stage(self) -> str:
        """Who writes the table; empty for one that has no suite any more."""
        return load_suite(self.table).stage if self.table in tables_with_suites() else ""

    @property
    def rows(self) -> int | None:
        """Rows that were looked at; null where no expectation is about rows."""
        return max(
            (check["element_count"] for check in self.checks if check["element_count"] is not None), default=None
        )

    @property
    def passed(self) -> tuple[Mapping[str, Any], ...]:
        """Checks that passed."""
        return tuple(check for check in self.checks if check["passed"])

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        """Critical checks that did not pass: they stopped the run."""
        return tuple(check for check in self.checks if not check["passed"] and check["critical"])

    @property
    def warnings(self) -> tuple[Mapping[str, Any], ...]:
        """Other checks that did not pass: a person should look."""
        return tuple(check for check in self.checks if not check["passed"] and not check["critical"])

    @property
    def is_faulty(self) -> bool:
        """Whether anything did not pass."""
        return bool(self.failed or self.warnings)

    @property
    def kind(self) -> str:
        """Class of the style sheet."""
        return "bad" if self.failed else "warn" if self.warnings else "good"

    @property
    def outcome(self) -> str:
        """The same in words."""
        return "Failed" if self.failed else "Look at it" if self.warnings else "Passed"


def stored_checks(context: "FileDataContext") -> list[TableCheck]:
    """All results of a workspace, newest run first, in a run the stages in their order."""
    store = context.validation_results_store
    found = [
        table_check(store.get(key), "/".join(["validations", *key.to_tuple()]) + ".html") for key in store.list_keys()
    ]
    return sorted(sorted(found, key=lambda check: check.title), key=lambda check: (check.time, check.run), reverse=True)


def table_check(stored: Any, page: str = "") -> TableCheck:
    """What a stored result of Great Expectations says."""
    run, result = stored.meta["run_id"], stored.meta["suite_result"]
    name, time = (run["run_name"], run["run_time"]) if isinstance(run, Mapping) else (run.run_name, run.run_time)
    return TableCheck(
        table=result["table"],
        title=result.get("title") or stored.suite_name,  # of an earlier version, the name was the title
        run=name,
        time=datetime.fromisoformat(str(time)),
        page=page,
        checks=tuple(sorted(result["checks"], key=lambda check: (check["passed"], not check["critical"]))),
        skipped=tuple(result["skipped"]),
    )


def newest_of_each_table(checks: Iterable[TableCheck]) -> list[TableCheck]:
    """The last result of each table, in the order of the stages.

    Args:
        checks: newest first.
    """
    newest: dict[str, TableCheck] = {}
    for check in checks:
        newest.setdefault(check.table, check)
    return sorted(newest.values(), key=lambda check: check.title)


def total_of(checks: Sequence[TableCheck]) -> Mapping[str, int]:
    """How many checks passed, failed, warn and were not asked."""
    return {
        "asked": sum(len(check.checks) for check in checks),
        "passed": sum(len(check.passed) for check in checks),
        "failed": sum(len(check.failed) for check in checks),
        "warnings": sum(len(check.warnings) for check in checks),
        "skipped": sum(len(check.skipped) for check in checks),
    }


def first_explainable_id(offenders: Iterable[str]) -> str | None:
    """The first id in offenders' names that `phase0 explain` takes; null where none names an example or a pair."""
    return next((found[0] for offender in offenders if (found := _ID.search(offender))), None)
