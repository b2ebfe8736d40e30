"""The surrogate of a judge: a linear model of its scores, which Spark ML learns from cheap features of the pairs.

Learnt from the same rows it is the same, however they are partitioned: they are learnt from in the order of their ids,
in one partition, and which rows are held out together is a hash of the id.

`pyspark.ml` and the pandas that it brings take a second to load, so only what learns loads them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from udfs.scoring.features import FEATURES
from udfs.scoring.intervals import PREDICTED, Intervals, Predicted, fit_intervals, with_intervals

if TYPE_CHECKING:
    from pyspark.ml.regression import LinearRegressionModel

FOLDS = 5
LEAST_LABELLED = 50
"""Judged rows without which nothing is learnt."""
_PENALTIES = (1.0, 0.2, 0.02)
"""On the squares of the coefficients, of standardised features and scores; that with the least error on rows held out
is taken. A judge that is hard to learn wants a high one, one that goes by a few features a low one."""


@dataclass(frozen=True)
class Surrogate:
    """What was learnt."""

    model: "LinearRegressionModel"
    intervals: Intervals
    judged: Mapping[str, int]
    """Pair -> the judge's tenths: what it was learnt from."""
    held_out: Mapping[str, Predicted]
    """The same pairs, predicted by models that had not seen them, within intervals that had not either."""
    fingerprint: str
    """Hash of the rows, their features and their scores: the same is the same model."""

    def predict(self, featured: DataFrame) -> DataFrame:
        """From rows with pair_id and features to `PREDICTED`."""
        vectors = featured.select("pair_id", _vector())
        predictions = self.model.transform(vectors).select("pair_id", "prediction")
        return predictions.mapInArrow(with_intervals(self.intervals), PREDICTED)


@dataclass(frozen=True)
class _Sample:
    """What is learnt from, in the order of the ids; on the driver: a sample is small however large the data set is."""

    rows: DataFrame
    """Columns label, features and fold, in one partition: two tasks may add up numbers in either order."""
    judged: Mapping[str, int]
    features: npt.NDArray[np.float64]
    """Shape (rows, features)."""
    folds: npt.NDArray[np.int64]
    """Shape (rows,)."""


def learn(labelled: DataFrame, coverage: float) -> Surrogate | None:
    """Learn a judge's scores.

    Args:
        labelled: columns pair_id, features and quality_tenths, of a sample.
        coverage: share of the judge's scores that lie within the intervals.

    Returns:
        Null where there is nothing to learn: too few rows, or all with the same score.
    """
    fold = F.pmod(F.xxhash64("pair_id"), F.lit(FOLDS)).cast("int").alias("fold")
    told = sorted(map(tuple, labelled.select("pair_id", "quality_tenths", fold, "features").collect()))
    judged = {pair: tenths for pair, tenths, _, _ in told}
    if len(judged) < LEAST_LABELLED or len(set(judged.values())) < 2:
        return None
    _, tenths, folds, features = zip(*told, strict=True)
    # By Arrow: of a list Spark would have Python workers unpack it for every fit.
    columns = {"label": pa.array(tenths, pa.float64()), "fold": pa.array(folds), "features": pa.array(features)}
    rows = labelled.sparkSession.createDataFrame(pa.table(columns)).select("label", "fold", _vector()).coalesce(1)
    sample = _Sample(rows, judged, np.array(features), np.array(folds))
    trials = {penalty: _held_out_predictions(sample, penalty) for penalty in _PENALTIES}
    scores = np.array(list(judged.values()))
    penalty = min(_PENALTIES, key=lambda one: float(np.square(trials[one] - scores).sum()))
    rest = trials[penalty]
    return Surrogate(
        _fit(sample, sample.folds >= 0, penalty),
        fit_intervals(rest.tolist(), list(judged.values()), coverage),
        judged,
        _held_out_intervals(sample, rest, coverage),
        hashlib.sha256(json.dumps([told, _PENALTIES, coverage, FOLDS, FEATURES]).encode("ascii")).hexdigest(),
    )


def _vector() -> Column:
    from pyspark.ml.functions import array_to_vector

    return array_to_vector(F.col("features")).alias("features")


def _fit(sample: _Sample, chosen: npt.NDArray[np.bool_], penalty: float) -> "LinearRegressionModel":
    """Learn from whole folds of the sample."""
    from pyspark.ml.regression import LinearRegression

    scores = np.array(list(sample.judged.values()))[chosen]
    folds = sorted(set(sample.folds[chosen].tolist()))
    # Spark divides the penalty by the deviation of the scores.
    learner = LinearRegression(regParam=penalty * float(scores.std()), elasticNetParam=0.0, solver="normal")
    model: LinearRegressionModel = learner.fit(sample.rows.where(F.col("fold").isin(folds)))
    return model


def _held_out_predictions(sample: _Sample, penalty: float) -> npt.NDArray[np.float64]:
    """The prediction of each row by a model of the other folds."""
    found = np.zeros(len(sample.folds))
    for fold in sorted(set(sample.folds.tolist())):
        held_out = sample.folds == fold
        model = _fit(sample, ~held_out, penalty)
        found[held_out] = sample.features[held_out] @ model.coefficients.toArray() + model.intercept
    return found


def _held_out_intervals(sample: _Sample, predictions: npt.NDArray[np.float64], coverage: float) -> dict[str, Predicted]:
    """The interval of each row's prediction, from what those of the other folds missed."""
    scores = np.array(list(sample.judged.values()))
    intervals = {}
    for fold in sorted(set(sample.folds.tolist())):
        others = sample.folds != fold
        intervals[fold] = fit_intervals(predictions[others].tolist(), scores[others].tolist(), coverage)
    placed = zip(sample.judged, sample.folds.tolist(), predictions.tolist(), strict=True)
    return {pair: intervals[fold].around(prediction) for pair, fold, prediction in placed}
