"""How long a provider asks to wait, in each way it can say so."""

from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.retries import retry_after_seconds, said_seconds

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "7s"}, 7.0),
        ({"retry-after": "500ms"}, 0.5),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "30 seconds"}, 30.0),
        ({"retry-after": "00:01:30"}, 90.0),
        ({"retry-after": '"30"'}, 30.0),
        ({"retry-after": "5, 10"}, 10.0),
        ({"retry-after": "2027-01-15T08:00:10Z"}, 10.0),
        ({"retry-after": "2027-01-15T09:00:10+01:00"}, 10.0),
        ({"retry-after": "1800000010"}, 10.0),
        ({"retry-after": "1800000010000"}, 10.0),
        ({"retry-after": "1799999990"}, 0.0),
        ({"retry-after": "a minute or so"}, None),
        ({"retry-after": "7 apples"}, None),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_seconds_and_milliseconds_are_understood_and_nonsense_is_not(headers, seconds):
    assert retry_after_seconds(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please wait 1 hour 5 minutes", 3_900.0),
        ("Try again in 1 day", 86_400.0),
        ("try again in a minute.", 60.0),
        ("Please retry after 30", 30.0),
        ("Retry-After: 15", 15.0),
        ("cooldown 15s", 15.0),
        ("back off for 10 seconds", 10.0),
        ("请在 30 秒后重试", 30.0),
        ("请等待5分钟后再试", 300.0),
        ("wait 5 seconds and retry", 5.0),
        ("try again after 12:30", None),
        ("retry after 3 attempts", None),
        ("retry after 50% of it", None),
        ("it took 1 seconds", None),
    ],
)
def test_words_say_how_long_too(message, seconds):
    assert said_seconds(message) == seconds


@given(st.text())
def test_no_words_are_an_error(message):
    seconds = said_seconds(f"try again in {message}")
    assert seconds is None or seconds >= 0


@given(st.integers(-100_000, 100_000))
def test_a_date_is_as_far_away_as_it_is_and_never_in_the_past(seconds):
    at = datetime.fromtimestamp(NOW + seconds, timezone.utc)
    headers = {"retry-after": format_datetime(at, usegmt=True)}
    assert retry_after_seconds(headers, NOW) == max(0, seconds)


@given(st.text())
def test_no_header_is_an_error(value):
    seconds = retry_after_seconds({"retry-after": value, "retry-after-ms": value}, NOW)
    assert seconds is None or seconds >= 0
