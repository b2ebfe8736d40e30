"""From a stage to its command: what a script needs to be a program.

`spark-submit jobs/score.py --config FILE` and `phase0 score --config FILE` are this one command.
"""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from jobs.run.options import (
    DEFAULT_CONFIG,
    AcceptPlan,
    Config,
    KeepAnswers,
    Overrides,
    Rebuy,
    Verbose,
    Yes,
    approval_of,
    paid_overrides,
    runtime_of,
)
from jobs.run.program import new_app, run_app
from jobs.run.run_stages import run_stages
from jobs.workspace.runtime import Stage

Limit = Annotated[int | None, typer.Option("--limit", min=1, help="read only the first N records of each file")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="leave while batches are out; a later run takes them in")]
Force = Annotated[bool, typer.Option("--force", help="run stages again that are up to date")]


def add_stage_command(app: typer.Typer, stage: Stage) -> None:
    """Add the command of a stage, which has the options about money where the stage may ask models."""
    build = _plain_command if stage.asks_models is None else _paying_command
    app.command(name=stage.name, help=f"Stage: {stage.title}.", rich_help_panel="Stages")(build(stage))


def _plain_command(stage: Stage) -> Callable[..., None]:
    def command(
        config: Config = DEFAULT_CONFIG,
        overrides: Overrides = None,
        limit: Limit = None,
        force: Force = False,
        verbose: Verbose = False,
    ) -> None:
        run_stages(runtime_of(config, overrides, verbose, limit, (stage,)), (stage,), force=force)

    return command


def _paying_command(stage: Stage) -> Callable[..., None]:
    def command(
        context: typer.Context,
        config: Config = DEFAULT_CONFIG,
        overrides: Overrides = None,
        limit: Limit = None,
        force: Force = False,
        yes: Yes = False,
        accept_plan: AcceptPlan = False,
        keep_answers: KeepAnswers = False,
        rebuy: Rebuy = False,
        verbose: Verbose = False,
    ) -> None:
        more = [*(overrides or []), *paid_overrides(keep_answers, rebuy)]
        runtime = runtime_of(config, more, verbose, limit, (stage,))
        run_stages(runtime, (stage,), force=force, approve=approval_of(context, yes, accept_plan))

    return command


def run_as_script(stage: Stage) -> None:
    """Entry of `jobs/<stage>.py`."""
    app = new_app()
    add_stage_command(app, stage)
    run_app(app, sys.argv[1:], stage.name)
