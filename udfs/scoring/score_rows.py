"""A score as a row of `SCORES`."""

from typing import Any

from udfs.scoring.scorer import Score


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
