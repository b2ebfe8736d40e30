"""The engine against a provider that misbehaves: every request in one state, none swapped, none paid twice."""

import asyncio
import json
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.waves import PRICES, QUICK, context, drive, endpoint, request
from udfs.llm.cost import worst_case
from udfs.llm.journal import Journal
from udfs.llm.journal_reader import journal_records, read_journal
from udfs.llm.map_calls import drive_calls
from udfs.llm.models import Profile, RateLimits
from udfs.llm.outcome import Outcome
from udfs.llm.retries import RetryPolicy


def responses(folder: Path) -> dict[str, dict]:
    found = [record for record in journal_records(str(folder / "wave")) if record["kind"] == "response"]
    assert len({record["request_id"] for record in found}) == len(found), "a request has two responses"
    return {record["request_id"]: record for record in found}


def attempts(folder: Path) -> list[dict]:
    return [record for record in journal_records(str(folder / "wave")) if record["kind"] == "attempt"]


def test_with_all_faults_at_once_every_request_ends_in_one_state_and_no_answer_is_swapped(provider, tmp_path):
    shares = {"429": 0.02, "500": 0.03, "dropped": 0.01, "torn": 0.01, "not_json": 0.01, "no_usage": 0.01}
    odd = {"refused": 0.01, "filtered": 0.01, "empty": 0.01, "cut": 0.02}
    provider.behave(shares=shares | odd, latency_seconds=0.02)
    requests = [request(f"t{number}", max_tokens_cap=200) for number in range(600)]

    outcomes = drive(requests, context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=64))]))

    stored = responses(tmp_path)
    states = {token: outcome.state for token, outcome in outcomes.items()}
    assert states == {token: response["status"] for token, response in stored.items()}, "none is handed back"
    assert set(states.values()) == {"answered", "refused", "content_filtered", "empty"}
    assert [token for token, r in stored.items() if r["status"] == "answered" and f"#{token}#" not in r["text"]] == []

    # Paid again is only what never arrived whole, or was cut.
    calls = provider.calls()
    arrived: set[str] = set()
    for call in calls:
        assert call.token not in arrived
        if call.is_paid and call.what not in {"dropped", "torn", "not_json", "cut"}:
            arrived.add(call.token)
    assert arrived == set(states)

    # The ledger knows every call, and no call is cheaper in it than at the provider.
    written = attempts(tmp_path)
    assert len(written) == len(calls)
    paid = [attempt for attempt in written if attempt["cost_basis"] != "none"]
    assert len(paid) == sum(call.is_paid for call in calls)
    known = sum((a["prompt_tokens"] + a["completion_tokens"] for a in paid if a["cost_basis"] == "usage"), 0)
    assert known == sum(
        call.paid_tokens
        for call in calls
        if call.is_paid and call.what not in {"dropped", "torn", "not_json", "no_usage"}
    )


def test_the_cost_of_an_answer_is_exact(provider, tmp_path):
    provider.behave(answer_words=20)
    outcome = drive([request("a")], context(tmp_path, [endpoint(provider.base_url)]))["a"]
    [call] = provider.calls()
    assert outcome.cost_usd == (call.prompt_tokens * Decimal("2.5") + 24 * Decimal(10)) / 1_000_000
    [attempt] = attempts(tmp_path)
    assert (Decimal(attempt["cost_usd"]), attempt["cost_basis"]) == (outcome.cost_usd, "usage")


def test_a_timeout_after_sending_is_charged_at_worst_case(provider, tmp_path):
    provider.behave(scripts={"a": ["timeout"]})
    outcome = drive([request("a")], context(tmp_path, [endpoint(provider.base_url, timeout_seconds=0.3)]))["a"]
    first, second = attempts(tmp_path)
    assert (first["status"], first["cost_basis"], second["cost_basis"]) == ("transient", "assumed", "usage")
    assert "timed out" in first["error"]
    assert outcome.cost_usd == Decimal(first["cost_usd"]) + Decimal(second["cost_usd"])


