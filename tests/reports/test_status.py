"""`phase0 status`: what is seen from another process, at any time, without writing anything."""

import json
import os
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.cli.app import main
from jobs.config.load import load_settings
from jobs.ledger.settle import append_new, attempts_of, read_journal_rows
from jobs.ledger.usage import CallLedger
from jobs.online.figures import WaveWatch, utc_now
from jobs.online.panel import Pace, watch_calls
from jobs.rendering.progress import Progress
from jobs.reports.call_status import ledger_lines, live_status, unsettled_usd
from jobs.reports.status import show_status, watch_status
from jobs.workspace.lease import hold_lease
from schemas.calls import ATTEMPTS
from tests.support.paid_tables import paid_config, paid_workspace
from tests.support.panels import quiet_console, shown
from tests.support.paths import ROOT
from tests.support.waves import context, drive, endpoint, request
from udfs.llm.models import RateLimits

pytestmark = pytest.mark.usefixtures("one_partition")

A = ("test", "model-a")


def leased(settings, run_id="r7", is_paid=True):
    return hold_lease(settings.workspace, run_id, seconds=30, grace_seconds=1, is_paid=is_paid, say=lambda text: None)


def call(provider, settings, wave, tokens, **behaviour):
    """Real calls of teacher a into a journal of the workspace, which nobody settles."""
    provider.behave(**behaviour)
    one = endpoint(provider.base_url, model="model-a", limits=RateLimits(max_in_flight=4))
    requests = [request(token, model="model-a") for token in tokens]
    journal = f"{settings.workspace}/journal/{wave}"
    return list(drive(requests, context(Path(settings.workspace), [one], journal=journal)).values())


def watch(settings, wave, **changes):
    fields = {
        "stage": "distill",
        "names": {A: "a"},
        "waiting": {A: 10},
        "done_before": {A: 7},
        "pending": {A: 100},
        "limits": {A: RateLimits(rpm=600)},
        "spent_usd": Decimal("1.06"),
        "cap_usd": Decimal(5),
        "journal": f"{settings.workspace}/journal/{wave}",
    }
    return WaveWatch(**{**fields, **changes})


def files_of(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(Path(folder).rglob("*"))}


def lines_of(settings):
    return [line.rstrip() for line in shown(live_status(settings)).splitlines()]


def test_a_run_that_is_on_is_named_and_its_calls_are_read_from_the_journal(provider, tmp_path):
    settings = load_settings(str(paid_config(tmp_path)))
    wave = "distill-1700000000000000000-0003"
    with (
        leased(settings),
        watch_calls(Progress(quiet_console()), settings.workspace, watch(settings, wave), run_id="r1", pace=Pace()),
    ):
        time.sleep(0.2)  # progress.json is there and knows of no call yet
        outcomes = call(provider, settings, wave, ["t1", "t2", "t3"])
        before = files_of(tmp_path)
        lines = lines_of(settings)
        assert files_of(tmp_path).keys() == before.keys()
    spent = sum(outcome.cost_usd for outcome in outcomes)
    assert lines[0].startswith(f"at work: run r7: process {os.getpid()} on ")
    assert lines[1] == "calls of distill, wave 3, read from its journal:"
    assert lines[4].split()[:6] == ["a", "10", "107", "0", "3/600", lines[4].split()[5]]
    assert lines[5].startswith(f"${Decimal('1.06') + spent + Decimal('0.005'):.2f} of $5.00 spent")


def test_a_run_that_died_left_its_calls_and_what_they_cost(provider, tmp_path):
    settings = load_settings(str(paid_config(tmp_path)))
    outcomes = call(provider, settings, "distill-1-0001", ["t1", "t2"], shares={"refused": 1.0})
    holder = {"host": "far", "pid": 7, "run_id": "r1", "started_at": "2026-07-01T12:00:00+00:00"}
    lease = {"epoch": 1, "expires_at": utc_now().timestamp() - 100, "holder": holder, "paid": True}
    (tmp_path / "workspace" / "lease.json").write_text(json.dumps(lease))
    lines = lines_of(settings)
    assert lines[0].startswith("not at work any more: run r1: process 7 on far, since 2026-07-01T12:00:00+00:00; its")
    (row,) = [line.split() for line in lines if line.startswith("a ")]
    assert row[3] == "2" and all(outcome.state == "refused" for outcome in outcomes)


def test_a_run_that_gave_up_or_was_killed_here_is_not_taken_for_one_that_is_on(tmp_path):
    settings = load_settings(str(paid_config(tmp_path)))
    with leased(settings) as lease:
        lease.abandon()
    (line,) = lines_of(settings)[:1]
    assert line.startswith("not at work any more: run r7") and "its lease expires in" in shown(live_status(settings))
    watch_status(quiet_console(), settings)  # ends at once

    file = tmp_path / "workspace" / "lease.json"
    killed = subprocess.Popen(["true"])
    killed.wait()
    held = json.loads(file.read_text()) | {"abandoned": False}
    held["holder"]["pid"] = killed.pid
    file.write_text(json.dumps(held))
    assert lines_of(settings)[0].startswith("not at work any more: run r7")
    held["holder"]["host"] = "elsewhere"
    file.write_text(json.dumps(held))
    assert lines_of(settings)[0].startswith("at work: run r7")


