"""What follows from each attempt, and what it costs."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.waves import PRICES, request
from udfs.llm.answers import Answer, Status
from udfs.llm.cost import Usage
from udfs.llm.failures import KINDS, Failure
from udfs.llm.request_state import Again, Park, RequestState, Requeue, Respond, Step
from udfs.llm.retries import RetryPolicy

POLICY = RetryPolicy(max_attempts=3, base_seconds=0.5, longest_backoff_seconds=30, max_wait_seconds=60)
REFUSED = Failure("rate_limited", "slow down")
BROKEN = Failure("transient", "HTTP 500")
USAGE = Usage(10, 5)


def answer(status: Status = "answered", usage: Usage | None = USAGE) -> Answer:
    return Answer(status, "text", "stop", "m-1", usage)


def decide(work: RequestState, result: Answer | Failure, *, is_proven: bool = True) -> Step:
    work.charge(result)
    return work.decide(result, POLICY, is_proven=is_proven)


@pytest.mark.parametrize("status", ["answered", "refused", "content_filtered", "empty", "truncated", "not_whole"])
def test_an_answer_ends_the_request(status):
    assert decide(RequestState(request("a"), PRICES), answer(status)) == Respond(status, answer(status))


def test_a_cut_answer_is_asked_for_once_more_with_all_the_room_there_is():
    work = RequestState(request("a", max_tokens=100, max_tokens_cap=400), PRICES)
    assert work.max_tokens == 100
    assert decide(work, answer("truncated")) == Again()
    assert work.max_tokens == 400
    assert decide(work, answer("truncated")) == Respond("truncated", answer("truncated"))


def test_more_room_that_is_rejected_leaves_the_answer_cut():
    work = RequestState(request("a", max_tokens=100, max_tokens_cap=400), PRICES)
    decide(work, answer("truncated"))
    step = decide(work, Failure("rejected", "max_tokens is too large"))
    assert step == Respond("truncated", answer("truncated"), "max_tokens is too large")


def test_more_room_that_was_not_reserved_waits_for_the_next_wave():
    work = RequestState(request("a", max_tokens=100, max_tokens_cap=400), PRICES)
    work.request = request("a", max_tokens=100, max_tokens_cap=400, reserved_usd=work.worst_usd)
    assert decide(work, answer("truncated")) == Requeue("reservation_spent")


def test_refusals_by_a_rate_limit_use_up_no_attempt():
    work = RequestState(request("a"), PRICES)
    for _ in range(6):
        assert isinstance(decide(work, REFUSED), Again)
    assert isinstance(decide(work, BROKEN), Again)
    assert isinstance(decide(work, BROKEN), Again)
    assert decide(work, BROKEN) == Requeue("attempts_exhausted")


@pytest.mark.parametrize(("before", "is_proven", "is_final"), [(0, True, False), (3, True, True), (3, False, False)])
def test_an_answer_that_always_breaks_off_is_given_up_in_the_second_run(before, is_proven, is_final):
    work = RequestState(replace(request("a"), attempts_before=before), PRICES)
    cut = Failure("broken_off", "finish_reason error", billed=True, usage=USAGE)
    steps = [decide(work, cut, is_proven=is_proven) for _ in range(3)]
    assert all(isinstance(step, Again) for step in steps[:2])
    assert isinstance(steps[2], Respond) == is_final
    assert steps[2] == Requeue("attempts_exhausted") or steps[2].status == "failed"


def test_a_request_that_is_always_refused_is_handed_back_in_the_end():
    work = RequestState(request("a"), PRICES)
    steps = [decide(work, REFUSED) for _ in range(100)]
    assert steps[-1] == Requeue("max_wait")


def test_a_wait_that_is_too_long_hands_the_request_back():
    work = RequestState(request("a"), PRICES)
    assert decide(work, Failure("rate_limited", "", retry_after=61)) == Requeue("max_wait")


@pytest.mark.parametrize("kind", ["rate_limited", "transient"])
def test_no_retry_comes_before_the_provider_said(kind):
    for _ in range(50):
        step = decide(RequestState(request("a"), PRICES), Failure(kind, "", retry_after=7.0))
        assert isinstance(step, Again)
        assert 7.0 <= step.seconds <= 7.5


def test_backoff_is_drawn_from_the_whole_of_a_growing_interval():
    for failures, bound in [(1, 0.5), (2, 1.0), (5, 8.0), (50, 30.0)]:
        drawn = [POLICY.backoff(failures) for _ in range(300)]
        assert max(drawn) <= bound
        assert min(drawn) < bound / 4
        assert max(drawn) > bound * 3 / 4


@pytest.mark.parametrize("kind", ["rejected", "forbidden"])
def test_a_rejection_is_kept_until_others_are_answered_and_then_final(kind):
    rejected, work = Failure(kind, "bad"), RequestState(request("a"), PRICES)
    assert decide(work, rejected) == Park(rejected)
    work.is_confirmed = True
    assert decide(work, rejected) == Respond("failed", error="bad")


@pytest.mark.parametrize("kind", ["too_large", "odd_answer"])
def test_what_is_plainly_the_requests_own_is_final_where_the_endpoint_answers_others(kind):
    failure = Failure(kind, "bad")
    assert decide(RequestState(request("a"), PRICES), failure) == Respond("failed", error="bad")
    assert decide(RequestState(request("a"), PRICES), failure, is_proven=False) == Park(failure)


def test_reasoning_that_used_up_the_room_is_a_cut_answer_charged_at_worst():
    used_up = Failure("truncated", "output limit reached", billed=True)
    work = RequestState(request("a", max_tokens=100, max_tokens_cap=400), PRICES)
    worst = work.worst_usd
    assert decide(work, used_up) == Again()
    assert (work.max_tokens, work.spent_usd) == (400, worst)
    assert decide(work, used_up) == Respond("truncated", None, "output limit reached")


def test_a_prompt_that_is_answered_with_nothing_twice_counts_as_filtered():
    blank, work = Failure("no_answer", "nothing"), RequestState(request("a"), PRICES)
    assert isinstance(decide(work, blank), Again)
    assert decide(work, blank) == Respond("content_filtered", error="nothing, 2 times")
    unproven = RequestState(request("a"), PRICES)
    decide(unproven, blank, is_proven=False)
    assert decide(unproven, blank, is_proven=False) == Park(blank)


@pytest.mark.parametrize("kind", ["transient", "broken_off", "unreadable"])
def test_what_is_asked_again_ends_after_all_attempts(kind):
    work = RequestState(request("a"), PRICES)
    steps = [decide(work, Failure(kind, "x")) for _ in range(3)]
    assert steps[-1] == Requeue("attempts_exhausted")


@given(
    kind=st.sampled_from(KINDS), proven=st.booleans(), confirmed=st.booleans(), cut=st.booleans(), billed=st.booleans()
)
def test_every_kind_of_failure_has_a_next_step(kind, proven, confirmed, cut, billed):
    work = RequestState(request("a"), PRICES, is_confirmed=confirmed, is_cut=cut)
    assert isinstance(decide(work, Failure(kind, "x", billed), is_proven=proven), Respond | Again | Park | Requeue)


def test_a_prompt_the_filter_refused_is_done():
    step = decide(RequestState(request("a"), PRICES), Failure("filtered", "no"), is_proven=False)
    assert step == Respond("content_filtered", error="no")


@pytest.mark.parametrize("kind", ["billing", "auth", "not_found", "unexpected"])
def test_what_concerns_the_provider_leaves_the_request_pending(kind):
    assert decide(RequestState(request("a"), PRICES), Failure(kind, "x")) == Requeue(kind)


@pytest.mark.parametrize(
    ("result", "basis", "cost"),
    [
        (answer(), "usage", Decimal("0.000075")),
        (answer(usage=None), "assumed", None),
        (Failure("transient", "timed out", billed=True), "assumed", None),
        (Failure("broken_off", "error", billed=True, usage=USAGE), "usage", Decimal("0.000075")),
        (Failure("billing", "no credits", usage=None), "none", Decimal(0)),
        (BROKEN, "none", Decimal(0)),
    ],
)
def test_an_attempt_costs_what_was_used_or_at_worst_or_nothing(result, basis, cost):
    work = RequestState(request("a"), PRICES)
    worst = work.worst_usd
    charge = work.charge(result)
    assert (charge.basis, charge.cost_usd) == (basis, worst if cost is None else cost)
    assert work.spent_usd == charge.cost_usd


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (replace(answer(usage=None), note="odd_usage"), "odd_usage"),
        (replace(answer(), text="x" * 5_000), "overlong"),  # far more than 100 tokens
        (replace(answer(usage=Usage(10, 1)), text="x" * 2_000), "odd_usage"),  # far more than one
    ],
)
def test_a_usage_that_cannot_be_its_own_costs_the_worst_and_is_marked(found, note):
    work = RequestState(request("a"), PRICES)
    worst = work.worst_usd
    charge = work.charge(found)
    assert (charge.cost_usd, charge.basis, charge.note) == (worst, "assumed", note)


def test_an_answer_that_was_billed_over_its_bound_is_told_whatever_comes_next():
    work = RequestState(request("a"), PRICES, over_bound="billed $3 where at most $1 was reserved")
    for ended in (work.outcome(state="answered"), work.outcome(reason="reservation_spent")):
        assert (ended.reason, ended.error) == ("over_bound", "billed $3 where at most $1 was reserved")


def test_a_retry_that_does_not_fit_the_reservation_is_not_made():
    work = RequestState(request("a"), PRICES)
    work.request = request("a", reserved_usd=2 * work.worst_usd)
    lost = Failure("transient", "timed out", billed=True)
    assert isinstance(decide(work, lost), Again)
    assert decide(work, lost) == Requeue("reservation_spent")
