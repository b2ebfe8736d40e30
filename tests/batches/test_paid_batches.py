"""Paid stages whose models are asked by batch, through the pipeline's own door, and the commands about batches."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from jobs.batches.lines import batch_lines, batches_line
from jobs.batches.show import cancel_batch, list_batches
from jobs.cli.app import main
from jobs.ledger.batch_table import batches_of
from schemas.calls import ATTEMPTS, RESPONSES
from schemas.errors import ConfigError, StoppedError
from schemas.tables import PAIRS
from tests.support.paid import MODELS, PRICES, copy_prepared, ledger_usd, open_paid, pay, prepare, prompts
from tests.support.waves import PRICES as TESTED
from udfs.llm.cost import Usage, cost_of

pytestmark = pytest.mark.usefixtures("one_partition")

COUNT = 40


def sections(provider):
    """One teacher and rules that score; the teacher's mode is set by each test."""
    models = {name: {"prices": {**PRICES, "batch_discount": 0.5}} for name in MODELS}
    batch = {"poll_seconds": 0.1, "longest_poll_seconds": 0.2, "create_wait_seconds": 0.2, "min_requests": 20}
    return {
        "providers": {"test": {"base_url": provider.base_url, "batch": {"shape": "openai"}, "models": models}},
        "distill": {
            "when": "always",
            "teachers": [{"name": "a", "kind": "model", "provider": "test", "model": "model-a", "max_tokens": 100}],
        },
        "score": {"kind": "heuristic"},
        "calls": {"lease_seconds": 4, "grace_seconds": 2, "batch": batch},
    }


@pytest.fixture(scope="module")
def prepared(spark, provider_process, tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("prepared"), provider_process, prompts(COUNT))


@pytest.fixture
def config(prepared, batch_provider, tmp_path):
    """A copy of it whose models are asked by batch."""
    return copy_prepared(prepared, tmp_path / "a copy [50%] {of it}", **sections(batch_provider))


@pytest.fixture
def ready(config):
    """How to open it."""
    return lambda *overrides: open_paid(config, *overrides)


def test_in_mode_auto_most_goes_by_batch_and_the_tail_online(ready, batch_provider):
    batch_provider.behave(expired_share=0.2, answer_words=30)
    runtime = ready("distill.teachers.0.mode=auto")

    pay(runtime)

    seen = batch_provider.summary()
    modes = Counter(row["mode"] for row in runtime.read(ATTEMPTS).where("cost_basis = 'usage'").collect())
    assert modes["batch"] + modes["online"] == COUNT == runtime.read(PAIRS).count()
    assert 0 < modes["online"] < 20 < modes["batch"]
    assert (seen["paid_by_batch"], seen["paid_online"], seen["paid_twice"]) == (modes["batch"], modes["online"], [])
    assert len(seen["batches"]) == 1
    lines = batch_lines(runtime)
    cost = Counter()
    prices = replace(TESTED, batch_discount=Decimal("0.5"))
    for row in runtime.read(ATTEMPTS).where("cost_basis = 'usage'").collect():
        usage = Usage(row["prompt_tokens"], row["completion_tokens"], row["cached_tokens"])
        assert row["cost_usd"] == cost_of(usage, prices) / (2 if row["mode"] == "batch" else 1)
        cost[row["mode"]] += row["cost_usd"]
    assert lines[0] == f"distill, batch: {modes['batch']} paid answers, ${cost['batch']:,.4f}"
    assert lines[1] == f"distill, online: {modes['online']} paid answers, ${cost['online']:,.4f}"
    assert lines[2].startswith(f"batches: 1 taken in, {modes['batch']} answers for ")


def test_a_run_that_does_not_wait_leaves_its_batches_to_the_next_and_shows_them(ready, batch_provider):
    batch_provider.behave(looks=6)
    runtime = ready("distill.teachers.0.mode=batch", "calls.batch.wait=false")

    with pytest.raises(StoppedError, match="batches are out") as stopped:
        pay(runtime)

    assert stopped.value.exit_code == 3 and not runtime.storage.exists(RESPONSES)
    list_batches(runtime)
    shown = runtime.progress.console.export_text()
    assert "batch_0" in shown and "model-a" in shown and "1 out" in shown and "≤ $" in shown
    with pytest.raises(ConfigError, match="no batch nobody is out; there is batch_0"):
        cancel_batch(runtime, "nobody")
    assert cancel_batch(runtime, "batch_0")

    waiting = ready("distill.teachers.0.mode=batch")
    pay(waiting)

    made = batches_of(waiting)
    assert [batch.provider_state for batch in made] == ["cancelled", "completed"]
    assert 0 < made[0].answered < COUNT and sum(batch.answered for batch in made) == COUNT
    assert batch_provider.summary()["paid_twice"] == []
    assert ledger_usd(waiting) == sum(batch.cost_usd for batch in made) > 0
    assert batches_line(made) == f"batches: 2 taken in, {COUNT} answers for ${ledger_usd(waiting):,.4f}"