def test_a_server_that_is_not_there_bills_nothing_and_is_given_up(tmp_path):
    nowhere = endpoint("http://127.0.0.1:9/v1")
    policy = RetryPolicy(max_attempts=3, base_seconds=0.01, longest_backoff_seconds=0.02)
    outcomes = drive([request(f"t{n}") for n in range(5)], context(tmp_path, [nowhere], retries=policy))
    assert {(o.state, o.reason, o.attempts, o.cost_usd) for o in outcomes.values()} == {
        ("returned", "attempts_exhausted", 3, Decimal(0))
    }
    assert "not connected" in (outcomes["t0"].error or "")


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        ("429", {"code": "insufficient_quota"}, "billing"),
        ("401", {"code": "invalid_api_key"}, "auth"),
        ("404", {}, "not_found"),
        ("400", {"code": "unsupported_parameter"}, "rejected"),
    ],
)
def test_an_endpoint_that_refuses_all_is_stopped_and_keeps_its_requests_pending(
    provider, tmp_path, status, error, reason
):
    provider.behave(shares={status: 1.0}, error=error)
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=4))])
    outcomes = drive([request(f"t{number}") for number in range(100)], wave)
    assert {(o.state, o.reason, o.cost_usd) for o in outcomes.values()} == {("returned", reason, Decimal(0))}
    assert f"HTTP {status}" in (outcomes["t99"].error or "")
    assert len(provider.calls()) <= (24 if reason == "rejected" else 8)
    assert responses(tmp_path) == {}


def test_a_refused_bill_stops_all_models_of_the_provider_and_no_other(provider, tmp_path):
    provider.behave(models=["broke", "fine"], error={"code": "insufficient_quota"}, scripts={"t0": ["402"]})
    models = [
        endpoint(provider.base_url, model="broke", limits=RateLimits(max_in_flight=1)),
        endpoint(provider.base_url, model="fine", limits=RateLimits(max_in_flight=1, rpm=1)),
        endpoint(provider.base_url, provider="other", model="fine"),
    ]
    requests = [
        request("t0", model="broke"),
        request("t1", model="broke"),
        *(request(f"t{number}", model="fine") for number in (2, 3)),
        request("t4", provider="other", model="fine"),
    ]
    outcomes = drive(requests, context(tmp_path, models))
    assert [outcomes[f"t{number}"].reason for number in (0, 1, 3)] == ["billing"] * 3
    assert outcomes["t4"].state == "answered"


def test_one_rejected_request_among_answered_ones_fails_for_good(provider, tmp_path):
    provider.behave(scripts={"t3": ["400", "400"]})
    requests = [request(f"t{number}") for number in range(8)]
    outcomes = drive(requests, context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=1))]))
    assert {token for token, outcome in outcomes.items() if outcome.state == "failed"} == {"t3"}
    assert responses(tmp_path)["t3"]["error"].startswith("HTTP 400")


def test_a_first_request_that_is_rejected_fails_once_the_endpoint_has_answered_another(provider, tmp_path):
    provider.behave(scripts={"t0": ["400", "400"]})
    requests = [request(f"t{number}") for number in range(3)]
    outcomes = drive(requests, context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=1))]))
    assert (outcomes["t0"].state, outcomes["t0"].attempts) == ("failed", 2)


@pytest.mark.parametrize("headers", [{"Retry-After": "1"}, {"retry-after-ms": "700", "Retry-After": "60"}])
def test_a_retry_waits_as_long_as_the_provider_asks(provider, tmp_path, headers):
    provider.behave(scripts={"a": ["429"], "b": ["503"]}, headers=headers)
    outcomes = drive([request("a"), request("b")], context(tmp_path, [endpoint(provider.base_url)]))
    assert {outcome.state for outcome in outcomes.values()} == {"answered"}
    for token in "ab":
        first, second = sorted((call for call in provider.calls() if call.token == token), key=lambda call: call.number)
        assert second.at - first.at >= 0.69


def test_429s_use_up_no_attempt_and_500s_do(provider, tmp_path):
    provider.behave(scripts={"a": ["429"] * 8, "b": ["500"] * 8})
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=2))])
    outcomes = drive([request("a"), request("b")], wave)
    assert (outcomes["a"].state, outcomes["a"].attempts) == ("answered", 9)
    assert (outcomes["b"].reason, outcomes["b"].attempts) == ("attempts_exhausted", QUICK.max_attempts)


