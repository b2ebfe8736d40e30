"""The overall score: integer tenths, a half rounded up."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.scoring.scorer import weighted_tenths


@pytest.mark.parametrize(
    ("dimensions", "weights", "tenths"),
    [
        ((8, 8, 8, 8), (1, 1, 1, 1), 80),
        ((9, 9, 9, 1), (1, 1, 1, 1), 70),  # 7.0 exactly: not above the threshold
        ((8, 8, 8, 9), (1, 1, 1, 1), 83),  # 8.25: the half goes up
        ((8, 8, 7, 8), (1, 1, 1, 1), 78),  # 7.75: up as well, where floats and banker's rounding part
        ((1, 1, 1, 1), (1, 1, 1, 1), 10),
        ((10, 10, 10, 10), (3, 2, 1, 4), 100),
        ((1, 10, 10, 10), (0, 1, 1, 1), 100),  # a weight of zero switches a dimension off
        ((7, 8), (2, 1), 73),  # 7.333
    ],
)
def test_the_weighted_mean_in_tenths(dimensions, weights, tenths):
    assert weighted_tenths(dimensions, weights) == tenths


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10), st.integers(0, 1_000)), min_size=1, max_size=6).filter(
        lambda pairs: sum(weight for _, weight in pairs) > 0
    )
)
def test_it_is_the_exact_mean_rounded_half_up(pairs):
    dimensions, weights = zip(*pairs, strict=True)
    mean = Fraction(sum(d * w for d, w in pairs), sum(weights))

    tenths = weighted_tenths(dimensions, weights)

    assert tenths == floor(mean * 10 + Fraction(1, 2))
    assert 10 * min(dimensions) <= tenths <= 10 * max(dimensions)


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 1, 1, 1, 1), (0, 0, 0, 0), (2, -1, 1, 1), ()])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ValueError, match="4 dimensions cannot be weighted by"):
        weighted_tenths((8, 8, 8, 8), weights)