def test_between_two_waves_the_figures_of_the_last_are_shown(provider, tmp_path):
    settings = load_settings(str(paid_config(tmp_path)))
    of_the_judge = watch(settings, "score-5-0002", stage="score")
    with watch_calls(Progress(quiet_console()), settings.workspace, of_the_judge, run_id="r1"):
        pass
    lines = lines_of(settings)
    assert lines[0] == "no run is on"
    assert lines[1].startswith("the last calls, of score, wave 2, as of 20") and lines[4].split()[:3] == [
        "a",
        "7",
        "110",
    ]


def test_a_journal_that_cannot_be_read_does_not_hide_the_rest(tmp_path):
    settings = load_settings(str(paid_config(tmp_path)))
    folder = tmp_path / "workspace" / "journal" / "distill-1-0001"
    folder.mkdir(parents=True)
    (folder / "x.jsonl").mkdir()
    assert "it cannot be read (IsADirectoryError" in shown(live_status(settings))


def test_the_status_tells_of_requests_failures_and_money(spark, provider, tmp_path):
    runtime = paid_workspace(tmp_path)
    outcomes = call(provider, runtime.settings, "distill-1-0001", ["t1", "t2"])
    assert unsettled_usd(runtime) == (sum(outcome.cost_usd for outcome in outcomes), 0)
    before = files_of(tmp_path)
    with leased(runtime.settings):
        show_status(runtime)
    text = runtime.progress.console.export_text()
    assert {path for path in files_of(tmp_path) if "lease" not in path.name} == before.keys()

    rows = [line.split() for line in text.splitlines()]
    assert ["distill", "a", "2", "1", "1", "5", "30", "90", "$1.00"] in rows
    assert ["distill", "b", "0", "1", "0", "0", "0", "0", "$0.00"] in rows
    assert ["distill", "gone", "(test)", "0", "0", "0", "1", "10", "30", "$0.01"] in rows
    assert ["score", "judge", "1", "0", "0", "1", "10", "30", "$0.05"] in rows
    assert "distill a: without a whole answer: 1 truncated" in text
    assert "distill a: calls without an answer: 1 lost, 1 rate_limited" in text
    assert "of what is paid $0.50 is assumed" in text
    assert "budget.run_usd: $1.07 of $5.00, $3.93 left" in text  # the two calls cost less than a cent
    assert "budget.score_usd: $0.05 of $1.00, $0.95 left" in text
    assert "in journals, not in the ledger yet: $0.00" in text
    assert "no stage has ended yet" in text and "cost: $1.06" in text


def test_what_batches_may_still_cost_is_not_left():
    settings = load_settings("reference", ["budget.score_usd=20"])
    reserved = {"distill": Decimal(30), "score": Decimal(5)}

    lines = list(ledger_lines(settings, CallLedger(()), (Decimal(0), Decimal(0)), reserved))

    assert lines == [
        "budget.run_usd: $0.00 of $150.00, $35.00 reserved by batches that are out, $115.00 left",
        "budget.score_usd: $0.00 of $20.00, $5.00 reserved by batches that are out, $15.00 left",
    ]


def test_what_is_in_the_ledger_and_still_in_a_journal_counts_once(spark, provider, tmp_path):
    runtime = paid_workspace(tmp_path)
    call(provider, runtime.settings, "distill-1-0001", ["t1", "t2", "t3"])
    rows = attempts_of(read_journal_rows(spark, f"{runtime.settings.workspace}/journal/distill-1-0001"), "distill")
    (first, *others) = sorted(rows.collect(), key=lambda row: row["attempt_id"])
    append_new(runtime, ATTEMPTS, spark.createDataFrame([first], ATTEMPTS.schema))  # its run died while it settled
    assert unsettled_usd(runtime) == (sum(row["cost_usd"] for row in others), 0)


def test_the_command_writes_nothing_and_needs_no_lease(spark, tmp_path, capsys):
    config = paid_config(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["status", "--config", str(config)])
    said = capsys.readouterr()
    assert ended.value.code == 2 and "there is no table runs" in said.err and said.out.startswith("no run is on")
    assert not (tmp_path / "workspace").exists()

    paid_workspace(tmp_path)
    before = files_of(tmp_path / "workspace")
    with leased(load_settings(str(config))), pytest.raises(SystemExit) as ended:
        main(["status", "--config", str(config)])
    assert not ended.value.code and "at work: run r7" in capsys.readouterr().out
    assert files_of(tmp_path / "workspace").keys() == before.keys()


def test_not_even_the_log_of_spark_is_written_into_the_workspace(tmp_path):
    options = ["--config", str(paid_config(tmp_path)), "--set", "spark.driver_memory=1g"]
    command = [sys.executable, "-m", "jobs.cli", "status", *options]
    said = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert said.returncode == 2 and "there is no table runs" in said.stderr, said.stderr
    assert not (tmp_path / "workspace").exists()


def test_watching_ends_with_the_run(tmp_path):
    settings = load_settings(str(paid_config(tmp_path)))
    console = quiet_console()
    with leased(settings) as lease:
        lease.seconds = 1
        started = time.monotonic()
        threading.Timer(0.5, lease.end).start()
        watch_status(console, settings, seconds=0.1)
    assert time.monotonic() - started < 5
    assert console.file.getvalue().startswith("no run is on")