def test_a_cut_answer_gets_one_more_try_with_all_the_room_there_is(provider, tmp_path):
    provider.behave(answer_words=50)
    requests = [request("whole", max_tokens=30, max_tokens_cap=80), request("cut", max_tokens=30, max_tokens_cap=40)]
    outcomes = drive(requests, context(tmp_path, [endpoint(provider.base_url)]))
    assert {token: (o.state, o.attempts) for token, o in outcomes.items()} == {
        "whole": ("answered", 2),
        "cut": ("truncated", 2),
    }
    assert sorted(call.max_tokens for call in provider.calls()) == [30, 30, 40, 80]


def test_a_request_that_an_earlier_wave_saw_cut_begins_with_all_its_room(provider, tmp_path):
    provider.behave(answer_words=50)
    cut = request("a", max_tokens=30, max_tokens_cap=80, was_cut=True, attempts_before=4)
    assert drive([cut], context(tmp_path, [endpoint(provider.base_url)]))["a"].state == "answered"
    [attempt] = attempts(tmp_path)
    assert (attempt["attempt_no"], attempt["max_tokens"]) == (5, 80)


def test_nothing_is_sent_beyond_what_is_reserved(provider, tmp_path):
    provider.behave(shares={"dropped": 1.0})
    worst = worst_case(request("a").prompt_tokens_bound, 100, PRICES)
    requests = [request("a", reserved_usd=worst * Decimal("1.99")), request("b", reserved_usd=worst * Decimal("0.99"))]
    outcomes = drive(requests, context(tmp_path, [endpoint(provider.base_url)]))
    assert (outcomes["a"].reason, outcomes["a"].attempts) == ("reservation_spent", 1)
    assert (outcomes["b"].reason, outcomes["b"].attempts) == ("reservation_spent", 0)
    assert all(outcomes[one.request_id].cost_usd <= one.reserved_usd for one in requests)


def test_run_again_on_its_journal_a_wave_calls_only_what_was_not_answered(provider, tmp_path):
    provider.behave(latency_seconds=0.01)
    wave = context(tmp_path, [endpoint(provider.base_url)])
    drive([request(f"t{number}") for number in range(20)], wave)
    again = drive([request(f"t{number}") for number in range(22)], wave)
    assert {outcome.state for outcome in again.values()} == {"answered"}
    assert len(provider.calls()) == 22
    assert sum(outcome.cost_usd for outcome in again.values()) == sum(
        Decimal(a["cost_usd"]) for a in attempts(tmp_path)
    )


def test_a_call_that_was_lost_in_flight_is_made_again_and_charged_at_worst_case(provider, tmp_path):
    async def lose() -> None:
        journal = Journal(str(tmp_path / "wave"), "task-00000-0000-lost")
        sent = {"attempt_id": "task-00000-0000-lost.1", "request_id": "a", "attempt_no": 1, "provider": "test"}
        await journal.append(
            {"kind": "sent", **sent, "model": "m", "sent_at": 1.0, "max_tokens": 100, "tokens": 9, "cost_usd": "0.7"}
        )
        await journal.close()

    asyncio.run(lose())
    wave = context(tmp_path, [endpoint(provider.base_url)])
    outcome = drive([request("a")], wave)["a"]
    assert (outcome.state, outcome.attempts) == ("answered", 2)
    assert outcome.cost_usd > Decimal("0.7")
    assert [sent["attempt_no"] for sent in read_journal(wave.journal).lost] == [1]


def test_a_stop_file_ends_the_wave_and_keeps_what_is_in_flight(provider, tmp_path):
    provider.behave(latency_seconds=1.5)
    wave = context(
        tmp_path,
        [endpoint(provider.base_url, limits=RateLimits(max_in_flight=3))],
        stop_file=str(tmp_path / "stop"),
        grace_seconds=10.0,
    )
    threading.Timer(0.3, (tmp_path / "stop").touch).start()
    outcomes = drive([request(f"t{number}") for number in range(50)], wave)
    answered = {token for token, outcome in outcomes.items() if outcome.state == "answered"}
    assert len(answered) == len(provider.calls()) == 3
    assert {o.reason for token, o in outcomes.items() if token not in answered} == {"stopped"}
    assert not read_journal(wave.journal).lost


