"""What a `kill -9` costs: at most the calls in flight, and nothing that is in the journal."""

import subprocess
import sys
import time
from collections import Counter

from tests.support.killed_wave import IN_FLIGHT
from tests.support.paths import ROOT
from tests.support.waves import context, drive, endpoint, request
from udfs.llm.journal_reader import journal_records, read_journal

ROWS = 600


def test_after_a_kill_only_what_was_in_flight_is_paid_again(provider, tmp_path):
    provider.behave(latency_seconds=0.1)
    command = [sys.executable, "-m", "tests.support.killed_wave", provider.base_url, str(tmp_path), str(ROWS)]
    process = subprocess.Popen(command, cwd=ROOT)
    deadline = time.monotonic() + 60
    while provider.summary()["calls"] < ROWS // 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    wave = context(tmp_path, [endpoint(provider.base_url)])
    journalled = {r["request_id"] for r in journal_records(wave.journal) if r["kind"] == "response"}
    called_before = Counter(call.token for call in provider.calls())
    assert 0 < len(journalled) < ROWS

    outcomes = drive([request(f"t{number}") for number in range(ROWS)], wave)

    assert {outcome.state for outcome in outcomes.values()} == {"answered"}
    called_after = Counter(call.token for call in provider.calls()) - called_before
    assert not journalled & set(called_after)
    paid_twice = Counter(call.token for call in provider.calls() if call.is_paid) - Counter(list(outcomes))
    lost = read_journal(wave.journal).lost
    assert sum(paid_twice.values()) <= len(lost) <= IN_FLIGHT
    # Those are in the ledger too: charged at worst case beside the answer that came in the end.
    assert all(outcomes[sent["request_id"]].attempts == 2 for sent in lost)
