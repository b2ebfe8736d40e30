"""What every scorer returns, whether rules or a paid judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Score:
    """What one scorer thinks of one pair."""

    scorer: str
    """Who scored, such as `heuristic`; reports must never take rules for a judge."""
    dimensions: Mapping[str, int]
    """Name -> 1..10, in the scorer's order."""
    quality_tenths: int
    """The overall score in tenths, 10..100."""
    reason: str
    """One sentence: what weighed most."""


class Scorer(Protocol):
    """Scores one pair at a time, without a network: the same pair gets the same score anywhere."""

    def score(self, instruction: str, response: str, system: str | None = None) -> Score:
        """Score a pair."""
        ...


def weighted_tenths(dimensions: Sequence[int], weights: Sequence[int]) -> int:
    """Weighted mean of the dimensions in tenths, a half rounded up: 8, 8, 8, 9 with equal weights is 8.25, so 83.

    Args:
        dimensions: 1 to 10 each.
        weights: one for each dimension, none negative, not all zero.

    Raises:
        ValueError: the weights do not fit the dimensions.
    """
    total = sum(weights)
    if len(weights) != len(dimensions) or total <= 0 or min(weights) < 0:
        raise ValueError(f"{len(dimensions)} dimensions cannot be weighted by {list(weights)}")
    points = sum(dimension * weight for dimension, weight in zip(dimensions, weights, strict=True))
    return (20 * points + total) // (2 * total)


def score_row(pair: str, score: Score, judge_category: str | None = None) -> dict[str, Any]:
    """The row that a score of a pair makes.

    Args:
        pair: its id.
        score: what the scorer thinks of it.
        judge_category: what a judge takes the prompt for.
    """
    ratings = score.dimensions.values()
    return {
        "pair_id": pair,
        "scorer": score.scorer,
        "dimensions": list(score.dimensions.items()),
        "lowest_dimension": min(ratings),
        "highest_dimension": max(ratings),
        "quality_tenths": score.quality_tenths,
        "judge_category": judge_category,
        "reason": score.reason,
    }
