"""One death of each kind; `make soak` is ten of each."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from jobs.budget.approval import Approval
from jobs.run.probe import run_probe
from schemas.calls import ATTEMPTS
from schemas.tables import PROBES
from tests.support.kills import IN_FLIGHT, MASTERS, below, kill_and_go_on
from tests.support.paid import copy_prepared, ledger_usd, open_paid, prepare, prompts, provider_usd
from tests.support.paths import ROOT

pytestmark = [pytest.mark.usefixtures("one_partition"), pytest.mark.slow]


@pytest.fixture(scope="module")
def prepared(spark, provider_process, tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("kills"), provider_process, prompts(120))


@pytest.mark.parametrize("kind", sorted(MASTERS))
def test_what_is_in_the_journal_is_not_paid_again_and_in_flight_at_most_once(kind, prepared, provider, tmp_path):
    kill = kill_and_go_on(kind, prepared, provider, tmp_path / "copy", random.Random(kind))

    assert 0 < kill.calls_before < 120, "it died on its way"
    assert kill.paid_again == 0
    assert kill.paid_twice <= IN_FLIGHT


def test_a_probe_killed_with_calls_in_flight_keeps_its_answers_and_charges_those_at_worst(prepared, provider, tmp_path):
    probed = 24
    limits = {"max_wait_seconds": 5, "lease_seconds": 4, "grace_seconds": 2, "concurrency": 4}
    spark = {"master": "local[2]", "driver_memory": "1g", "shuffle_partitions": 2}
    config = copy_prepared(prepared, tmp_path / "copy", calls=limits, spark=spark)
    provider.behave(latency_seconds=0.8, answer_words=12)
    command = [sys.executable, "-m", "jobs.cli", "plan", "--probe", str(probed), "--yes", "--config", str(config)]
    with (tmp_path / "probe.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 300
        while provider.summary()["calls"] < 10 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        for one in below(process.pid):
            os.kill(one, signal.SIGKILL)
        process.wait()
    before = [call.token for call in provider.calls()]
    assert 10 <= len(before) < probed, (tmp_path / "probe.log").read_text("utf-8", "replace")[-2000:]

    run_probe(open_paid(config), probed, Approval(is_given=True))

    runtime = open_paid(config)
    assert Counter(row["state"] for row in runtime.read(PROBES).collect()) == {"scored": probed}
    asked = Counter(call.token for call in provider.calls() if call.model != "judge-1")
    twice = sum(count - 1 for count in asked.values())
    assumed = [row for row in runtime.read(ATTEMPTS).collect() if row["cost_basis"] == "assumed"]
    assert len(asked) == probed and len(assumed) == twice, "what was in flight, and nothing else, is asked again"
    assert 0 < twice <= IN_FLIGHT
    assert ledger_usd(runtime) >= provider_usd(provider), "never less than what may be billed"
