"""Ctrl-C and SIGTERM become a file that the workers see; a second one is what it always was."""

import os
import signal
import threading
import time

import pytest

from jobs.workspace.stopping import is_stopped, stop_on_signal


def wait_until_stopped(workspace):
    deadline = time.monotonic() + 10
    while not is_stopped(workspace):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop_and_nothing_is_interrupted(tmp_path, number):
    said, before = [], signal.getsignal(number)

    with stop_on_signal(str(tmp_path), said.append):
        os.kill(os.getpid(), number)
        wait_until_stopped(str(tmp_path))
        assert signal.getsignal(number) is before, "the next one does what it always did"

    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_interrupts(tmp_path):
    with pytest.raises(KeyboardInterrupt), stop_on_signal(str(tmp_path), lambda text: None):
        os.kill(os.getpid(), signal.SIGINT)
        wait_until_stopped(str(tmp_path))
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


def test_outside_the_main_thread_the_file_alone_stops(tmp_path):
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with stop_on_signal(str(tmp_path), lambda text: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]
