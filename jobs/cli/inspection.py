"""Commands that look at a run: status, rows of a fate, the configuration, the validation.

What only one of them needs, and takes a while to load, is imported by it.
"""

from typing import Annotated

import typer
import yaml

from jobs.reports.call_status import live_status
from jobs.reports.explain import example_of_line, explain_row
from jobs.reports.explain_text import print_life
from jobs.reports.show import show_rows
from jobs.reports.status import show_status, watch_status
from jobs.run.options import DEFAULT_CONFIG, Config, Overrides, Verbose, console, runtime_of, settings_of
from jobs.workspace.runtime import open_runtime
from schemas.errors import ConfigError

commands: typer.Typer = typer.Typer()


@commands.command()
def validate(config: Config = DEFAULT_CONFIG, overrides: Overrides = None, verbose: Verbose = False) -> None:
    """Check all stored tables against their expectations and rebuild the data docs."""
    from jobs.validation.validate import validate_tables

    raise typer.Exit(validate_tables(runtime_of(config, overrides, verbose)))


@commands.command()
def status(
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    watch: Annotated[bool, typer.Option("--watch", help="follow the run that is on, until it ends")] = False,
    verbose: Verbose = False,
) -> None:
    """Show where the run stands, also while it is on: stages, rows, fates, paid calls, cost; writes nothing."""
    settings = settings_of(config, overrides)
    if watch:
        watch_status(console, settings)
    else:
        console.print(live_status(settings))
    show_status(open_runtime(settings, console, verbose=verbose, reads_only=True))


@commands.command()
def report(config: Config = DEFAULT_CONFIG, overrides: Overrides = None, verbose: Verbose = False) -> None:
    """Write the report, the status report and the data docs anew from the tables."""
    from jobs.reports.write import write_reports

    runtime = runtime_of(config, overrides, verbose)
    for line in write_reports(runtime).lines():
        runtime.progress.line(line)


@commands.command()
def show(
    reason: Annotated[str, typer.Option("--reason", "-r", help="a fate, such as low_score, refusal or selected")],
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="rows to show")] = 3,
    source: Annotated[str | None, typer.Option("--source", help="only rows of this source")] = None,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Show rows of one fate with their text."""
    show_rows(runtime_of(config, overrides, verbose), reason, count, source)


@commands.command()
def explain(
    row: Annotated[
        str | None, typer.Argument(metavar="EXAMPLE_ID", help="id of an example or a pair, or its beginning")
    ] = None,
    line: Annotated[int | None, typer.Option("--line", min=1, help="a line of the exported JSONL instead")] = None,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Explain why one row is in the data set or not: what every table says of it."""
    if (row is None) == (line is None):
        raise ConfigError("give an id or --line N: phase0 explain EXAMPLE_ID, or phase0 explain --line 1")
    runtime = runtime_of(config, overrides, verbose)
    example = row if line is None else example_of_line(runtime, line)
    print_life(runtime.progress.console, explain_row(runtime, str(example)))


@commands.command("show-config")
def show_config(
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    options: Annotated[bool, typer.Option("--options", help="print a table of every option instead")] = False,
) -> None:
    """Print the merged configuration, defaults included, or what can be configured."""
    if options:
        from jobs.config.options_table import options_table

        print(options_table(), end="")
        return
    data = settings_of(config, overrides).model_dump(mode="json")
    print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), end="")
