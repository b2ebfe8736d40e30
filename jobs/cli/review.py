"""The command for reviewers: a sheet of rows to read, and what they wrote in it back into the tables."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from jobs.curation.estimate import estimate_of
from jobs.curation.review_sheet import draw_sheet, read_sheet, require_new, write_sheet
from jobs.curation.reviews import login_name, record_verdicts
from jobs.run.options import DEFAULT_CONFIG, Config, Overrides, Verbose, runtime_of
from schemas.errors import ConfigError

commands: typer.Typer = typer.Typer()


@commands.command()
def review(
    sample: Annotated[int, typer.Option("--sample", "-n", min=1, max=10_000, help="rows to draw")] = 50,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="CSV to write; default review.csv")] = None,
    filled_in: Annotated[Path | None, typer.Option("--import", help="filled-in CSV to record")] = None,
    reviewer: Annotated[str | None, typer.Option(help="who filled it in; default your login name")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace the CSV if it is there")] = False,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Draw rows of the data set into a CSV for a reviewer, or record the verdicts of a filled-in one."""
    if output is not None and filled_in is not None:
        raise ConfigError("--output draws a new sheet and --import records a filled-in one; give one of them")
    if filled_in is not None:
        verdicts = read_sheet(filled_in)
        if not verdicts:
            raise ConfigError(f"{filled_in}: no row has a verdict; write keep or drop into the column verdict")
        runtime = runtime_of(config, overrides, verbose)
        counts = record_verdicts(runtime, verdicts, reviewer or login_name())
        if found := estimate_of(runtime):
            runtime.progress.line(f"the data set by all that was read: {found}")
        runtime.progress.line(f"recorded: {counts['drop']:,} to drop, {counts['keep']:,} to keep. To apply it, type:")
        runtime.progress.line(_hint("run", config, overrides, "--from", "select"), style="bold")
    else:
        output = output or Path("review.csv")
        require_new(output, force=force)
        runtime = runtime_of(config, overrides, verbose)
        rows = draw_sheet(runtime, sample)
        write_sheet(rows, output)
        runtime.progress.line(f"{output}: {len(rows):,} rows. Write keep or drop into the column verdict, then type:")
        runtime.progress.line(_hint("review", config, overrides, "--import", str(output)), style="bold")


def _hint(command: str, config: str, overrides: Sequence[str] | None, *more: str) -> str:
    settings = [part for override in overrides or () for part in ("--set", override)]
    return f"  phase0 {shlex.join([command, '--config', config, *settings, *more])}"
