"""Where the run stands: the stages, the funnel, the cost."""

import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.table import Table as RichTable

from jobs.batches.lines import batch_lines
from jobs.calibration.stored import calibration_lines, calibrations_of
from jobs.config.settings import Settings
from jobs.curation.benchmarks import benchmark_line, searched_benchmarks
from jobs.curation.estimate import estimate_of
from jobs.curation.fates import SELECTED, Funnel, count_fates
from jobs.ledger.batch_table import reserved_by_stage
from jobs.ledger.usage import read_call_ledger
from jobs.publish.card import JUDGED_BY_RULES
from jobs.rendering.money import cents
from jobs.rendering.terminal import say
from jobs.reports.call_status import ledger_lines, ledger_table, live_status, unsettled_usd
from jobs.run.run_log import latest_runs
from jobs.surrogate.held_out import spared_lines
from jobs.workspace.lease import is_at_work, lease_file, read_lease
from jobs.workspace.queries import EVERY_TABLE, Answer
from jobs.workspace.runtime import Runtime
from schemas.errors import MissingTableError
from schemas.tables import RUNS, SCORES
from udfs.scoring.calibration import NOT_CALIBRATED


def show_status(runtime: Runtime) -> None:
    """Print stages, funnel, paid calls and cost from the tables, whoever wrote them.

    Raises:
        DamagedTableError: files of any table are not as they were written, also of one that is not read here.
        MissingTableError: nothing has been run here, and no run is on.
    """
    console, settings = runtime.progress.console, runtime.settings
    runtime.storage.require_all_whole(EVERY_TABLE)
    if runtime.storage.exists(RUNS) or read_lease(lease_file(settings.workspace)) is None:
        print_stages(console, latest_runs(runtime))
    else:
        console.print("no stage has ended yet")
    try:
        print_funnel(console, count_fates(runtime))
    except MissingTableError as error:
        say(console, f"No funnel yet: {error}")
    say(console, benchmark_line(searched_benchmarks(runtime)))
    say(console, _people_line(runtime))
    for line in (*_scorer_lines(runtime), *_predicted_lines(runtime)):
        say(console, line)
    ledger = read_call_ledger(runtime)
    if ledger.models:
        console.print(ledger_table(settings, ledger))
    for line in ledger_lines(settings, ledger, unsettled_usd(runtime), reserved_by_stage(runtime)):
        say(console, line)
    for line in batch_lines(runtime):
        say(console, line)
    cap = settings.targets.max_cost_usd
    target = f" of ${cap:,.2f}" if cap is not None else ""
    console.print(f"cost: {cents(ledger.spent_usd())}{target}", highlight=False)


def _people_line(runtime: Runtime) -> str:
    """What people found who read rows of the data set."""
    try:
        found = estimate_of(runtime)
    except MissingTableError:
        found = None
    return f"data set: {found or 'no row has been read by a person; phase0 review draws a sheet to fill in'}"


def _scorer_lines(runtime: Runtime) -> Iterator[str]:
    """What the scores are worth, as far as somebody has measured it."""
    score = runtime.settings.score
    found = calibration_lines(calibrations_of(runtime))
    if not found:
        shipped = "a screen; METHODOLOGY says how far these rules agree with people"
        yield f"scorer {score.name}: {NOT_CALIBRATED if score.kind != JUDGED_BY_RULES else shipped}"
    for line in found:
        yield f"scorer {score.name}: {line}"


def _predicted_lines(runtime: Runtime) -> list[str]:
    """How many scores were predicted and what that is worth."""
    return [f"predicted: {line}" for line in spared_lines(runtime)] if runtime.storage.exists(SCORES) else []


def watch_status(console: Console, settings: Settings, seconds: float = 2.0) -> None:
    """Show who is at work and how far the calls are until nobody is; reads files alone, and starts no Spark."""
    with Live(live_status(settings), console=console, auto_refresh=False) as live:
        while is_at_work(read_lease(lease_file(settings.workspace))):
            time.sleep(seconds)
            live.update(live_status(settings), refresh=True)


def print_stages(console: Console, rows: list[Answer]) -> None:
    """Print one line for each stage."""
    table = RichTable(title="Stages", title_justify="left")
    for name in ("stage", "status", "in", "out", "seconds", "when (UTC)"):
        table.add_column(name, justify="right" if name in ("in", "out", "seconds") else "left")
    for row in rows:
        started = row["started_at"].strftime("%Y-%m-%d %H:%M:%S")
        counts = f"{row['rows_in']:,}", f"{row['rows_out']:,}"
        table.add_row(row["stage"], row["status"], *counts, f"{row['seconds']:.1f}", started)
    console.print(table)


def print_funnel(console: Console, funnel: Funnel) -> None:
    """Print how many rows each reason took, from records read to rows selected."""
    table = RichTable(title="Funnel: every record and example has one fate", title_justify="left")
    for name in ("stage", "reason", "rows", "left"):
        table.add_column(name, justify="right" if name in ("rows", "left") else "left")
    total = sum(funnel.records.values())
    table.add_row("ingest", "records read", "", f"{total:,}")
    for reason, count in funnel.records.items():
        if reason != "used":
            total -= count
            table.add_row("ingest", reason, f"-{count:,}", f"{total:,}")
    examples = sum(funnel.examples.values())
    table.add_row("ingest", f"drafts of {total:,} records used", "", f"{examples + funnel.exact_copies:,}")
    if funnel.exact_copies:
        table.add_row("ingest", "exact copies folded", f"-{funnel.exact_copies:,}", f"{examples:,}")
    left = examples
    for (stage, reason), count in funnel.examples.items():
        if reason != SELECTED:
            left -= count
            table.add_row(stage, reason, f"-{count:,}", f"{left:,}")
    table.add_row("select", SELECTED, "", f"{left:,}", style="bold")
    console.print(table)