def test_after_the_grace_period_calls_in_flight_are_abandoned_and_charged(provider, tmp_path):
    provider.behave(latency_seconds=15.0)
    wave = context(tmp_path, [endpoint(provider.base_url)], stop_file=str(tmp_path / "stop"), grace_seconds=0.1)
    threading.Timer(0.2, (tmp_path / "stop").touch).start()
    started = time.monotonic()
    outcome = drive([request("a")], wave)["a"]
    assert time.monotonic() - started < 10
    assert (outcome.state, outcome.reason) == ("returned", "stopped")
    [lost] = read_journal(wave.journal).lost
    assert outcome.cost_usd == Decimal(lost["cost_usd"]) > 0


def test_without_its_lease_a_wave_calls_nothing(provider, tmp_path):
    lease = tmp_path / "lease.json"
    lease.write_text(json.dumps({"epoch": 8, "expires_at": time.time() + 60}), "ascii")
    wave = context(tmp_path, [endpoint(provider.base_url)], lease_file=str(lease), epoch=7)
    assert drive([request("a")], wave)["a"].reason == "lease_lost"
    assert provider.calls() == []


def test_requests_of_an_unknown_endpoint_or_too_large_for_its_limit_are_handed_back(provider, tmp_path):
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(tpm=500))])
    outcomes = drive([request("a", model="other"), request("b", max_tokens=501), request("c")], wave)
    assert {token: outcome.reason or outcome.state for token, outcome in outcomes.items()} == {
        "a": "not_dealt",
        "b": "larger_than_limit",
        "c": "answered",
    }


def test_parameters_are_sent_as_the_model_wants_them(provider, tmp_path):
    profile = Profile(max_tokens_field="max_completion_tokens", extra_body=(("reasoning_effort", '"low"'),))
    wave = context(tmp_path, [endpoint(provider.base_url, profile=profile)])
    drive([request("a", max_tokens=77)], wave)
    assert [call.max_tokens for call in provider.calls()] == [77]


def test_a_model_that_bills_more_than_it_can_have_used_is_stopped(provider, tmp_path):
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=1))])
    short = [request(f"t{number}", prompt_tokens_bound=1, max_tokens=24) for number in range(3)]
    outcomes = drive(short, wave)
    assert sorted((o.state, o.reason) for o in outcomes.values()) == [
        ("answered", "over_bound"),
        ("returned", "over_bound"),
        ("returned", "over_bound"),
    ]


def test_a_bill_over_its_bound_is_remembered_when_all_calls_were_in_flight(provider, tmp_path):
    wave = context(tmp_path, [endpoint(provider.base_url)])
    short = [request(f"t{number}", prompt_tokens_bound=1, max_tokens=24) for number in range(3)]
    assert {(o.state, o.reason) for o in drive(short, wave).values()} == {("answered", "over_bound")}


def usage_body(usage: str) -> str:
    message = '{"message": {"content": "Yes."}, "finish_reason": "stop"}'
    return f'{{"choices": [{message}], "usage": {{"prompt_tokens": {usage}, "completion_tokens": 5}}}}'


def test_whatever_one_answer_holds_ends_no_more_than_its_own_request(provider, tmp_path):
    odd = {
        "nested": '{"choices": ' + "[" * 200_000 + "]" * 200_000 + "}",
        "digits": usage_body("9" * 5_000),
        "huge": usage_body(str(10**22)),
        "float": usage_body("1e22"),
        "nan": usage_body("NaN"),
        "negative": usage_body("-5"),
        "bool": usage_body("true"),
        "text": usage_body('"30"'),
    }
    provider.behave(bodies=odd)
    wave = context(tmp_path, [endpoint(provider.base_url)])
    good = [request(f"good{number}") for number in range(8)]
    outcomes = drive([*good, *(request(name) for name in odd)], wave)
    states = {name: outcomes[name].state for name in odd}
    assert states == {**dict.fromkeys(odd, "answered"), "nested": "failed", "digits": "failed"}
    assert {outcomes[one.request_id].state for one in good} == {"answered"}
    worst = worst_case(request("x").prompt_tokens_bound, 100, PRICES)
    assert min(outcomes[name].cost_usd for name in odd) >= worst * Decimal("0.9")  # names differ by a few bytes
    assert "cannot be read" in (outcomes["nested"].error or "")


