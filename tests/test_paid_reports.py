"""A paid run through the command line, as a user types it, and what its reports say of the money."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.call_ledger import read_call_ledger
from jobs.call_table import cents
from jobs.cli import main
from schemas.tables import RUNS
from tests.paid import ledger_usd, open_paid, prompts, provider_usd, write_config

pytestmark = pytest.mark.usefixtures("one_partition")

COUNT = 12


def phase0(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def paid(spark, provider_process, tmp_path_factory):
    """A finished run with two teachers and a judge."""
    folder = tmp_path_factory.mktemp("paid")
    provider_process.behave(answer_words=30)
    config = write_config(folder, provider_process, prompts(COUNT))
    assert phase0("run", "--config", str(config), "--yes") == 0
    return config, provider_usd(provider_process), provider_process


def test_every_account_of_the_money_says_what_the_provider_bills(paid):
    config, billed, _ = paid
    runtime = open_paid(config)
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
    assert manifest["scorer"] == {"kind": "judge", "name": "judge-1"}


def test_the_reports_name_each_teacher_with_its_answers_score_and_cost(paid):
    config, billed, _ = paid
    runtime = open_paid(config)
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


def test_the_same_command_again_asks_nobody_not_even_for_a_yes(paid, capsys):
    config, _, provider = paid
    provider.behave(answer_words=30)
    assert phase0("run", "--config", str(config)) == 0
    assert provider.calls() == [] and "up to date" in capsys.readouterr().out


def test_the_status_of_a_paid_run_tells_of_its_calls(paid, capsys):
    config, billed, _ = paid
    assert phase0("status", "--config", str(config)) == 0
    out = capsys.readouterr().out
    assert "no run is on" in out and f"budget.run_usd: {cents(billed)} of $10.00" in out


def test_a_run_that_stops_at_its_budget_says_what_was_paid_and_how_to_go_on(spark, provider, tmp_path, capsys):
    provider.behave(answer_words=30)
    config = write_config(tmp_path, provider, prompts(COUNT), budget={"run_usd": "0.004"})
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
