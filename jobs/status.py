"""Where the run stands: the stages, the funnel, the cost."""

from pyspark.sql import Row, Window
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table as RichTable

from jobs.fates import SELECTED, Funnel, count_fates
from jobs.runtime import Runtime
from jobs.show_batches import batch_lines
from schemas.errors import MissingTableError
from schemas.tables import RUNS


def latest_runs(runtime: Runtime) -> list[Row]:
    """The last row of `runs` for each stage, in order of time; its `cost_usd` is that of all runs of the stage."""
    runs_of_stage = Window.partitionBy("stage")
    rows = (
        runtime.read(RUNS)
        .withColumn("cost_usd", F.sum("cost_usd").over(runs_of_stage))
        .withColumn("place", F.row_number().over(runs_of_stage.orderBy(F.desc("started_at"))))
    )
    return rows.where("place = 1").orderBy("started_at").collect()


def show_status(runtime: Runtime) -> None:
    """Print stages, funnel and cost from the tables, whoever wrote them."""
    console = runtime.progress.console
    rows = latest_runs(runtime)
    print_stages(console, rows)
    try:
        print_funnel(console, count_fates(runtime))
    except MissingTableError as error:
        console.print(f"No funnel yet: {error}", markup=False)
    for line in batch_lines(runtime):
        console.print(line, highlight=False, markup=False)
    spent = sum(row["cost_usd"] for row in rows)
    cap = runtime.settings.targets.max_cost_usd
    console.print(f"cost: ${spent:,.2f}" + (f" of ${cap:,.2f}" if cap is not None else ""), highlight=False)


def print_stages(console: Console, rows: list[Row]) -> None:
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
