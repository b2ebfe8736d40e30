"""The command line: one command for the run, one for each stage, and the tools around them."""

import sys
from collections.abc import Sequence

from jobs.cli import batches, files, inspection, models, package, review
from jobs.pipeline import STAGES, run
from jobs.run.command import add_stage_command, new_app, run_app

app = new_app("Build verified instruction-tuning data sets: phase0 run --config demo")
app.command()(run)
for stage in STAGES:
    add_stage_command(app, stage)
for tools in (models, batches, inspection, files, package, review):
    app.add_typer(tools.commands)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of the console script; `arguments` are what was typed if not given."""
    run_app(app, sys.argv[1:] if arguments is None else arguments)


def task() -> None:
    """Entry of a Databricks task, which takes any exit for a failure, even one with code 0."""
    try:
        main()
    except SystemExit as ending:
        if ending.code:
            raise
