"""The words that a pattern is said to need are in whatever it matches, so that no text is passed over."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from udfs.screen.judge_bait import _TRIALS, _needs_met


@pytest.mark.parametrize("number", range(len(_TRIALS)))
@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_what_a_pattern_matches_has_the_words_that_it_needs(number, data):
    text = data.draw(st.from_regex(_TRIALS[number].pattern, fullmatch=True))

    assert _TRIALS[number].is_worthwhile(_needs_met(text), text), text
