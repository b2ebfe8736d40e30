"""After a signal that asks to stop, whatever falls over is the stop: exit code 3 and one line."""

import os
import signal
import subprocess
import sys

import pytest
from py4j.protocol import Py4JError, Py4JNetworkError

from jobs.run.program import new_app, run_app
from schemas.errors import DataRefusedError, EnvironmentSetupError, SparkJobError, StoppedError
from tests.support.paths import ROOT

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
STOPPED = "phase0: stopped by {}: what was done and paid is kept, and the same command goes on from there\n"
GATEWAY = "Gateway must be connected to send cancel cmd."


@pytest.fixture(autouse=True)
def handlers():
    """Those of this process, which goes on after the command has ended."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def standing_for(told, fault):
    told.__cause__ = fault
    return told


def end_of(command, *arguments):
    app = new_app()
    app.command()(command)
    with pytest.raises(SystemExit) as ended:
        run_app(app, list(arguments))
    return ended.value.code


def signalled(number, fault):
    """A command that is told to stop while somebody else's handler is in place, and then falls over."""

    def command() -> None:
        signal.signal(number, lambda *_: None)
        os.kill(os.getpid(), number)
        if fault is not None:
            raise fault

    return command


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "fault",
    [
        Py4JError(GATEWAY),
        Py4JNetworkError("Answer from Java side is empty"),
        ConnectionResetError("reset"),
        AttributeError("'NoneType' object has no attribute 'sc'"),
        standing_for(SparkJobError(f"a Spark job failed: {GATEWAY}"), Py4JError(GATEWAY)),
        standing_for(StoppedError("Spark's Java process has ended"), Py4JNetworkError("x")),
        standing_for(EnvironmentSetupError("/w: Input/output error"), OSError("x")),
    ],
    ids=lambda fault: f"{type(fault).__name__} {fault}"[:40],
)
def test_what_falls_over_after_a_signal_is_told_as_the_stop(capsys, number, fault):
    assert end_of(signalled(number, fault)) == 3
    assert capsys.readouterr() == ("", STOPPED.format(SIGNALS[number]))


@pytest.mark.parametrize(
    ("said", "code"),
    [(StoppedError("12 prompts are pending"), 3), (DataRefusedError("score: 1 critical expectation failed"), 1)],
)
def test_what_the_product_says_itself_after_a_signal_is_still_told(capsys, said, code):
    assert end_of(signalled(signal.SIGINT, said)) == code
    assert capsys.readouterr().err == f"phase0: {said}\n"


def test_a_command_that_came_to_its_end_all_the_same_is_no_stop(capsys):
    assert end_of(signalled(signal.SIGTERM, None)) == 0
    assert capsys.readouterr().err == ""


def test_without_a_signal_the_same_error_is_a_fault(capsys):
    def command() -> None:
        os.kill(os.getpid(), signal.SIGCHLD)  # a signal too, but none that asks to stop
        raise Py4JError(GATEWAY)

    assert end_of(command) == 1
    assert capsys.readouterr().err.startswith(f"phase0: a Spark job failed: {GATEWAY}")


def test_with_v_what_fell_over_is_shown_before_the_stop(capsys):
    def command(verbose: bool = False) -> None:
        signalled(signal.SIGINT, Py4JError(GATEWAY))()

    assert end_of(command, "--verbose") == 3
    said = capsys.readouterr().err
    assert "Traceback" in said and said.endswith(STOPPED.format("Ctrl-C"))


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_while_java_is_given_back_ends_at_once_and_says_nothing(number):
    program = (
        "import atexit, os, signal, time\n"
        "from jobs.run.program import new_app, run_app\n"
        f"atexit.register(lambda: (os.kill(os.getpid(), {int(number)}), time.sleep(60)))\n"
        "app = new_app()\n"
        f"app.command()(lambda: os.kill(os.getpid(), {int(number)}))\n"
        "run_app(app, [])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )

    assert (done.returncode, done.stderr) == (3, STOPPED.format(SIGNALS[number]))
