"""Runs that end right after each step, one after the other: a request file is made a batch once, whatever happens."""

import shutil
import signal
import subprocess
import sys

import pytest

from jobs.ledger.batch_table import batches_of
from tests.support.batch_events import EVENTS, KilledError, at_event
from tests.support.batch_runs import (
    attempts,
    batch_endpoint,
    numbered,
    open_workspace,
    reserved_usd,
    responses,
    run,
    spent,
    write_requests,
)
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("one_partition")

ROWS = 6


def die():
    raise KilledError


def check(runtime, batch_provider):
    seen = batch_provider.summary()
    # The upload that was not written down was done again; only one of the two was made a batch.
    uploads = [name for name, _ in seen["files"].values() if name.endswith(".jsonl")]
    assert (len(uploads), len(set(uploads))) == (2, 1)
    assert seen["batches_of_a_file"] and set(seen["batches_of_a_file"].values()) == {1}
    assert (len(seen["batches"]), seen["paid"], seen["paid_twice"]) == (1, ROWS, [])
    rows = attempts(runtime)
    assert len(responses(runtime)) == len(rows) == ROWS
    assert [batch.state for batch in batches_of(runtime)] == ["folded"]
    assert spent(runtime) == batches_of(runtime)[0].cost_usd > 0 and reserved_usd(runtime) == 0


def test_a_run_that_ends_after_any_step_is_taken_up_there(spark, tmp_path, batch_provider):
    runtime, to = open_workspace(tmp_path / "workspace"), batch_endpoint(batch_provider.base_url)
    write_requests(runtime, numbered(ROWS))

    for event in EVENTS:
        with at_event(event, die), pytest.raises(KilledError):
            run(runtime, to)
    run(runtime, to)

    check(runtime, batch_provider)


@pytest.mark.slow
def test_a_process_that_is_killed_after_any_step_is_taken_up_there(spark, tmp_path, batch_provider):
    runtime, to = open_workspace(tmp_path / "workspace"), batch_endpoint(batch_provider.base_url)
    write_requests(runtime, numbered(ROWS))

    for event in EVENTS:
        command = [sys.executable, "-m", "tests.support.killed_batch_run", batch_provider.base_url]
        ended = subprocess.run([*command, str(tmp_path / "workspace"), event], cwd=ROOT, capture_output=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    run(runtime, to)

    check(runtime, batch_provider)


@pytest.mark.slow
def test_a_request_file_that_somebody_removed_frees_its_members(spark, tmp_path, batch_provider):
    runtime, to = open_workspace(tmp_path / "workspace"), batch_endpoint(batch_provider.base_url)
    write_requests(runtime, numbered(ROWS))
    with at_event("intent", die), pytest.raises(KilledError):
        run(runtime, to)
    shutil.rmtree(tmp_path / "workspace" / "batches")

    ended = run(runtime, to)

    first, second = batches_of(runtime)
    assert (first.provider_state, first.cost_usd, second.answered) == ("refused", 0, ROWS)
    assert "has 0 files" in first.error and dict(ended.faults) == {}
    assert batch_provider.summary()["paid_twice"] == [] and len(responses(runtime)) == ROWS
