"""How long a provider asks to wait, in each way it can say so."""

from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.retries import retry_after_seconds

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
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


@given(st.integers(-100_000, 100_000))
def test_a_date_is_as_far_away_as_it_is_and_never_in_the_past(seconds):
    at = datetime.fromtimestamp(NOW + seconds, timezone.utc)
    headers = {"retry-after": format_datetime(at, usegmt=True)}
    assert retry_after_seconds(headers, NOW) == max(0, seconds)


@given(st.text())
def test_no_header_is_an_error(value):
    seconds = retry_after_seconds({"retry-after": value, "retry-after-ms": value}, NOW)
    assert seconds is None or seconds >= 0
