"""Runs that pay, against the provider on the loopback: what was paid, what was asked again, what became of each row."""

import json
from decimal import Decimal

import pytest

from jobs.online.figures import read_progress
from jobs.pipeline import stages_between
from jobs.reports.show import sample_examples
from jobs.run.run_stages import run_stages
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.errors import ConfigError, StoppedError
from schemas.tables import ASSIGNMENTS, DATASET, FATES, PAIRS, SCORES, SCREEN
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

COUNT = 24
COPY = "a copy [50%] {of it}"
pytestmark = pytest.mark.usefixtures("one_partition")


@pytest.fixture(scope="module")
def prepared(spark, provider_process, tmp_path_factory):
    """A workspace as far as the first deduplication: 24 prompts, the first 6 with a response of the source."""
    records = prompts(COUNT)
    for number in range(6):
        records[number]["output"] = own_response(number)
    return prepare(tmp_path_factory.mktemp("prepared"), provider_process, records)


@pytest.fixture
def ready(prepared, provider, tmp_path):
    """A copy of it, and how to open it with what differs."""
    return opener(copy_prepared(prepared, tmp_path / COPY))


def calls_by_model(provider):
    found = {}
    for call in provider.calls():
        found[call.model] = found.get(call.model, 0) + 1
    return found


def test_teachers_answer_and_the_judge_scores_each_once(ready, provider):
    provider.behave(answer_words=30, ratings={"t3": 5, "t4": 0})

    runtime = ready()
    run_stages(runtime, stages_between("distill", "select"))

    pairs = {row["pair_id"]: row for row in runtime.read(PAIRS).collect()}
    assert len(pairs) == COUNT
    for row in pairs.values():
        token = row["instruction"].split("#")[1]
        assert f"#{token}#" in row["response"], "an answer has the token of its prompt"
        assert row["answered_by"] in ("a", "b")
    tokens = {row["instruction"].split("#")[1]: row["pair_id"] for row in pairs.values()}
    scores = {row["pair_id"]: row for row in runtime.read(SCORES).collect()}
    assert scores[tokens["t3"]]["quality_tenths"] == 50
    assert tokens["t4"] not in scores, "a reply without ratings gives no score"
    fates = {row["example_id"]: row["reason"] for row in runtime.read(FATES).collect()}
    assert fates[pairs[tokens["t3"]]["example_id"]] == "low_score"
    assert fates[pairs[tokens["t4"]]["example_id"]] == "not_scored"
    assert sorted(fates.values()).count("selected") == COUNT - 2
    assert runtime.read(DATASET).count() == COUNT - 2
    counted = calls_by_model(provider)
    assert counted["model-a"] + counted["model-b"] == COUNT
    assert counted["judge-1"] == COUNT + 1, "a reply that cannot be read is asked for once more"
    assert ledger_usd(runtime) == provider_usd(provider) > 0
    assert read_progress(runtime.settings.workspace).run_id == runtime.run_id
    assert {row["stage"] for row in runtime.read(ATTEMPTS).select("stage").distinct().collect()} == {"distill", "score"}

    shown = {row["example_id"]: row["response"] for row in sample_examples(runtime, COUNT)}
    assert shown == {row["example_id"]: row["response"] for row in pairs.values()}, "what people see is the answer"

    # Again, though nothing has changed: everything is there, so nobody is called.
    provider.behave()
    pay(ready(), "distill", "score")
    assert provider.calls() == []


def test_new_prompts_are_the_only_ones_asked(ready, provider, tmp_path):
    pay(ready("calls.runner=driver"))
    provider.behave()
    with (tmp_path / COPY / "prompts.jsonl").open("a") as file:
        for record in prompts(2, start=100):
            file.write(json.dumps(record) + "\n")

    pay(ready(), "ingest")

    asked = {call.token for call in provider.calls()}
    assert asked == {"t100", "t101"}


def test_the_cap_holds_to_the_last_digit_and_more_money_completes(ready, provider):
    provider.behave(answer_words=30)
    full = 24 * (Decimal("2.5") * 40 + 10 * 34) / 1_000_000  # about what the answers cost
    cap = (full / 3).quantize(Decimal("0.000001"))

    with pytest.raises(StoppedError, match="budget is spent") as stopped:
        pay(ready(f"budget.run_usd={cap}"))

    assert stopped.value.exit_code == 3
    runtime = ready()
    paid = ledger_usd(runtime)
    assert 0 < paid <= cap
    assert paid == provider_usd(provider)
    pay(runtime)
    assert provider.summary()["by_what"] == {"ok": len(provider.calls())}
    counted = calls_by_model(provider)
    assert counted["model-a"] + counted["model-b"] == COUNT, "nothing was paid for twice"


def test_below_threshold_judges_the_sources_first_and_pays_for_what_failed_or_is_missing(ready, provider):
    provider.behave(ratings={"t0": 3, "t1": 7})
    distill = {
        "when": "below_threshold",
        "teachers": [
            {"name": "public", "kind": "public"},
            {"name": "a", "kind": "model", "provider": "test", "model": "model-a", "max_tokens": 100},
        ],
    }

    runtime = ready(distill=distill)
    pay(runtime, "distill", "score")

    answered = {call.token for call in provider.calls() if call.model == "model-a"}
    assert answered == {"t0", "t1", *(f"t{number}" for number in range(6, COUNT))}
    teachers = {row["instruction"].split("#")[1]: row["teacher"] for row in runtime.read(PAIRS).collect()}
    assert {token for token, name in teachers.items() if name == "public"} == {"t2", "t3", "t4", "t5"}
    judged = [call.token for call in provider.calls() if call.model == "judge-1"]
    assert sorted(set(judged)) == sorted(f"t{number}" for number in range(COUNT))
    assert len(judged) == COUNT + 2, "those that failed are judged again with their new answer, nothing else twice"


