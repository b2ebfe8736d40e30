"""A paid run from the command line, with a key: to its end, the key is nowhere, and every report says what was paid."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.cli.app import main
from jobs.ledger.usage import read_call_ledger
from jobs.rendering.money import cents
from schemas.tables import RUNS
from tests.support.demo import demo_conf
from tests.support.paid import MODELS, PRICES, ledger_usd, open_paid, prompts, provider_usd, write_config
from tests.support.paths import ROOT
from tests.support.provider_process import ProviderProcess

pytestmark = pytest.mark.usefixtures("one_partition")

COUNT = 20
KEY = "sk-test-0123456789abcdefghij"  # no word that Spark itself would redact


@dataclass(frozen=True)
class PaidRun:
    """What is left of the run."""

    config: Path
    billed: Decimal
    provider: ProviderProcess
    said: str


def phase0(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def paid(spark, provider_process, tmp_path_factory):
    """A finished run with two teachers and a judge, in a process of its own, whose Spark wrote down its events."""
    folder = tmp_path_factory.mktemp("paid")
    provider_process.behave(key=KEY, models=list(MODELS), answer_words=30, shares={"500": 0.1, "429": 0.1})
    test = {
        "base_url": provider_process.base_url,
        "api_key_env": "PHASE0_TEST_KEY",
        "models": {name: {"prices": PRICES} for name in MODELS},
    }
    (folder / "events").mkdir()
    log = {"enabled": "true", "dir": (folder / "events").as_uri(), "compress": "false"}
    conf = {**demo_conf(), **{f"spark.eventLog.{name}": value for name, value in log.items()}}
    own_spark = {"master": "local[2]", "driver_memory": "1g", "shuffle_partitions": 2, "conf": conf}
    config = write_config(folder, provider_process, prompts(COUNT), providers={"test": test}, spark=own_spark)
    command = [sys.executable, "-m", "jobs.cli", "run", "--yes", "--config", str(config)]
    environment = {**os.environ, "PHASE0_TEST_KEY": KEY, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {call.what for call in provider_process.calls()} <= {"ok", "500", "429"}
    return PaidRun(config, provider_usd(provider_process), provider_process, done.stdout + done.stderr)


@pytest.fixture
def key(monkeypatch):
    """The key in this process too."""
    monkeypatch.setenv("PHASE0_TEST_KEY", KEY)


def test_a_key_is_used_and_is_nowhere_to_be_found(spark, paid, key, capsys):
    folder = paid.config.parent
    assert len((folder / "workspace" / "output" / "dataset.jsonl").read_text().splitlines()) == COUNT
    while list((folder / "events").rglob("*.inprogress")):  # the JVM ends a little later than the command
        time.sleep(0.1)
    (log,) = (path for path in (folder / "events").rglob("events_*") if path.is_file())
    assert b"spark.app.name" in log.read_bytes(), "Spark wrote its events, to be read"
    assert [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []
    for table in (folder / "workspace" / "tables").iterdir():  # whose files are compressed
        assert KEY not in str(spark.read.format("delta").load(str(table)).collect())
    assert KEY not in paid.said

    assert phase0("status", "--config", str(paid.config)) == 0
    status = capsys.readouterr()
    assert KEY not in status.out + status.err
    assert "no run is on" in status.out and f"budget.run_usd: {cents(paid.billed)} of $10.00" in status.out


def test_every_account_of_the_money_says_what_the_provider_bills(paid):
    billed, runtime = paid.billed, open_paid(paid.config)
    output = Path(runtime.settings.workspace) / "output"
    manifest = json.loads((output / "manifest.json").read_text())
    runs = runtime.read(RUNS).collect()
    ledger = read_call_ledger(runtime)

    assert billed > 0 and ledger_usd(runtime) == ledger.spent_usd() == billed
    assert Decimal(manifest["cost_usd"]) == billed
    assert sum(Decimal(one["cost_usd"]) for one in manifest["paid_calls"]["models"]) == billed
    assert {row["stage"]: row["cost_usd"] for row in runs if row["cost_usd"]} == {
        "distill": ledger.spent_usd("distill"),
        "score": ledger.spent_usd("score"),
    }
    assert sum(row["tokens"] for row in runs) == sum(one.tokens for one in ledger.models) > 0
    assert all(manifest["tables"][name] is not None for name in ("attempts", "requests", "responses", "judgements"))
    assert manifest["scorer"] == {
        "kind": "judge",
        "name": "judge-1",
        "calibrations": [],
        "predictions": [],
        "findings": [],
    }


def test_the_reports_name_each_teacher_with_its_answers_score_and_cost(paid):
    billed, runtime = paid.billed, open_paid(paid.config)
    output = Path(runtime.settings.workspace) / "output"
    text, page = (output / "PROJECT_STATUS.md").read_text(), (output / "report.html").read_text()
    distill = {one.model: one for one in read_call_ledger(runtime).of("distill")}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    for name, model in (("a", "model-a"), ("b", "model-b")):
        (row,) = [row for row in rows if row[0] == f"`{name}`" and len(row) == 7]
        one = distill[model]
        assert row[1:5] == [str(one.answered), "9.00", str(one.answered), f"{one.tokens:,}"]
    (judge,) = [row for row in rows if row[0] == "`judge`" and len(row) == 7]
    assert judge[1:4] == [str(COUNT), "", str(COUNT)]
    assert "| $10.00 | " in text and "<bdi>judge</bdi>" in page and billed < Decimal("0.05")


def test_the_same_command_again_asks_nobody_not_even_for_a_yes(paid, key, capsys):
    paid.provider.behave(answer_words=30)
    assert phase0("run", "--config", str(paid.config)) == 0
    assert paid.provider.calls() == [] and "up to date" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_that_stops_at_its_budget_says_what_was_paid_and_how_to_go_on(spark, provider, tmp_path, capsys):
    provider.behave(answer_words=30)
    config = write_config(tmp_path, provider, prompts(12), budget={"run_usd": "0.004"})
    command = ("run", "--to", "distill", "--config", str(config), "--yes")
    assert phase0(*command) == 3
    assert "--accept-plan" in capsys.readouterr().err and provider.calls() == []

    assert phase0(*command, "--accept-plan") == 3
    first = provider_usd(provider)
    assert 0 < first <= Decimal("0.004") and "budget.run_usd" in capsys.readouterr().err
    runtime = open_paid(config)
    (stopped,) = [row for row in runtime.read(RUNS).collect() if row["status"] == "stopped"]
    assert (stopped["stage"], stopped["cost_usd"]) == ("distill", first)

    assert phase0(*command, "--set", "budget.run_usd=10") == 0
    assert ledger_usd(runtime) == provider_usd(provider)
    assert sum(row["cost_usd"] for row in runtime.read(RUNS).collect()) == provider_usd(provider)
