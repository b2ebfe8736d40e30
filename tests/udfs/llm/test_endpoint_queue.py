"""When a call to an endpoint may start, and when the endpoint is given up."""

import pytest

from tests.support.waves import PRICES, endpoint, request
from udfs.llm.answers import Answer
from udfs.llm.cost import Usage
from udfs.llm.endpoint_queue import EndpointQueue
from udfs.llm.failures import Failure
from udfs.llm.limits import Concurrency
from udfs.llm.models import RateLimits
from udfs.llm.request_state import RequestState
from udfs.llm.retries import RetryPolicy

POLICY = RetryPolicy(max_wait_seconds=60)
ANSWER = Answer("answered", "text", "stop", "m", Usage(20, 10))
FOREVER = float("inf")


def queue(limits: RateLimits | None = None, place: int = 0, tasks: int = 1, **history) -> EndpointQueue:
    return EndpointQueue(
        endpoint("http://x", limits=limits or RateLimits(max_in_flight=4)), place, tasks, POLICY, **history
    )


def work(token: str = "a", **changes) -> RequestState:
    return RequestState(request(token, **changes), PRICES)


def started(queue: EndpointQueue, now: float) -> list[str]:
    tokens = []
    while isinstance(found := queue.next_start(now), RequestState):
        queue.admit(now, found)
        tokens.append(found.request.request_id)
    return tokens


def end(queue: EndpointQueue, now: float, result: Answer | Failure, count: int = 1) -> None:
    for _ in range(count):
        queue.note(now, work(), 100, (None, None), result)


def test_no_more_calls_start_than_may_be_in_flight():
    four = queue()
    for token in "abcdef":
        four.add(work(token))
    assert started(four, 0.0) == list("abcd")
    assert four.next_start(0.0) == FOREVER
    four.in_flight -= 1
    assert started(four, 0.0) == ["e"]


def test_a_retry_starts_when_it_is_due_and_before_what_is_new():
    four = queue()
    four.add(work("late"), due=5.0)
    assert four.next_start(1.0) == 4.0
    four.add(work("new"))
    assert started(four, 5.0) == ["late", "new"]


def test_what_was_sent_before_the_wave_counts():
    carried = [(-1.0, 1.0, 0.0)] * 8
    one_of_two = queue(RateLimits(rpm=8, max_in_flight=100), tasks=2, history=carried)
    one_of_two.add(work())
    assert 55 < one_of_two.next_start(0.0) < 61  # its share is used up until the oldest leaves the window


def test_what_this_task_itself_sent_before_it_was_run_again_counts_whole():
    again = queue(RateLimits(rpm=4, max_in_flight=100), tasks=2, own_history=[(-1.0, 1.0, 0.0)] * 2)
    again.add(work())
    assert 55 < again.next_start(0.0) < 61


def test_prompts_count_with_their_bytes_until_their_usual_tokens_are_known():
    limited = queue(RateLimits(tpm=100_000, max_in_flight=4))
    asked = work(prompt_tokens_bound=4000)
    assert limited.tokens_of(asked) == 4100
    for _ in range(20):
        limited.note(0.0, asked, 100, (None, None), Answer("answered", "x", "stop", "m", Usage(1000, 10)))
    assert limited.tokens_of(asked) == pytest.approx(1000 * 1.1 + 100)


def test_a_prompt_of_more_bytes_than_the_limit_has_tokens_has_the_window_to_itself():
    limited = queue(RateLimits(tpm=1000, max_in_flight=4))
    assert limited.fits(work(prompt_tokens_bound=5000))
    assert limited.tokens_of(work(prompt_tokens_bound=5000)) == 1000
    assert not limited.fits(work(max_tokens=1001))


@pytest.mark.parametrize("kind", ["billing", "auth", "not_found", "unexpected"])
def test_a_refusal_of_bill_key_or_model_stops_the_endpoint_at_once(kind):
    four = queue()
    four.add(work())
    end(four, 0.0, Failure(kind, "why"))
    assert four.stopped == (kind, "why")
    assert four.next_start(0.0) == FOREVER


def test_twenty_equal_rejections_without_an_answer_stop_the_endpoint():
    four = queue()
    for number in range(20):
        assert four.stopped is None
        four.hold(work(), Failure("rejected", f"bad parameter in request {number}"))
    assert four.stopped == ("rejected", "bad parameter in request 19")
    assert len(list(four.drain())) == 20


def test_what_was_rejected_is_asked_again_once_another_is_answered():
    four = queue()
    four.hold(work("held"), Failure("rejected", "bad"))
    assert four.waiting == 0
    end(four, 0.0, ANSWER)
    assert started(four, 0.0) == ["held"]


def test_an_answer_to_a_call_that_was_sent_before_says_nothing_of_a_rejection():
    four = queue(is_proven=True)
    four.hold(work("held"), Failure("rejected", "bad"), 5.0)
    four.note(6.0, work(), 100, (None, None), ANSWER, started=4.0)
    assert four.waiting == 0
    four.note(7.0, work(), 100, (None, None), ANSWER, started=5.5)
    found = four.next_start(7.0)
    assert isinstance(found, RequestState)
    assert found.is_confirmed


