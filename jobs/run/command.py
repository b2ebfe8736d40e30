"""From a stage to its command, and from errors to exit codes: what a script needs to be a program.

`spark-submit jobs/score.py --config FILE` and `phase0 score --config FILE` are this one command.
"""

import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated, Any, NoReturn

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
from jobs.workspace.spark_errors import explained
from schemas.errors import Phase0Error, StoppedError

Limit = Annotated[int | None, typer.Option("--limit", min=1, help="read only the first N records of each file")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="leave while batches are out; a later run takes them in")]
Force = Annotated[bool, typer.Option("--force", help="run stages again that are up to date")]
_INTERRUPTED = 130
"""How typer ends after Ctrl-C."""


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
        run_stages(runtime_of(config, overrides, verbose, limit, will_run=True), (stage,), force=force)

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
        given = [*(overrides or []), *paid_overrides(keep_answers, rebuy)]
        runtime = runtime_of(config, given, verbose, limit, will_run=True)
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
    is_verbose = bool({"-v", "--verbose"} & set(given))
    if not is_verbose:  # it tells with a traceback what the error that follows says too
        logging.getLogger("py4j").setLevel(logging.CRITICAL + 1)
    with _Signals() as signals:
        try:
            app(args=given, standalone_mode=True, obj=[*([script_of] if script_of else []), *given])
        except Exception as error:
            if signals.heard:  # what falls over after it is no news
                _end_of(signals.heard)
            if isinstance(error, Phase0Error):
                if is_verbose and error.__cause__ is not None:
                    traceback.print_exception(error.__cause__)
                _complain(str(error))
                sys.exit(error.exit_code)
            if is_verbose or not isinstance(error, PySparkException | Py4JError | OSError):
                raise
            told = explained(error, None)
            _complain(str(told))
            sys.exit(told.exit_code)
        except SystemExit as ending:
            if signals.heard or ending.code == _INTERRUPTED:
                _end_of(signals.heard or signal.SIGINT)
            raise


class _Signals:
    """Has SIGTERM end the command as Ctrl-C does: everything is given back, and one line says so."""

    def __init__(self) -> None:
        self.heard: signal.Signals | None = None
        self._before: Any = None

    def __enter__(self) -> "_Signals":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.heard = signal.Signals(number)
        raise KeyboardInterrupt


def _end_of(number: signal.Signals) -> NoReturn:
    name = "Ctrl-C" if number is signal.SIGINT else number.name
    _complain(f"stopped by {name}: what was done and paid is kept, and the same command goes on from there")
    sys.exit(StoppedError.exit_code)


def _complain(text: str) -> None:
    say(errors, f"phase0: {text}", "red")
