"""Probes against the provider on the loopback: what is asked, kept, never asked again, and what the plan then says."""

import sys
from collections import Counter
from decimal import Decimal

import pytest

from jobs.answers import probe as answers_probe
from jobs.answers.probe import first_of_each
from jobs.budget.approval import Approval
from jobs.budget.outlook import find_outlook
from jobs.budget.plan import plan_from_tables
from jobs.cli.app import main
from jobs.ledger.usage import read_call_ledger
from jobs.run.probe import run_probe
from schemas.calls import REQUESTS
from schemas.errors import ConfigError, StoppedError
from schemas.tables import ASSIGNMENTS, PAIRS, PROBES
from tests.support.paid import (
    copy_prepared,
    ledger_usd,
    opener,
    own_response,
    pay,
    prepare,
    prompts,
    provider_usd,
)

COUNT = 40
YES = Approval(is_given=True)
pytestmark = pytest.mark.usefixtures("one_partition")


@pytest.fixture(scope="module")
def prepared(spark, provider_process, tmp_path_factory):
    """A workspace as far as the first deduplication: 40 prompts, the first 10 with a response of the source."""
    records = prompts(COUNT)
    for number in range(10):
        records[number]["output"] = own_response(number)
    return prepare(tmp_path_factory.mktemp("probe"), provider_process, records)


@pytest.fixture
def ready(prepared, provider, tmp_path):
    """A copy of it, and how to open it with what differs."""
    return opener(copy_prepared(prepared, tmp_path / "copy"))


def tokens_by_model(provider):
    found = {}
    for call in provider.calls():
        found.setdefault(call.model, []).append(call.token)
    return found


def said(runtime):
    return runtime.progress.console.file.getvalue()


def test_a_probe_is_paid_for_once_grows_and_leaves_the_rest_to_the_run(ready, provider):
    bad = {f"t{number}": 5 for number in range(0, COUNT, 2)}
    provider.behave(answer_words=30, ratings=bad, usage={"completion_tokens_details": {"reasoning_tokens": 7}})

    run_probe(ready(), 10, YES)
    first = tokens_by_model(provider)
    runtime = ready()
    assert len(first["model-a"]) + len(first["model-b"]) == 10 == len(first["judge-1"])
    assert ledger_usd(runtime) == provider_usd(provider)
    probed = runtime.read(PROBES).collect()
    assert Counter(row["state"] for row in probed) == {"scored": 10}
    assert not runtime.storage.exists(PAIRS), "what the run makes of it is the run's"
    assert runtime.read(ASSIGNMENTS).count() == 10 == runtime.read(REQUESTS).where("model <> 'judge-1'").count()

    run_probe(ready(), 16, YES)
    second = tokens_by_model(provider)
    assert len(second["model-a"]) + len(second["model-b"]) == 16 == len(second["judge-1"])
    assert set(first["judge-1"]) < set(second["judge-1"])
    before = len(provider.calls())
    again = ready()
    run_probe(again, 16, Approval("phase0 plan --probe 16"))  # would raise, were anything to be agreed to
    assert len(provider.calls()) == before and "16 prompts are answered and scored already" in said(again)

    plan = plan_from_tables(ready())
    accepted = sum(row["quality_tenths"] > 70 for row in ready().read(PROBES).collect())
    assert plan.rows.acceptance == {"general": accepted / 16}
    assert sum(one.ended for one in plan.teachers) == 16 and all(one.measured for one in plan.calls)
    assert plan.found.parts["answers", "test", "model-a"].reasoning_tokens == 7 * len(second["model-a"])
    expected = find_outlook(plan, read_call_ledger(ready()))
    paid = ledger_usd(ready())

    pay(ready(), "distill", "score")
    whole = tokens_by_model(provider)
    assert sorted(whole["model-a"] + whole["model-b"]) == sorted(f"t{number}" for number in range(COUNT))
    assert sorted(whole["judge-1"]) == sorted(f"t{number}" for number in range(COUNT))
    runtime = ready()
    assert [one.calls for one in plan.teachers] == [len(whole["model-a"]), len(whole["model-b"])]
    rest = ledger_usd(runtime) - paid
    assert ledger_usd(runtime) == provider_usd(provider)
    assert abs(expected.to_go_usd() - rest) <= expected.margin_usd + Decimal("0.02") * rest

    # The run is as good as a probe of all there are.
    before = len(provider.calls())
    run_probe(ready(), 1_000, Approval("phase0 plan"))
    assert len(provider.calls()) == before
    done = find_outlook(plan_from_tables(ready()), read_call_ledger(ready()))
    assert done.to_go_usd() == 0 and done.paid_usd() == ledger_usd(ready())


