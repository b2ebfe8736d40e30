"""The figures of a calibration, against values known from elsewhere."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from udfs.scoring.calibration import (
    Confusion,
    calibration_sentence,
    confusion,
    consistency,
    means,
    pair_accuracy,
    spearman,
    wilson,
)


@pytest.mark.parametrize(("right", "n"), [(5, 10), (55.5, 100), (0, 20), (20, 20), (1, 1)])
def test_the_interval_is_wilsons(right, n):
    found = wilson(right, n)

    if right == int(right):
        wanted = stats.binomtest(int(right), n).proportion_ci(0.95, method="wilson")
        assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-4)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_of_nothing_nothing_is_known():
    assert wilson(0, 0) == (0.5, 0.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=40))
def test_the_rank_correlation_is_that_of_scipy(pairs):
    left, right = [a for a, _ in pairs], [b for _, b in pairs]

    found = spearman(left, right)

    if len(set(left)) == 1 or len(set(right)) == 1:
        assert found is None
    else:
        assert found.value == pytest.approx(stats.spearmanr(left, right).statistic)
        assert -1 <= found.low <= found.value <= found.high <= 1


def test_the_interval_of_a_rank_correlation_holds_the_truth_nineteen_times_of_twenty():
    # Of a normal pair with correlation r the rank correlation is 6/pi * asin(r/2).
    draw, r = random.Random(3), 0.5
    truth, held = 6 / math.pi * math.asin(r / 2), 0
    for _ in range(400):
        left = [draw.gauss(0, 1) for _ in range(80)]
        right = [r * value + math.sqrt(1 - r * r) * draw.gauss(0, 1) for value in left]
        found = spearman(left, right)
        held += found.low <= truth <= found.high
    assert 0.92 < held / 400 < 0.98


def test_ties_count_half():
    found, ties = pair_accuracy([9, 8, 8, 8], [8, 9, 8, 8])

    assert (found.value, ties) == (0.5, 2)


def test_kept_is_what_scores_above_the_threshold_and_not_at_it():
    assert confusion([71, 70, 71, 10, 70], [True, True, False, False, False], 70) == Confusion(1, 1, 1, 2)


def test_means_are_of_those_whose_writer_is_known():
    assert means([8, 6, 1], ["b", "b", None]) == {"b": 7.0}


def test_a_scorer_that_repeats_itself_deviates_by_nothing():
    assert consistency([[8.0, 8.0, 8.0], [3.0, 3.0]], 7.0)[2:] == (0.0, 0.0)


def test_a_row_crosses_where_its_replies_lie_on_both_sides():
    found = consistency([[7.0, 7.1], [8.0, 9.0], [5.0], [], [7.0, 6.0]], 7.0)

    assert (found.rows, found.asks) == (3, 2)
    assert found.crossing == pytest.approx(1 / 3)
    assert found.deviation == pytest.approx(math.sqrt((0.005 + 0.5 + 0.5) / 3))


def test_one_reply_each_says_nothing_of_consistency():
    assert consistency([[5.0], [6.0]], 7.0) is None


def test_a_sentence_names_the_interval_and_what_length_alone_gets():
    row = {"measure": "choices", "labels": "x.json", "rows": 1200, "value": 0.5, "low": 0.4, "high": 0.6, "longer": 0.7}

    assert calibration_sentence(row) == (
        "x.json: prefers what people prefer in 50.0 % of 1,200 (40.0 % to 60.0 %; always the longer one 70.0 %)"
    )