def test_equal_rejections_that_begin_after_answers_stop_the_endpoint_after_a_few_single_calls():
    four = queue(RateLimits(max_in_flight=64))
    four.in_flight = 30
    end(four, 0.0, ANSWER)
    for number in range(20):
        four.hold(work(f"h{number}"), Failure("rejected", f"no {number}"), 1.0)
    four.add(work("next"))
    assert four.next_start(2.0) == FOREVER  # those in flight are waited for
    four.note(2.0, work(), 100, (None, None), ANSWER, started=0.5)
    four.in_flight = 0
    for number in range(5):
        found = four.next_start(3.0)
        assert isinstance(found, RequestState)
        four.admit(3.0, found)
        assert four.next_start(3.0) == FOREVER
        four.in_flight -= 1
        four.hold(found, Failure("rejected", "no"), 4.0 + number)
        four.add(work(f"more{number}"))
    assert four.next_start(9.0) == FOREVER
    assert four.stopped == ("rejected", "no")
    assert len(list(four.drain())) == 20 + 5 + 1  # all of them stay pending


def test_half_of_the_prompts_may_be_rejected_by_an_endpoint_that_answers_the_others():
    four = queue(RateLimits(max_in_flight=64))
    four.in_flight = 32
    for number in range(32):
        four.hold(work(f"h{number}"), Failure("rejected", "bad"), 1.0)
    for _ in range(32):
        four.note(5.0, work(), 100, (None, None), ANSWER, started=0.0)
        four.in_flight -= 1
    four.add(work("next"))
    probe = four.next_start(6.0)
    assert isinstance(probe, RequestState)
    four.note(8.0, probe, 100, (None, None), ANSWER, started=6.0)
    assert four.stopped is None
    assert four.waiting == 32


@pytest.mark.parametrize(
    ("held", "answers", "is_few"), [(1, 0, True), (4, 0, True), (5, 0, False), (5, 19, False), (5, 20, True)]
)
def test_what_is_rejected_at_the_end_is_at_fault_only_where_it_is_little(held, answers, is_few):
    four = queue(is_proven=True)
    for number in range(held):
        four.hold(work(f"h{number}"), Failure("rejected", "bad"), 1.0)
    for _ in range(answers):
        four.note(2.0, work(), 100, (None, None), ANSWER, started=0.0)
    assert four.confirm_rest() is is_few
    assert four.waiting == (held if is_few else 0)


def test_a_403_that_does_not_say_why_is_a_verdict_on_the_key_only_where_nothing_else_is_answered():
    four = queue()
    for _ in range(20):
        four.hold(work(), Failure("forbidden", "HTTP 403 - no message"))
    assert four.stopped == ("auth", "HTTP 403 - no message")


def test_bodies_that_are_no_answers_stop_an_endpoint_after_three_and_a_proven_one_after_ten():
    torn = Failure("unreadable", "<html>", billed=True)
    for is_proven, most in ((False, 3), (True, 10)):
        four = queue(is_proven=is_proven)
        end(four, 0.0, torn, count=most - 1)
        assert four.stopped is None
        end(four, 0.0, torn)
        assert four.stopped is not None
        assert four.stopped[0] == "unexpected"


def test_answers_that_all_end_in_an_unknown_way_stop_an_endpoint_that_would_be_paid_for_nothing():
    four, odd = queue(), Answer("not_whole", "text", "finished_maybe", "m", Usage(20, 10))
    end(four, 0.0, odd, count=9)
    end(four, 0.0, ANSWER)
    end(four, 0.0, odd, count=9)
    assert four.stopped is None
    end(four, 0.0, odd)
    assert four.stopped is not None
    assert "'finished_maybe'" in four.stopped[1]


def test_nothing_but_failures_for_as_long_as_may_be_waited_stops_the_endpoint():
    four = queue()
    end(four, 0.0, Failure("transient", "HTTP 500"), count=50)
    assert four.stopped is None
    end(four, 61.0, Failure("transient", "HTTP 500"))
    assert four.stopped == ("unavailable", "HTTP 500")


def test_an_answer_in_between_keeps_the_endpoint():
    four = queue()
    end(four, 0.0, Failure("transient", "HTTP 500"), count=50)
    end(four, 50.0, ANSWER)
    end(four, 61.0, Failure("transient", "HTTP 500"), count=50)
    assert four.stopped is None


def test_three_refusals_in_a_row_make_all_calls_wait_as_long_as_was_said():
    four = queue()
    four.add(work())
    end(four, 0.0, Failure("rate_limited", "", retry_after=9.0), count=2)
    assert isinstance(four.next_start(0.0), RequestState)
    four.add(work())
    end(four, 0.0, Failure("rate_limited", "", retry_after=9.0))
    wait = four.next_start(0.0)
    assert isinstance(wait, float)
    assert 9.0 <= wait <= 9.5


def test_a_provider_that_asks_everybody_to_wait_too_long_is_given_up():
    four = queue()
    end(four, 0.0, Failure("rate_limited", "come back tomorrow", retry_after=86_400.0), count=3)
    assert four.stopped is not None
    assert four.stopped[0] == "unavailable"


def test_concurrency_halves_with_a_round_of_refusals_and_climbs_back():
    calls = Concurrency(64)
    for _ in range(64):
        calls.refused()
    assert calls.calls == 32
    for _ in range(40 * 32):
        calls.answered()
    assert calls.calls == 64
    for _ in range(1000):
        calls.refused()
    assert calls.calls == 1


def test_two_percent_of_chance_refusals_cost_no_concurrency():
    calls = Concurrency(200)
    for number in range(10_000):
        calls.refused() if number % 50 == 0 else calls.answered()
    assert calls.calls >= 190
