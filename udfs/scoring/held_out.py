"""How far predicted scores agree with the judge's, on judged rows that the model has not learnt from. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from udfs.scoring.calibration import Interval, confusion, spearman, wilson
from udfs.scoring.intervals import Predicted


class HeldOut(NamedTuple):
    """Figures of the rows that were held out."""

    rows: int
    same_side: Interval
    """Share of the rows that the prediction puts on the judge's side of the threshold."""
    decided: int
    """Rows whose interval does not straddle the threshold: what the model decides without the judge."""
    decided_same_side: Interval
    """Share of those on the judge's side."""
    rank_correlation: Interval | None
    """By Spearman; null where the judge or the model gives everything the same score."""
    f1_kept: float | None
    """Of "above the threshold", the judge's word being the truth; null where nobody puts a row there."""
    f1_lost: float | None
    covered: Interval
    """Share of the rows whose interval holds the judge's score."""


def held_out_figures(judged: Sequence[int], predicted: Sequence[Predicted], threshold: int) -> HeldOut:
    """Compare predictions with what the judge says.

    Args:
        judged: the judge's tenths.
        predicted: of the same rows, by models that had not seen them.
        threshold: `select.min_score` in tenths; above it is kept.
    """
    rows = list(zip(judged, predicted, strict=True))
    same = [(score > threshold) == (one.tenths > threshold) for score, one in rows]
    decided = [is_same for is_same, (_, one) in zip(same, rows, strict=True) if not one.straddles(threshold)]
    counts = confusion([one.tenths for _, one in rows], [score > threshold for score, _ in rows], threshold)
    return HeldOut(
        len(rows),
        wilson(sum(same), len(same)),
        len(decided),
        wilson(sum(decided), len(decided)),
        spearman(judged, [one.tenths for one in predicted]),
        _f1(counts.kept_good, counts.kept_bad, counts.lost_good),
        _f1(counts.lost_bad, counts.lost_good, counts.kept_bad),
        wilson(sum(one.low <= score <= one.high for score, one in rows), len(rows)),
    )


def _f1(right: int, wrong: int, missed: int) -> float | None:
    found = 2 * right + wrong + missed
    return 2 * right / found if found else None
