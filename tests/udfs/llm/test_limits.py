"""A limit is never exceeded in any window, and is used."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.llm.limits import RateLimit, share, share_of_history, tasks_for
from udfs.llm.models import RateLimits


def most_in_a_window(takes: list[tuple[float, float]], seconds: float) -> float:
    """The largest sum over any window that begins with one of them."""
    return max((sum(n for at, n in takes if start <= at < start + seconds) for start, _ in takes), default=0.0)


@settings(max_examples=50)
@given(
    limit=st.integers(1, 60),
    amounts=st.lists(st.integers(1, 20), max_size=60),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.5, 3.0, 11.0]), min_size=60, max_size=60),
    used_before=st.integers(0, 60),
)
def test_no_window_holds_more_than_the_limit_however_calls_come(limit, amounts, pauses, used_before):
    history = [(-1.0, float(min(used_before, limit)))]
    rate, now, takes = RateLimit(limit, 10.0, history), 0.0, list(history)
    for amount, pause in zip(amounts, pauses, strict=False):
        now += pause
        wait = rate.wait(now, amount)
        if wait == float("inf"):
            assert amount > limit
            continue
        now += wait
        while (more := rate.wait(now, amount)) > 0:  # a rounding error away
            now += more + 1e-6
        rate.take(now, amount)
        takes.append((now, amount))
    assert most_in_a_window(takes, 10.0) <= limit + 1e-6


def test_a_limit_is_used_to_95_percent_by_one_task_and_by_eight():
    for tasks in (1, 2, 8):
        limits = [RateLimit(share(500, place, tasks), 10.0) for place in range(tasks)]
        takes = []
        for rate in limits:
            now = 0.0
            while now < 60.0:
                rate.take(now, 1)
                takes.append((now, 1.0))
                now += max(rate.wait(now, 1), 1e-9)
        assert len([at for at, _ in takes if 10.0 <= at < 60.0]) >= 0.95 * 2500
        assert most_in_a_window(takes, 10.0) <= 500


def test_a_window_is_used_evenly_and_not_at_its_start():
    rate, now, takes = RateLimit(100, 10.0), 0.0, []
    while now < 1.0:
        rate.take(now, 1)
        takes.append(now)
        now += max(rate.wait(now, 1), 1e-9)
    assert len(takes) <= 12  # a tenth of the window, and 2 % to catch up


def calls_to_a_provider_of_seconds(learns, rpm=1200, seconds=120.0):
    """Calls that were refused, and all, by a provider that keeps a sixtieth of the limit in each second.

    Every now and then nothing can be sent for a second and a half, which is then caught up.
    """
    rate, now, calls, refused = RateLimit(rpm, 60.0), 0.0, 0, 0
    answered: deque[float] = deque()
    while now < seconds:
        rate.take(now, 1)
        calls += 1
        while answered and answered[0] <= now - 1.0:
            answered.popleft()
        if len(answered) < rpm / 60:
            answered.append(now)
        else:
            refused += 1
            if learns:
                rate.shorten(1)
        now += max(rate.wait(now, 1), 1e-9)
        if calls % 100 == 0:
            now += 1.5
    return refused, calls


def test_refusals_teach_that_a_provider_keeps_shorter_windows():
    refused_before, calls_before = calls_to_a_provider_of_seconds(learns=False)
    refused, calls = calls_to_a_provider_of_seconds(learns=True)
    assert refused_before > 0.03 * calls_before and refused <= 6
    assert calls - refused > 0.95 * (calls_before - refused_before), "no fewer are answered"


def test_a_window_is_never_shorter_than_a_second_and_holds_what_it_must():
    rate = RateLimit(60, 60.0)
    for _ in range(10):
        rate.shorten(least=4)
    assert rate.limit == 4
    for _ in range(10):
        rate.shorten(least=0)
    assert rate.limit == 1


def test_what_was_counted_too_high_is_given_back():
    rate = RateLimit(1000, 10.0)
    grant = rate.take(0.0, 1000)
    assert rate.wait(1.0, 100) > 5
    rate.correct(grant, 50)
    assert rate.wait(1.0, 100) == 0


def test_a_correction_of_what_has_left_the_window_changes_nothing():
    rate = RateLimit(100, 10.0)
    old = rate.take(0.0, 10)
    assert rate.wait(50.0, 1) == 0
    rate.correct(old, 90)
    rate.take(50.0, 1)
    assert rate.wait(51.0, 90) == 0


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_shares_sum_to_the_limit(limit, tasks):
    assert sum(share(limit, place, tasks) for place in range(tasks)) == limit


def test_shares_of_history_sum_to_what_was_sent():
    parts = [share_of_history([(1.0, 3.0, 90.0), (2.0, 1.0, 30.0)], 4) for _ in range(4)]
    assert sum(amount for requests, _ in parts for _, amount in requests) == 4
    assert sum(amount for _, tokens in parts for _, amount in tokens) == 120


def test_an_endpoint_has_no_more_tasks_than_its_limits_feed():
    assert tasks_for(RateLimits(max_in_flight=64), 8, 1000) == 8
    assert tasks_for(RateLimits(max_in_flight=3), 8, 1000) == 3
    assert tasks_for(RateLimits(rpm=2), 8, 1000) == 2
    assert tasks_for(RateLimits(tpm=60_000), 8, 1000) == 3
    assert tasks_for(RateLimits(tpm=100), 8, 1000) == 1
