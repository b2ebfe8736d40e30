"""What is learnt of a judge: what the features show, the same for any partitions; and nothing where there is none."""

import random

import pytest

from jobs.surrogate.model import learn
from udfs.scoring.features import FEATURES

SCHEMA = "pair_id string, features array<double>, quality_tenths int"
COUNT = 240


def labelled(spark, score, count=COUNT, partitions=3):
    draw = random.Random(7)
    rows = []
    for number in range(count):
        features = [draw.random() for _ in range(8)] + [0.0] * (len(FEATURES) - 8)
        rows.append((f"pair-{number}", features, score(features)))
    draw.shuffle(rows)
    return spark.createDataFrame(rows, SCHEMA).repartition(partitions)


def of_first(features):
    """A judge that goes by the first feature."""
    return round(20 + 70 * features[0])


@pytest.fixture(scope="module")
def learnt(spark):
    return learn(labelled(spark, of_first), 0.8)


def test_it_learns_what_the_features_show(learnt):
    missed = [abs(learnt.held_out[pair].tenths - judged) for pair, judged in learnt.judged.items()]
    wide = [one.high - one.low for one in learnt.held_out.values()]

    assert len(learnt.judged) == len(learnt.held_out) == COUNT
    assert sum(missed) / COUNT < 15
    assert sum(wide) / COUNT < 40


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_it_is_the_same_however_the_rows_are_partitioned(spark, learnt, partitions):
    rows = labelled(spark, of_first, partitions=partitions)
    again = learn(rows, 0.8)

    assert again.fingerprint == learnt.fingerprint
    assert again.model.coefficients == learnt.model.coefficients
    assert again.model.intercept == learnt.model.intercept
    assert again.held_out == learnt.held_out
    assert again.intervals == learnt.intervals


def test_what_it_predicts_is_on_the_scale_and_within_its_interval(spark, learnt):
    found = learnt.predict(labelled(spark, of_first, count=20)).collect()

    assert len(found) == 20
    assert all(10 <= row["low_tenths"] <= row["predicted_tenths"] <= row["high_tenths"] <= 100 for row in found)


@pytest.mark.parametrize(
    ("score", "count"), [(lambda _: 80, 60), (of_first, 20), (of_first, 0)], ids=["one score", "too few", "none"]
)
def test_where_there_is_nothing_to_learn_nothing_is_learnt(spark, score, count):
    assert learn(labelled(spark, score, count), 0.8) is None


def test_one_row_that_differs_is_no_error(spark):
    seen = iter(range(1_000))

    assert learn(labelled(spark, lambda _: 40 if next(seen) == 3 else 90, 60), 0.8) is not None