def test_an_account_that_runs_out_in_mid_wave_leaves_every_prompt_pending(provider, tmp_path):
    tokens = [f"t{number:02}" for number in range(44)]
    provider.behave(
        latency_seconds=0.02, scripts={token: ["400"] * 9 for token in tokens[4:]}, error={"message": "Nothing left."}
    )
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=2))])
    outcomes = drive([request(token) for token in tokens], wave)
    assert Counter(outcome.state for outcome in outcomes.values()) == {"answered": 4, "returned": 40}
    assert {outcome.reason for outcome in outcomes.values()} == {None, "rejected"}
    assert len(provider.calls()) <= 4 + 20 + 5 + 2


def test_a_few_prompts_that_are_rejected_among_others_are_final(provider, tmp_path):
    provider.behave(scripts={f"t{number}": ["400"] * 9 for number in (1, 3)}, error={"message": "not this one"})
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=2))])
    outcomes = drive([request(f"t{number}") for number in range(12)], wave)
    assert {name for name, outcome in outcomes.items() if outcome.state == "failed"} == {"t1", "t3"}
    assert {outcome.reason for outcome in outcomes.values()} == {None}


def test_the_key_is_used_and_written_nowhere(provider, tmp_path, monkeypatch):
    key = "sk-a-secret-of-the-tests"
    monkeypatch.setenv("TEST_KEY", key)
    provider.behave(key=key, scripts={"b": ["400", "400"]}, error={"message": f"is {key} your key?"})
    wave = context(tmp_path, [endpoint(provider.base_url, api_key_env="TEST_KEY")])
    outcomes = drive([request("a"), request("b")], wave)
    assert (outcomes["a"].state, outcomes["b"].state) == ("answered", "failed")
    texts = [path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert "is [key] your key?" in "".join(texts)
    assert not [text for text in [*texts, repr(wave), repr(outcomes)] if key in text]


def test_a_key_that_is_not_set_is_named_and_nothing_is_called(provider, tmp_path):
    wave = context(tmp_path, [endpoint(provider.base_url, api_key_env="NO_SUCH_KEY")])
    outcome = drive([request("a")], wave)["a"]
    assert (outcome.reason, outcome.error) == ("auth", "NO_SUCH_KEY is not set")
    assert provider.calls() == []


def test_an_iteration_that_is_given_up_abandons_its_calls_and_ends(provider, tmp_path):
    provider.behave(latency_seconds=0.05, scripts={"t1": ["timeout"]})
    wave = context(tmp_path, [endpoint(provider.base_url)])
    outcomes = drive_calls([request("t0"), request("t1")], wave)
    assert next(outcomes).request_id == "t0"
    outcomes.close()
    assert [sent["request_id"] for sent in read_journal(wave.journal).lost] == ["t1"]


def test_a_journal_that_cannot_be_written_ends_the_wave_before_a_call(provider, tmp_path):
    (tmp_path / "wave").write_text("in the way", "ascii")
    with pytest.raises(OSError, match=r"exists|directory"):
        list(drive_calls([request("a")], context(tmp_path, [endpoint(provider.base_url)])))
    assert provider.calls() == []


def test_an_error_of_the_input_is_raised_and_what_was_answered_is_kept(provider, tmp_path):
    def requests():
        yield from (request(f"t{number}") for number in range(256))
        raise ZeroDivisionError

    wave = context(tmp_path, [endpoint(provider.base_url)])
    with pytest.raises(ZeroDivisionError):
        list(drive_calls(requests(), wave))
    found = read_journal(wave.journal)
    assert len(provider.calls()) == len(found.sends)


def test_a_task_that_is_run_again_beside_itself_pays_nothing_twice(provider, tmp_path):
    provider.behave(latency_seconds=0.2)
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=4))])
    requests = [request(f"t{number}") for number in range(60)]
    first: dict[str, Outcome] = {}
    half_dead = threading.Thread(target=lambda: first.update(drive(requests, wave)))
    half_dead.start()
    while provider.summary()["calls"] < 8:
        time.sleep(0.05)
    second = drive(requests, wave)
    half_dead.join()
    assert {outcome.state for outcome in second.values()} == {"answered"}
    assert {outcome.reason for outcome in first.values()} == {None, "superseded"}
    assert sorted(call.token for call in provider.calls()) == sorted(second)
