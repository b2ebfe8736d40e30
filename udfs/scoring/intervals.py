"""Intervals around predicted scores, from what predictions of rows that were held out missed by. Pure.

Conformal: of the scores that a judge gives to rows like those of the sample, the wanted share lies within the
interval, however good or bad the model is; a bad one has wide intervals. They are found apart for rows of like
prediction, since a model may know bad answers well and good ones hardly, and apart for either side. Scores are tenths,
10 to 100.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from schemas.records import MAX_SCORE, MIN_SCORE
from udfs.arrow_groups import ArrowBatches
from udfs.scoring.calibration import Z

_LEAST, _MOST = 10 * MIN_SCORE, 10 * MAX_SCORE
_GROUP_ROWS = 60
"""Of like prediction at least; with a coverage of 0.9 either side leaves three of them out."""
_MOST_GROUPS = 6


def sample_size(rows: int, margin: float) -> int:
    """Rows to draw so that a share measured on them is known within `margin` on either side, with 95 % confidence.

    By Cochran's formula for the worst case, a share of one half, with the correction for a finite population.
    """
    wanted = Z * Z / (4 * margin * margin)
    return math.ceil(wanted / (1 + (wanted - 1) / rows)) if rows else 0


class Predicted(NamedTuple):
    """A predicted score and its interval, in tenths."""

    tenths: int
    low: int
    high: int

    def straddles(self, threshold: int) -> bool:
        """Whether the judge may put it on either side: kept is what scores above the threshold."""
        return self.low <= threshold < self.high


class Intervals(NamedTuple):
    """How far the judge may be from a prediction."""

    bounds: tuple[float, ...]
    """Predictions from which on the next group of rows begins, in order."""
    below: tuple[float, ...]
    """Of each group: the interval begins that much above the prediction, which is below it where it is negative."""
    above: tuple[float, ...]

    def around(self, prediction: float) -> Predicted:
        """The interval of a prediction, rounded outwards; a prediction that is outside is moved into it."""
        prediction = _on_scale(prediction)
        group = bisect_right(self.bounds, prediction)
        tenths = math.floor(prediction + 0.5)
        low = int(_on_scale(math.floor(prediction + self.below[group])))
        high = int(_on_scale(math.ceil(prediction + self.above[group])))
        return Predicted(max(low, min(high, tenths)), low, high)


def _on_scale(tenths: float) -> float:
    return max(_LEAST, min(_MOST, tenths))


def fit_intervals(predictions: Sequence[float], judged: Sequence[int], coverage: float) -> Intervals:
    """Intervals that hold the wanted share of the judge's scores.

    Args:
        predictions: of rows that the model has not learnt from.
        judged: the judge's tenths of the same rows.
        coverage: share of the scores that lie within; what is left is shared by both sides.

    Returns:
        Of too few rows for that coverage the interval is the whole scale.
    """
    predictions = [_on_scale(one) for one in predictions]
    ordered = sorted(predictions)
    count = max(1, min(_MOST_GROUPS, len(ordered) // _GROUP_ROWS))
    cuts = {ordered[len(ordered) * number // count] for number in range(1, count)} if ordered else set()
    bounds = tuple(sorted(cut for cut in cuts if cut > ordered[0]))
    missed: list[list[float]] = [[] for _ in range(len(bounds) + 1)]
    for prediction, score in zip(predictions, judged, strict=True):
        missed[bisect_right(bounds, prediction)].append(score - prediction)
    tail = (1 - coverage) / 2
    return Intervals(
        bounds,
        tuple(-_quantile([-one for one in group], tail) for group in missed),
        tuple(_quantile(group, tail) for group in missed),
    )


def _quantile(missed: Sequence[float], tail: float) -> float:
    """What one more row of the same kind exceeds with the probability `tail` at most."""
    place = math.ceil(round((len(missed) + 1) * (1 - tail), 9))
    return sorted(missed)[place - 1] if place <= len(missed) else float(_MOST)


PREDICTED = StructType(
    [
        StructField("pair_id", StringType()),
        *(StructField(name, IntegerType()) for name in ("predicted_tenths", "low_tenths", "high_tenths")),
    ]
)
"""A pair with its predicted score and the interval, in tenths."""

_ARROW = to_arrow_schema(PREDICTED)


def with_intervals(intervals: Intervals) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from rows of (pair_id, prediction) to `PREDICTED`."""

    def add(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            found = [intervals.around(one) for one in batch.column("prediction").to_pylist()]
            columns = [batch.column("pair_id"), *(pa.array(values, pa.int32()) for values in zip(*found, strict=True))]
            if found:
                yield pa.RecordBatch.from_arrays(columns, schema=_ARROW)

    return add
