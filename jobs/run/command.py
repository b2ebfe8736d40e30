"""From a stage to its command, and from errors to exit codes: what a script needs to be a program.

`spark-submit jobs/score.py --config FILE` and `phase0 score --config FILE` are this one command.
"""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from jobs.rendering.terminal import say
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
    errors,
    paid_overrides,
    runtime_of,
)
from jobs.run.run_stages import run_stages
from jobs.workspace.runtime import Stage
from schemas.errors import Phase0Error

Limit = Annotated[int | None, typer.Option("--limit", min=1, help="read only the first N records of each file")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="leave while batches are out; a later run takes them in")]
Force = Annotated[bool, typer.Option("--force", help="run stages again that are up to date")]


def new_app(text: str | None = None) -> typer.Typer:
    """A command line with the product's manners: plain help, no tracebacks of its own."""
    return typer.Typer(
        name="phase0",
        help=text,
        no_args_is_help=text is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


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
        run_stages(runtime_of(config, overrides, verbose, limit), (stage,), force=force)

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
        runtime = runtime_of(config, [*(overrides or []), *paid_overrides(keep_answers, rebuy)], verbose, limit)
        run_stages(runtime, (stage,), force=force, approve=approval_of(context, yes, accept_plan))

    return command


def run_as_script(stage: Stage) -> None:
    """Entry of `jobs/<stage>.py`."""
    app = new_app()
    add_stage_command(app, stage)
    run_app(app, sys.argv[1:], stage.name)


def run_app(app: typer.Typer, arguments: Sequence[str], script_of: str | None = None) -> None:
    """Run a command line: errors meant for the user end with their exit code, without a traceback.

    Args:
        app: the command line.
        arguments: what was typed after the program's name.
        script_of: the command that the program is by itself; messages that repeat what to type name it.
    """
    given = list(arguments)
    try:
        app(args=given, standalone_mode=True, obj=[*([script_of] if script_of else []), *given])
    except Phase0Error as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except (PySparkException, Py4JError) as error:
        if {"-v", "--verbose"} & set(given):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # The line that says what went wrong on an executor is the last of the Python traceback in the message.
        causes = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
        _complain(
            f"a Spark job failed: {(causes or lines or [repr(error)])[-1]}\nRun it again with -v to see all of it."
        )
        sys.exit(1)


def _complain(text: str) -> None:
    say(errors, f"phase0: {text}", "red")
