"""What a run ends with: reports written, funnel, some rows to read, the checklist, and where everything is."""

from rich.console import Console

from jobs.curation.fates import SELECTED
from jobs.rendering.terminal import excerpt
from jobs.reports.show import print_examples, print_records, sample_examples, sample_records
from jobs.reports.status import print_funnel
from jobs.reports.write import write_reports
from jobs.verify.report import print_report
from jobs.workspace.runtime import Runtime

KEPT_ROWS = 10


def print_summary(runtime: Runtime) -> int:
    """Write the reports and show the result of a run.

    Returns:
        Exit code: 1 where the exported file fails its verification.
    """
    console = runtime.progress.console
    reports = write_reports(runtime)
    _print_rows(console, runtime)
    print_funnel(console, reports.funnel)
    print_report(str(reports), console)
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
            console.print(f"{line} [dim]->[/dim] {excerpt(_one_line(row['response'] or ''), 70)}", highlight=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
