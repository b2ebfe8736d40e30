"""What a run ends with: reports written, funnel, some rows to read, the checklist, and where everything is."""

import shlex

from rich.console import Console

from jobs.config.licences import find_licence
from jobs.config.settings import Settings
from jobs.curation.fates import SELECTED
from jobs.rendering.scores import verdict
from jobs.rendering.terminal import excerpt, say
from jobs.reports.show import print_examples, print_records, sample_examples, sample_records
from jobs.reports.status import print_funnel
from jobs.reports.write import write_reports
from jobs.verify.report import print_report
from jobs.workspace.runtime import Runtime
from udfs.scoring.heuristic import HEURISTIC

KEPT_ROWS = 10


def print_summary(runtime: Runtime, config: str) -> int:
    """Write the reports and show the result of a run, and what to type next.

    Args:
        runtime: of the finished run.
        config: the configuration as it was typed.

    Returns:
        Exit code: 1 where the exported file fails its verification.
    """
    console = runtime.progress.console
    reports = write_reports(runtime)
    _print_rows(console, runtime)
    print_funnel(console, reports.funnel)
    print_report(str(reports), console)
    for line in what_next(runtime.settings, config):
        say(console, line)
    return 0 if reports.verification.passed else 1


def what_next(settings: Settings, config: str) -> list[str]:
    """What a person does with a finished data set: a line for each, with what to type."""
    unread = [source.name for source in settings.sources if not find_licence(source.licence).is_known]
    given = f"--config {shlex.quote(config)}"
    licences = f"licences:      not known of {', '.join(unread)}; name them under `licence:`, then the same again"
    return [
        *([licences] if unread else []),
        f"look at rows:  phase0 show {given} --reason selected -n 5; phase0 explain {given} --line 1",
        f"hand it on:    phase0 package {given}",
    ]


def _print_rows(console: Console, runtime: Runtime) -> None:
    rows = sample_examples(runtime, KEPT_ROWS)
    first_of_each = {row["reason"]: row for row in reversed(rows) if row["reason"] != SELECTED}
    refused = sample_records(runtime, 1)
    if first_of_each or refused:
        console.rule("One example of each reason")
    print_examples(console, list(reversed(first_of_each.values())))
    print_records(console, refused)
    console.rule("Ten rows of the data set")
    for row in rows:
        if row["reason"] == SELECTED:
            tenths, by_rules = row["quality_tenths"], row["scorer"] == HEURISTIC
            score = f"{verdict(tenths, row['score_reason']):<13}" if by_rules else f"{tenths / 10:4.1f}"
            line = f"{score} {row['category']:<9} {excerpt(_one_line(row['instruction']), 70)}"
            console.print(f"{line} [dim]->[/dim] {excerpt(_one_line(row['response'] or ''), 70)}", highlight=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