def test_the_best_of_several_samples_is_kept(ready, provider):
    provider.behave(answer_words=12)

    runtime = ready("distill.samples_per_prompt=2", "deduplicate.threshold=1.0")
    pay(runtime, "distill", "select")

    assert runtime.read(ASSIGNMENTS).count() == 2 * COUNT
    fates = [row["reason"] for row in runtime.read(FATES).collect()]
    assert fates.count("selected") == COUNT == len(fates)


def test_answers_that_are_none_or_that_the_screen_convicts_are_marked_and_never_exported(ready, provider):
    # Whoever is rejected before anybody was answered is asked once more.
    scripts = {"t7": ["refused"], "t8": ["filtered"], "t9": ["empty"], "t10": ["cut", "cut"], "t11": ["400", "400"]}
    texts = {"t5": "As an AI language model, I cannot have opinions on #t5#."}
    # Not every answer comes at once, and what a busy provider says is no answer.
    provider.behave(scripts=scripts, texts=texts, answer_words=12, shares={"429": 0.05, "500": 0.05})

    runtime = ready("calls.attempts=8")
    pay(runtime, "distill", "select")

    fates = {row["example_id"]: (row["stage"], row["reason"]) for row in runtime.read(FATES).collect()}
    tokens = {
        row["instruction"].split("#")[1]: row["example_id"]
        for row in runtime.spark.read.format("delta").load(f"{runtime.settings.workspace}/tables/examples").collect()
    }
    assert {token: fates[tokens[token]] for token in [*scripts, "t5"]} == {
        "t5": ("screen", "ai_disclaimer"),
        "t7": ("distill", "answer_refused"),
        "t8": ("distill", "answer_content_filtered"),
        "t9": ("distill", "answer_empty"),
        "t10": ("distill", "answer_truncated"),
        "t11": ("distill", "answer_failed"),
    }
    assert runtime.read(DATASET).count() == COUNT - 6
    judged = {call.token for call in provider.calls() if call.model == "judge-1"}
    assert judged == {f"t{number}" for number in range(COUNT)} - {*scripts, "t5"}
    marked = [row for row in runtime.read(SCREEN).where("target = 'answer' and effect = 'exclude'").collect()]
    assert len({row["id"] for row in marked}) == 1
    asked = {row["request_id"] for row in runtime.read(REQUESTS).select("request_id").collect()}
    for table in (ATTEMPTS, RESPONSES, JUDGEMENTS):
        assert {row["request_id"] for row in runtime.read(table).select("request_id").collect()} <= asked
    assert runtime.read(RESPONSES).count() == len(asked)
    assert ledger_usd(runtime) == provider_usd(provider)


def test_a_teacher_that_is_gone_hands_its_prompts_to_its_fallback(ready, provider):
    provider.behave(models=["model-b", "judge-1"], answer_words=12)

    runtime = ready()
    pay(runtime)

    rows = runtime.read(ASSIGNMENTS).collect()
    assert {row["actual_teacher"] for row in rows} == {"b"}
    assert {row["requested_teacher"] for row in rows} == {"a", "b"}
    # The teacher is back, and what its fallback answered stays answered.
    provider.behave(answer_words=12)
    pay(ready())
    assert provider.calls() == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        ("401", {}, "refuses the key"),
        pytest.param("429", {"code": "insufficient_quota"}, "refuses because of the bill", marks=pytest.mark.slow),
    ],
)
def test_a_provider_that_wants_money_or_a_key_stops_the_run_and_keeps_what_is_paid(
    ready, provider, status, error, words
):
    provider.behave(scripts={f"t{n}": [status] * 9 for n in range(12, COUNT)}, error=error, answer_words=12)

    with pytest.raises(StoppedError, match=words) as stopped:
        pay(ready("calls.concurrency=1"))

    assert "the same command goes on from there" in str(stopped.value)
    before = {call.token for call in provider.calls() if call.is_paid}
    provider.behave(answer_words=12)
    runtime = ready()
    pay(runtime)
    assert {call.token for call in provider.calls()} == {f"t{n}" for n in range(COUNT)} - before
    assert runtime.read(PAIRS).count() == COUNT


def test_a_changed_configuration_never_buys_again_silently(ready, provider):
    provider.behave(answer_words=12)
    pay(ready())
    answers = {row["request_id"] for row in ready().read(ASSIGNMENTS).collect()}
    provider.behave(answer_words=12)
    hotter = [
        {"name": "a", "kind": "model", "provider": "test", "model": "model-a", "max_tokens": 100, "temperature": 1.1},
        {"name": "b", "kind": "model", "provider": "test", "model": "model-b", "max_tokens": 100},
    ]
    changed = {"distill": {"when": "always", "teachers": hotter}}

    with pytest.raises(ConfigError, match="--keep-answers") as refused:
        pay(ready(**changed))
    assert refused.value.exit_code == 2
    assert provider.calls() == []

    runtime = ready("calls.paid_answers=keep")
    pay(runtime)
    assert provider.calls() == []
    assert {row["request_id"] for row in runtime.read(ASSIGNMENTS).collect()} == answers

    pay(ready("calls.paid_answers=rebuy"))
    again = calls_by_model(provider)
    assert set(again) == {"model-a"}, "only what the change is about is bought again"
