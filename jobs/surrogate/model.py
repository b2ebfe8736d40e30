"""The surrogate of a judge: a linear model of its scores, which Spark ML learns from cheap features of the pairs.

Learnt from the same rows it is the same, however they are partitioned: they are learnt from in the order of their ids,
in one partition, and which rows are held out together is a hash of the id.
"""

import hashlib
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.ml.functions import array_to_vector
from pyspark.ml.regression import LinearRegression, LinearRegressionModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from udfs.scoring.features import FEATURES
from udfs.scoring.intervals import PREDICTED, Intervals, Predicted, fit_intervals, with_intervals

FOLDS = 5
LEAST_LABELLED = 50
"""Judged rows without which nothing is learnt."""
_PENALTIES = (1.0, 0.2, 0.02)
"""On the squares of the coefficients, of standardised features and scores; that with the least error on rows held out
is taken. A judge that is hard to learn wants a high one, one that goes by a few features a low one."""


@dataclass(frozen=True)
class Surrogate:
    """What was learnt."""

    model: LinearRegressionModel
    intervals: Intervals
    judged: Mapping[str, int]
    """Pair -> the judge's tenths: what it was learnt from."""
    held_out: Mapping[str, Predicted]
    """The same pairs, predicted by models that had not seen them, within intervals that had not either."""
    fingerprint: str
    """Hash of the rows, their features and their scores: the same is the same model."""

    def predict(self, featured: DataFrame) -> DataFrame:
        """From rows with pair_id and features to `PREDICTED`."""
        predictions = _predictions(self.model, featured)
        return predictions.mapInArrow(with_intervals(self.intervals), PREDICTED)


def learn(labelled: DataFrame, coverage: float) -> Surrogate | None:
    """Learn a judge's scores.

    Args:
        labelled: columns pair_id, features and quality_tenths, of as many rows as the driver can hold the scores of.
        coverage: share of the judge's scores that lie within the intervals.

    Returns:
        Null where there is nothing to learn: too few rows, or all with the same score.
    """
    rows = labelled.select("pair_id", "features", F.col("quality_tenths").cast("double").alias("label"), _fold())
    # Two tasks may add up numbers in either order, which changes the last digit.
    rows = rows.repartition(1).sortWithinPartitions("pair_id")
    told = [
        (row["pair_id"], int(row["label"]), row["fold"], row["digest"])
        for row in rows.select("pair_id", "label", "fold", F.sha2(F.to_json("features"), 256).alias("digest")).collect()
    ]
    judged = {pair: tenths for pair, tenths, _, _ in told}
    if len(judged) < LEAST_LABELLED or len(set(judged.values())) < 2:
        return None
    folds = {pair: fold for pair, _, fold, _ in told}
    trials = {penalty: _held_out_predictions(rows, judged, folds, penalty) for penalty in _PENALTIES}
    penalty = min(_PENALTIES, key=lambda one: _squared_error(trials[one], judged))
    rest = trials[penalty]
    return Surrogate(
        _fit(rows, list(judged.values()), penalty),
        fit_intervals(list(rest.values()), [judged[pair] for pair in rest], coverage),
        judged,
        _held_out_intervals(rest, judged, folds, coverage),
        hashlib.sha256(json.dumps([told, _PENALTIES, coverage, FOLDS, FEATURES]).encode("ascii")).hexdigest(),
    )


def _fold() -> Column:
    return F.pmod(F.xxhash64("pair_id"), F.lit(FOLDS)).cast("int").alias("fold")


def _fit(rows: DataFrame, scores: list[int], penalty: float) -> LinearRegressionModel:
    # Spark divides the penalty by the deviation of the scores.
    own = penalty * statistics.pstdev(scores)
    learner = LinearRegression(regParam=own, elasticNetParam=0.0, solver="normal")
    model: LinearRegressionModel = learner.fit(rows.select("label", _vector()))
    return model


def _vector() -> Column:
    return array_to_vector(F.col("features")).alias("features")


def _predictions(model: LinearRegressionModel, rows: DataFrame) -> DataFrame:
    return model.transform(rows.select("pair_id", _vector())).select("pair_id", "prediction")


def _squared_error(predictions: Mapping[str, float], judged: Mapping[str, int]) -> float:
    return sum((prediction - judged[pair]) ** 2 for pair, prediction in predictions.items())


def _held_out_predictions(
    rows: DataFrame, judged: Mapping[str, int], folds: Mapping[str, int], penalty: float
) -> dict[str, float]:
    """Pair -> its prediction by a model of the other folds, in the order of the ids."""
    found: dict[str, float] = {}
    for fold in sorted(set(folds.values())):
        scores = [judged[pair] for pair in judged if folds[pair] != fold]
        model = _fit(rows.where(F.col("fold") != fold), scores, penalty)
        predictions = _predictions(model, rows.where(F.col("fold") == fold)).collect()
        found |= {row["pair_id"]: row["prediction"] for row in predictions}
    return dict(sorted(found.items()))


def _held_out_intervals(
    predictions: Mapping[str, float], judged: Mapping[str, int], folds: Mapping[str, int], coverage: float
) -> dict[str, Predicted]:
    found: dict[str, Predicted] = {}
    for fold in sorted(set(folds.values())):
        others = [pair for pair in predictions if folds[pair] != fold]
        intervals = fit_intervals([predictions[pair] for pair in others], [judged[pair] for pair in others], coverage)
        found |= {pair: intervals.around(predictions[pair]) for pair in predictions if folds[pair] == fold}
    return dict(sorted(found.items()))
