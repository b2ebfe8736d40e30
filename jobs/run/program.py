"""A command line as a program: plain help, and errors meant for the user as one line and an exit code.

Imported before anything else, also for `--help`, so it loads neither Spark nor a stage.
"""

import logging
import signal
import socketserver
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console

from jobs.rendering.terminal import say
from schemas.errors import Phase0Error, StoppedError

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


def run_app(app: typer.Typer, arguments: Sequence[str], script_of: str | None = None) -> None:
    """Run a command line: errors meant for the user end with their exit code, without a traceback.

    Args:
        app: the command line.
        arguments: what was typed after the program's name.
        script_of: the command that the program is by itself; messages that repeat what to type name it.
    """
    given = list(arguments)
    is_verbose = bool({"-v", "--verbose"} & set(given))
    if not is_verbose:
        _hush_py4j()
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
            # Now that something has failed there is time to load Spark.
            from jobs.workspace.machine_errors import explained, is_of_machine

            if is_verbose or not is_of_machine(error):
                raise
            told = explained(error, None)
            _complain(str(told))
            sys.exit(told.exit_code)
        except SystemExit as ending:
            if signals.heard or ending.code == _INTERRUPTED:
                _end_of(signals.heard or signal.SIGINT)
            raise


def _say_nothing(server: socketserver.BaseServer, request: object, address: object) -> None:
    """What is said of a request that failed, where nobody needs to know."""


def _hush_py4j() -> None:
    """Py4J logs a traceback, partly by the root logger, for what the error that follows says too; all else is shown."""
    if not logging.root.handlers:
        shown = logging.StreamHandler()
        shown.setLevel(logging.WARNING)
        shown.addFilter(lambda record: "py4j" not in record.pathname)
        logging.root.addHandler(shown)


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
        # The signal goes to the JVM too, and PySpark's server of accumulators prints a traceback for its end.
        socketserver.BaseServer.handle_error = _say_nothing  # type: ignore[assignment,method-assign]
        raise KeyboardInterrupt


def _end_of(number: signal.Signals) -> NoReturn:
    name = "Ctrl-C" if number is signal.SIGINT else number.name
    _complain(f"stopped by {name}: what was done and paid is kept, and the same command goes on from there")
    sys.exit(StoppedError.exit_code)


def _complain(text: str) -> None:
    say(Console(stderr=True), f"phase0: {text}", "red")
