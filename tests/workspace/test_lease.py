"""One run at a time in a workspace, and none beside the calls of one that died."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.workspace.lease import hold_lease, lease_file, read_lease
from schemas.errors import StoppedError, WorkspaceBusyError


def hold(folder, said=None, *, seconds=2.0, grace=0.5, paid=True, run="me"):
    say = (said if said is not None else []).append
    return hold_lease(str(folder), run, seconds=seconds, grace_seconds=grace, is_paid=paid, say=say)


def leave_behind(folder, *, pid, expires_in, paid=True, host=None, epoch=7):
    """The lease of a run that is not here."""
    lease = {
        "epoch": epoch,
        "expires_at": time.time() + expires_in,
        "holder": {"host": host or socket.gethostname(), "pid": pid, "run_id": "theirs", "started_at": "then"},
        "paid": paid,
    }
    Path(lease_file(str(folder))).write_text(json.dumps(lease))


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lease_is_there_while_it_is_held_and_gone_afterwards(tmp_path):
    with hold(tmp_path) as lease:
        found = read_lease(lease.file)
        assert found is not None
        assert found["epoch"] == lease.epoch
        assert found["holder"]["pid"] == os.getpid()
    assert read_lease(lease.file) is None


def test_a_second_run_is_refused_and_told_who_is_there(tmp_path):
    with hold(tmp_path, run="first"), pytest.raises(WorkspaceBusyError, match="first") as refused, hold(tmp_path):
        pass
    assert str(os.getpid()) in str(refused.value)
    assert refused.value.exit_code == 3


def test_it_is_renewed(tmp_path):
    with hold(tmp_path, seconds=0.4) as lease:
        first = read_lease(lease.file)
        time.sleep(0.6)
        later = read_lease(lease.file)
        assert first is not None
        assert later is not None
        assert later["expires_at"] > first["expires_at"]
        assert later["expires_at"] > time.time()


def test_a_run_that_died_while_it_paid_is_waited_for(tmp_path):
    leave_behind(tmp_path, pid=dead_process(), expires_in=0.6)
    said, started = [], time.monotonic()

    with hold(tmp_path, said, grace=0.4) as lease:
        waited = time.monotonic() - started

    assert waited >= 0.95, "until it has expired, and for as long as its calls may take"
    assert "theirs" in said[0]
    assert lease.epoch > 7


def test_a_run_that_died_and_called_nobody_is_not_waited_for(tmp_path):
    leave_behind(tmp_path, pid=dead_process(), expires_in=60, paid=False)

    started = time.monotonic()
    with hold(tmp_path):
        assert time.monotonic() - started < 5


def test_a_run_on_another_machine_that_renews_is_not_robbed(tmp_path):
    leave_behind(tmp_path, pid=1, expires_in=0.5, host="elsewhere")
    script = (
        "import json, sys, time; time.sleep(0.2); p = sys.argv[1]; d = json.load(open(p)); d['expires_at'] += 60; "
        "open(p, 'w').write(json.dumps(d))"
    )
    renewing = subprocess.Popen([sys.executable, "-c", script, lease_file(str(tmp_path))])

    with pytest.raises(WorkspaceBusyError, match="elsewhere"), hold(tmp_path, grace=3.0):
        pass
    renewing.wait()


def test_epochs_rise_even_where_a_clock_ran_ahead(tmp_path):
    ahead = time.time_ns() * 2
    leave_behind(tmp_path, pid=dead_process(), expires_in=-100, epoch=ahead)

    with hold(tmp_path) as lease:
        assert lease.epoch == ahead + 1


def test_who_lost_it_notices_and_leaves_the_new_one_alone(tmp_path):
    with hold(tmp_path, seconds=0.4) as lease:
        leave_behind(tmp_path, pid=1, expires_in=60, epoch=lease.epoch + 1)
        time.sleep(0.5)
        with pytest.raises(StoppedError, match="lost"):
            lease.check()
    left = read_lease(lease.file)
    assert left is not None
    assert left["epoch"] == lease.epoch + 1


def test_an_abandoned_lease_expires_by_itself(tmp_path):
    with hold(tmp_path, seconds=0.4) as lease:
        lease.abandon()
    assert read_lease(lease.file) is not None

    with hold(tmp_path, grace=0.1):
        pass


@pytest.mark.parametrize("text", ["", "no JSON", "{}", '{"epoch": 1}'])
def test_a_lease_that_cannot_be_read_is_none(tmp_path, text):
    Path(lease_file(str(tmp_path))).write_text(text)

    with hold(tmp_path) as lease:
        assert lease.epoch > 0


def test_no_renewal_comes_after_it_was_given_back(tmp_path):
    for _ in range(60):
        with hold(tmp_path, seconds=0.002) as lease:
            time.sleep(0.003)
        time.sleep(0.001)
        assert read_lease(lease.file) is None
