"""The overall score: a weighted mean in integer tenths, free of floating-point rounding."""

from collections.abc import Sequence


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