@pytest.mark.slow
def test_a_batch_that_the_provider_forgot_is_given_up_at_its_worst_case(ready, batch_provider):
    runtime = ready("distill.teachers.0.mode=batch", "calls.batch.wait=false")
    with pytest.raises(StoppedError, match="batches are out"):
        pay(runtime)
    batch_provider.behave()  # knows nothing of it any more
    with pytest.raises(StoppedError, match="is really gone, type `phase0 batches cancel phase0-"):
        pay(runtime)
    with pytest.raises(SystemExit) as ended:
        main(["batches", "cancel", "batch_0", "--config", str(Path(runtime.settings.workspace).parent / "paid.yaml")])
    assert ended.value.code in (None, 0)

    (batch,) = batches_of(runtime)
    assert (batch.state, batch.answered) == ("folded", 0)
    assert ledger_usd(runtime) == batch.cost_usd == batch.reserved_usd > 0
    assert {row["status"] for row in runtime.read(ATTEMPTS).collect()} == {"lost"}


@pytest.mark.slow
def test_a_budget_that_no_batch_fits_into_stops_the_run(ready, batch_provider):
    runtime = ready("distill.teachers.0.mode=batch", "budget.run_usd=0.0007")
    with pytest.raises(StoppedError, match=r"requests fit into no batch: \$0\.00\d+ of the budget are left"):
        pay(runtime)
    assert 0 < ledger_usd(runtime) <= runtime.settings.budget.run_usd


@pytest.mark.slow
def test_a_model_without_a_batch_api_is_refused_in_mode_batch_and_asked_online_in_mode_auto(ready, batch_provider):
    nothing = "providers.test.models.model-a.batch=false"
    with pytest.raises(ConfigError, match=r"no Batch API for model-a \(test\)"):
        pay(ready("distill.teachers.0.mode=batch", nothing))
    runtime = ready("distill.teachers.0.mode=auto", nothing)
    pay(runtime)
    assert batch_provider.summary()["paid_online"] == COUNT


@pytest.mark.slow
def test_a_whole_run_with_the_judge_by_batch_too_tells_in_status_and_reports_what_went_how(
    config, batch_provider, capsys
):
    batch_provider.behave(expired_share=0.2, answer_words=30)
    judge = {"kind": "judge", "provider": "test", "model": "judge-1", "mode": "batch"}
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), "score": judge}))

    def phase0(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--config", str(config), "--set", "distill.teachers.0.mode=auto"])
        assert ended.value.code in (None, 0), capsys.readouterr()
        return capsys.readouterr().out

    phase0("run", "--yes")
    status, batches = phase0("status"), phase0("batches")

    runtime = open_paid(config)
    rows = runtime.read(ATTEMPTS).where("cost_basis = 'usage'").collect()
    counted = Counter((row["stage"], row["mode"]) for row in rows)
    assert counted["score", "batch"] == COUNT and counted["score", "online"] == 0
    assert counted["distill", "batch"] > counted["distill", "online"] > 0
    for (stage, mode), count in counted.items():
        assert f"{stage}, {mode}: {count} paid answers" in status
    assert "batch_0" in batches and "judge-1" in batches and "2 taken in" in batches
    text = (Path(runtime.settings.workspace) / "output" / "PROJECT_STATUS.md").read_text()
    assert "Of what `a` cost, " in text and "Of what `judge` cost, " in text
    seen = batch_provider.summary()
    # Once for the answer and once for its score; the token of a prompt is in both.
    assert seen["paid_by_batch"] + seen["paid_online"] == len(rows) == 2 * COUNT
    assert set(seen["batches_of_a_file"].values()) == {1}