def test_a_probe_that_dies_or_has_no_money_goes_on_where_it_was(ready, provider, monkeypatch):
    provider.behave(answer_words=30)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(answers_probe, "_score_answers", die)
        with pytest.raises(KeyboardInterrupt):
            run_probe(ready(), 8, YES)
    answered = provider.calls()
    assert len(answered) == 8 and not ready().storage.exists(PROBES)
    spent = provider_usd(provider)

    cap = spent + Decimal("0.003")  # too little for all that the judge may cost
    with pytest.raises(StoppedError) as stopped:
        run_probe(ready(f"budget.run_usd={cap}"), 8, YES)
    assert stopped.value.exit_code == 3 and ledger_usd(ready()) <= cap
    with pytest.raises(StoppedError, match="nothing was asked") as stopped:
        run_probe(ready(f"budget.run_usd={ledger_usd(ready())}"), 8, YES)

    run_probe(ready(), 8, YES)
    calls = tokens_by_model(provider)
    assert len(calls["model-a"] + calls["model-b"]) == 8 and len(calls["judge-1"]) == 8
    assert ledger_usd(ready()) == provider_usd(provider)
    assert provider.summary()["by_what"] == {"ok": 16}


def test_the_sources_own_responses_are_judged_and_those_that_fail_are_asked_for(ready, provider):
    provider.behave(answer_words=30, ratings={f"t{number}": 3 for number in range(5)})
    distill = {
        "when": "below_threshold",
        "teachers": [
            {"name": "public", "kind": "public"},
            {"name": "a", "kind": "model", "provider": "test", "model": "model-a", "max_tokens": 100},
        ],
    }
    runtime = ready(distill=distill)
    run_probe(runtime, 40, YES)

    states = {(row["teacher"], row["state"]): 0 for row in runtime.read(PROBES).collect()}
    assert states.keys() == {("public", "scored"), ("a", "scored")}
    calls = tokens_by_model(provider)
    assert set(calls["model-a"]) == {f"t{number}" for number in [*range(5), *range(10, COUNT)]}
    plan = plan_from_tables(ready())
    assert plan.rows.ready == {"general": 5} and plan.rows.asked == {"general": 35}
    before = len(provider.calls())
    pay(ready(), "distill", "score")
    assert len(provider.calls()) == before, "all of it was in the probe"


# What is refused.


@pytest.mark.parametrize("typed", [("--probe", "0"), ("--probe", "-3"), ("--probe", "many"), ("--yes",), ("--rebuy",)])
def test_what_is_no_probe_is_refused(tmp_path, capsys, typed):
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--config", "demo", "--set", f"workspace={tmp_path}/w", *typed])
    assert ended.value.code == 2 and capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "wanted"), [("demo", "asks no model"), ("reference", "phase0 run --to deduplicate-prompts")]
)
def test_where_there_is_nothing_to_probe_the_command_says_so(tmp_path, config, wanted, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--config", config, "--set", f"workspace={tmp_path}/w", "--probe", "5", "--yes"])
    assert ended.value.code == 2 and wanted in " ".join(capsys.readouterr().err.split())


def test_a_probe_asks_before_it_spends_and_names_the_most(ready, provider, tmp_path, capsys, monkeypatch):
    ready()
    command = ["plan", "--config", str(tmp_path / "copy" / "paid.yaml"), "--probe", "5"]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(SystemExit) as ended:
        main(command)
    out = capsys.readouterr()
    assert ended.value.code == 2 and provider.calls() == []
    assert "up to 5 calls of teachers and 5 of the judge" in " ".join(out.out.split())
    assert f"type: phase0 {' '.join(command)} --yes" in " ".join(out.err.split())
    with pytest.raises(ConfigError):
        run_probe(ready(score={}, distill={}), 5, YES)


def test_a_draw_is_in_shares_nested_and_takes_first_what_is_done(spark):
    rows = [
        (f"e{number}", "a" if number % 4 else "b", "code" if number % 10 == 0 else "general", number in (3, 7, 11))
        for number in range(200)
    ]
    frame = spark.createDataFrame(rows, "example_id string, teacher string, category string, is_done boolean")

    def drawn(count):
        return {row["example_id"]: row for row in first_of_each(frame, ("teacher", "category"), count).collect()}

    few, more = drawn(20), drawn(60)
    assert len(few) == 20 and len(more) == 60 and few.keys() < more.keys()
    assert {"e3", "e7", "e11"} < few.keys()
    shares = Counter((row["teacher"], row["category"]) for row in more.values())
    whole = Counter((row[1], row[2]) for row in rows)
    assert all(abs(shares[group] - count * 60 / 200) <= 1 for group, count in whole.items())
    assert drawn(1_000).keys() == {row[0] for row in rows}
