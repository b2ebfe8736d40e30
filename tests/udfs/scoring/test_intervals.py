"""The interval of a prediction holds the judge's score as often as was asked for, on whichever side the model errs."""

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.scoring.held_out import held_out_figures
from udfs.scoring.intervals import Intervals, Predicted, fit_intervals, sample_size, with_intervals

PREDICTIONS = st.lists(st.tuples(st.floats(-50, 200), st.integers(10, 100)), max_size=400)
COVERAGE = st.sampled_from([0.5, 0.8, 0.9, 0.95])


def errant(count, seed):
    """Predictions and scores of a judge that nods low predictions through now and then, and is exact with high ones."""
    draw = random.Random(seed)
    for _ in range(count):
        prediction = draw.uniform(20, 95)
        spread = 3 if prediction > 70 else 25
        yield prediction, max(10, min(100, round(prediction + draw.gauss(0, spread) + (20 if prediction < 40 else 0))))


@given(PREDICTIONS, COVERAGE)
def test_of_the_rows_it_was_made_from_the_wanted_share_is_within(rows, coverage):
    intervals = fit_intervals([one for one, _ in rows], [score for _, score in rows], coverage)

    found = [(intervals.around(prediction), score) for prediction, score in rows]

    assert all(10 <= one.low <= one.tenths <= one.high <= 100 for one, _ in found)
    assert sum(one.low <= score <= one.high for one, score in found) >= coverage * len(rows) - 1e-9


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_of_rows_that_it_was_not_made_from_the_wanted_share_is_within(coverage):
    intervals = fit_intervals(*zip(*errant(600, 1), strict=True), coverage)
    fresh = [(intervals.around(prediction), score) for prediction, score in errant(4_000, 2)]

    within = sum(one.low <= score <= one.high for one, score in fresh) / len(fresh)

    assert coverage - 0.03 < within < coverage + 0.05


def test_where_the_model_is_exact_the_interval_is_narrow():
    intervals = fit_intervals(*zip(*errant(600, 1), strict=True), 0.9)
    high, low = intervals.around(90), intervals.around(30)

    assert high.high - high.low < 20 < low.high - low.low


def test_of_too_few_rows_nothing_is_known():
    assert fit_intervals([80.0] * 5, [80] * 5, 0.9).around(80.0) == Predicted(80, 10, 100)
    assert fit_intervals([], [], 0.9).around(33.4) == Predicted(33, 10, 100)


def test_equal_predictions_are_one_group():
    assert fit_intervals([80.0] * 500, [80] * 500, 0.9).around(80.0) == Predicted(80, 80, 80)


@pytest.mark.parametrize(
    ("low", "high", "straddles"), [(70, 90, True), (71, 90, False), (30, 70, False), (30, 71, True)]
)
def test_it_straddles_where_the_judge_may_put_it_on_either_side(low, high, straddles):
    assert Predicted(70, low, high).straddles(70) is straddles


@pytest.mark.parametrize(
    ("rows", "margin", "drawn"),
    [(10**9, 0.05, 385), (10**9, 0.01, 9_604), (2_000, 0.05, 323), (100, 0.05, 80), (1, 0.05, 1), (0, 0.05, 0)],
)
def test_the_sample_is_as_large_as_the_wanted_interval_asks(rows, margin, drawn):
    """By Cochran's formula; textbooks give 385, 9,604 and, of 2,000, 322.4."""
    assert sample_size(rows, margin) == drawn


def test_batches_carry_the_intervals():
    batches = [
        pa.RecordBatch.from_pylist(rows, schema=pa.schema([("pair_id", pa.string()), ("prediction", pa.float64())]))
        for rows in ([{"pair_id": "a", "prediction": 80.4}, {"pair_id": "b", "prediction": 12.0}], [])
    ]

    (found,) = with_intervals(Intervals((), (-5.0,), (2.5,)))(iter(batches))

    assert [list(row.values()) for row in found.to_pylist()] == [["a", 80, 75, 83], ["b", 12, 10, 15]]


def test_agreement_is_counted_on_the_rows_that_were_held_out():
    judged = [90, 90, 40, 40, 80]
    predicted = [Predicted(85, 75, 95), Predicted(60, 50, 80), Predicted(75, 72, 80), Predicted(30, 10, 50)]
    predicted += [Predicted(78, 60, 85)]

    found = held_out_figures(judged, predicted, 70)

    assert (found.rows, found.decided) == (5, 3)
    assert found.same_side.value == 3 / 5
    assert found.decided_same_side.value == 2 / 3
    assert found.f1_kept == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert found.f1_lost == pytest.approx(2 / (2 + 1 + 1))
    assert found.covered.value == 3 / 5
    assert found.rank_correlation is not None


def test_figures_of_nothing_and_of_one_score_are_no_error():
    assert held_out_figures([], [], 70).rows == 0
    assert held_out_figures([80] * 5, [Predicted(80, 80, 80)] * 5, 70).rank_correlation is None
    assert held_out_figures([80] * 5, [Predicted(80, 80, 80)] * 5, 70).f1_lost is None
