"""A command line as a program: plain help, and errors meant for the user as one line and an exit code.

Imported before anything else, also for `--help`, so it loads neither Spark nor a stage.
"""

import io
import logging
import os
import signal
import socket
import socketserver
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console

from jobs.rendering.terminal import say
from schemas.errors import Phase0Error, StoppedError

_INTERRUPTED = 130
"""How typer ends after Ctrl-C."""
_STOPS = (signal.SIGINT, signal.SIGTERM)


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
    _write_what_can_be_written()
    given = list(arguments)
    is_verbose = bool({"-v", "--verbose"} & set(given))
    if not is_verbose:
        _hush_py4j()
    with _Signals() as signals:
        try:
            app(args=given, standalone_mode=True, obj=[*([script_of] if script_of else []), *given])
        except Exception as error:
            stop = signals.heard()
            if stop and _follows_from_a_stop(error):
                if is_verbose:
                    traceback.print_exception(error)
                _end_of(stop)
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
            if ending.code == _INTERRUPTED:
                _end_of(signals.heard() or signal.SIGINT)
            raise


def _write_what_can_be_written() -> None:
    """Have a terminal or log that takes no UTF-8 show a question mark for what it cannot show, and not end the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _follows_from_a_stop(error: Exception) -> bool:
    """Whether an error that came after a signal is told as the stop.

    Spark, py4j and the network fall over in many ways while they are wound down, and each is a consequence. What the
    product itself says, such as what a stop left pending, is still told; only errors that stand for another are not.
    """
    return not isinstance(error, Phase0Error) or error.__cause__ is not None


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
    """Hears what asks the command to stop, and has SIGTERM end it as Ctrl-C does: everything is given back.

    Handlers come and go: Spark puts its own for Ctrl-C, and while models are asked another is in place. The wakeup
    file descriptor is told of each signal, whoever handles it.
    """

    def __init__(self) -> None:
        self._first: signal.Signals | None = None
        self._before: tuple[Any, int] | None = None

    def __enter__(self) -> "_Signals":
        if threading.current_thread() is threading.main_thread():
            self._ear, self._mouth = socket.socketpair()
            self._ear.setblocking(False)
            self._mouth.setblocking(False)
            wakeup = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
            self._before = signal.signal(signal.SIGTERM, _interrupt), wakeup
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            handler, wakeup = self._before
            if signal.getsignal(signal.SIGTERM) is _interrupt:
                signal.signal(signal.SIGTERM, handler)
            signal.set_wakeup_fd(wakeup)
            self._ear.close()
            self._mouth.close()

    def heard(self) -> signal.Signals | None:
        """The first signal that asked to stop; null: none did."""
        with suppress(BlockingIOError):
            while self._before is not None and self._first is None:
                told = self._ear.recv(4096)
                self._first = next((signal.Signals(number) for number in told if number in _STOPS), None)
        return self._first


def _interrupt(number: int, frame: FrameType | None) -> None:
    # The signal goes to the JVM too, and PySpark's server of accumulators prints a traceback for its end.
    socketserver.BaseServer.handle_error = _say_nothing  # type: ignore[assignment,method-assign]
    raise KeyboardInterrupt


def _end_of(number: signal.Signals) -> NoReturn:
    for one in _STOPS:  # again, while Java is given back: nothing is left to do, and nothing to be said of it
        signal.signal(one, lambda *_: os._exit(StoppedError.exit_code))
    name = "Ctrl-C" if number is signal.SIGINT else number.name
    _complain(f"stopped by {name}: what was done and paid is kept, and the same command goes on from there")
    sys.exit(StoppedError.exit_code)


def _complain(text: str) -> None:
    """Say what is wrong, if anybody can be told: a log may lie on the disk that is full, and the exit code counts."""
    with suppress(OSError):
        say(Console(stderr=True), f"phase0: {text}", "red")
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python tries again in the end, and would make the exit code 120
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
