"""What a run ends with: reports written, funnel, some rows to read, the checklist, and where everything is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from jobs import files
from jobs.collect_status import collect_status
from jobs.fates import SELECTED, Funnel, count_fates
from jobs.pipeline import StageRun
from jobs.project_status import render_project_status
from jobs.runtime import Runtime
from jobs.show import excerpt, print_examples, print_records, sample_examples, sample_records
from jobs.status import print_funnel
from jobs.validate import publish_data_docs
from jobs.verify import verify_file
from jobs.verify_checks import Verification
from jobs.verify_report import report_text, show

KEPT_ROWS = 10


@dataclass(frozen=True)
class Reports:
    """What is known of a finished run."""

    funnel: Funnel
    verification: Verification
    places: Mapping[str, str]
    """Name of a file -> its path."""

    def __str__(self) -> str:
        """The verification and the places, as the terminal shows them."""
        places = (f"{name + ':':<15}{place}" for name, place in self.places.items())
        return "\n".join([report_text(self.verification), *places])


def write_reports(runtime: Runtime) -> Reports:
    """Verify the exported file, publish the data docs and write the status report."""
    funnel = count_fates(runtime)
    output = files.join(runtime.settings.workspace, "output")
    jsonl = files.join(output, runtime.settings.export.file)
    verification = verify_file(Path(jsonl))
    index = publish_data_docs(runtime)
    status = files.join(output, "PROJECT_STATUS.md")
    files.write_text(status, render_project_status(collect_status(runtime, funnel, verification)))
    return Reports(funnel, verification, {"data set": jsonl, "data docs": str(index), "status report": status})


def print_summary(runtime: Runtime, results: Sequence[StageRun]) -> int:
    """Write the reports and show the result of a run.

    Returns:
        Exit code: 1 where the exported file fails its verification.
    """
    console = runtime.progress.console
    reports = write_reports(runtime)
    _print_rows(console, runtime)
    print_funnel(console, reports.funnel)
    show(str(reports), console)
    return 0 if reports.verification.passed else 1


def _print_rows(console: Console, runtime: Runtime) -> None:
    rows = sample_examples(runtime, KEPT_ROWS)
    console.rule("One example of each reason")
    first_of_each = {row["reason"]: row for row in reversed(rows) if row["reason"] != SELECTED}
    print_examples(console, list(reversed(first_of_each.values())))
    print_records(console, sample_records(runtime, 1))
    console.rule("Ten rows of the data set")
    for row in rows:
        if row["reason"] == SELECTED:
            tenths = row["quality_tenths"]
            line = f"{tenths / 10:4.1f} {row['category']:<9} {excerpt(_one_line(row['instruction']), 70)}"
            console.print(
                f"{line} [dim]->[/dim] {excerpt(_one_line(row['reference_response'] or ''), 70)}", highlight=False
            )


def _one_line(text: str) -> str:
    return " ".join(text.split())
