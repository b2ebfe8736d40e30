"""How a scorer compares with people, as figures. Pure: numbers in, numbers out; ties count half, as everywhere here."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

Z = 1.96
"""Of a 95 % interval."""


class Interval(NamedTuple):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


class Confusion(NamedTuple):
    """Answers that people call good or bad, kept or lost by the threshold."""

    kept_good: int
    kept_bad: int
    lost_good: int
    lost_bad: int


class Consistency(NamedTuple):
    """What a scorer says when it is asked the same again."""

    rows: int
    """Answered at least twice."""
    asks: int
    crossing: float
    """Share of the rows that are above the threshold in one reply and not in another."""
    deviation: float
    """Standard deviation of the replies to one question, in points of the score: the root of the mean variance."""


def student_t(freedom: int) -> float:
    """How many standard errors a 95 % interval reaches to each side of a mean, for so many degrees of freedom.

    Peiser's expansion about the normal distribution (Abramowitz and Stegun 26.7.5) is 0.7 % too small for 3 degrees and
    nearer above; for 1 and 2 it would be far too small, so these are given as they are tabled. For none it is infinite.
    """
    if freedom <= 2:
        return {1: 12.706, 2: 4.303}.get(freedom, math.inf)
    terms: tuple[float, ...] = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
    )
    return Z + sum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def wilson(successes: float, n: float, z: float = Z) -> Interval:
    """A share with its interval by Wilson; half successes are allowed, and as many rows
    as weights are worth. Of nothing it is 0.5 between 0 and 1."""
    if n == 0:
        return Interval(0.5, 0.0, 1.0)
    share = successes / n
    centre = share + z * z / (2 * n)
    margin = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (centre - margin) / scale, (centre + margin) / scale
    return Interval(share, max(0.0, min(share, low)), min(1.0, max(share, high)))


def pair_accuracy(preferred: Sequence[float], other: Sequence[float]) -> tuple[Interval, int]:
    """How often the answer that people prefer has the higher value, and the number of ties."""
    right = sum(mine > yours for mine, yours in zip(preferred, other, strict=True))
    ties = sum(mine == yours for mine, yours in zip(preferred, other, strict=True))
    return wilson(right + ties / 2, len(preferred)), ties


def spearman(left: Sequence[float], right: Sequence[float]) -> Interval | None:
    """Rank correlation, ties given their mean rank, with the interval by Fisher's z; null where it is not defined."""
    n = len(left)
    mine, yours = _ranks(left), _ranks(right)
    mean = (n + 1) / 2
    spread = math.sqrt(sum((rank - mean) ** 2 for rank in mine) * sum((rank - mean) ** 2 for rank in yours))
    if n < 4 or not spread:
        return None
    rho = sum((a - mean) * (b - mean) for a, b in zip(mine, yours, strict=True)) / spread
    rho = max(-1.0, min(1.0, rho))
    if abs(rho) > 1 - 1e-12:
        return Interval(rho, rho, rho)
    centre, margin = math.atanh(rho), Z * math.sqrt((1 + rho * rho / 2) / (n - 3))  # variance by Bonett and Wright
    return Interval(rho, math.tanh(centre - margin), math.tanh(centre + margin))


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            ranks[place] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def confusion(scores: Sequence[float], good: Sequence[bool], threshold: float) -> Confusion:
    """What the threshold keeps; kept is what scores above it."""
    counts = [0, 0, 0, 0]
    for score, is_good in zip(scores, good, strict=True):
        counts[2 * (score <= threshold) + (not is_good)] += 1
    return Confusion(*counts)


def means(values: Sequence[float], groups: Sequence[str | None]) -> dict[str, float]:
    """Mean of each named group, in the order of the names."""
    found: dict[str, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        if group is not None:
            found.setdefault(group, []).append(value)
    return {name: sum(found[name]) / len(found[name]) for name in sorted(found)}


def consistency(replies: Sequence[Sequence[float]], threshold: float) -> Consistency | None:
    """How far replies to the same questions differ.

    Args:
        replies: of each question, the scores that were given, in points; fewer than two say nothing.
        threshold: in points; above it is kept.

    Returns:
        Null where no question has two replies.
    """
    repeated = [scores for scores in replies if len(scores) > 1]
    if not repeated:
        return None
    crossing = sum(min(scores) <= threshold < max(scores) for scores in repeated)
    # The unbiased variance of a row is half the mean square of the differences of its pairs.
    variances = [
        sum((a - b) ** 2 for a, b in combinations(scores, 2)) / (len(scores) * (len(scores) - 1)) for scores in repeated
    ]
    return Consistency(
        len(repeated),
        max(map(len, repeated)),
        crossing / len(repeated),
        math.sqrt(sum(variances) / len(variances)),
    )


NOT_CALIBRATED = "not calibrated: nobody has compared this scorer with people; `phase0 calibrate` does"


def calibration_sentence(row: Mapping[str, Any]) -> str:
    """One row of the table `calibrations` as a person reads it; the day is not in it."""
    if row["measure"] == "choices":
        figures = f"{_percent(row['low'])} to {_percent(row['high'])}; always the longer one {_percent(row['longer'])}"
        return f"{row['labels']}: prefers what people prefer in {_percent(row['value'])} of {row['rows']:,} ({figures})"
    if row["measure"] == "grades":
        if row["value"] is None:
            return f"{row['labels']}: no rank correlation, all {row['rows']:,} scores or grades are the same"
        interval = f"{row['low']:.2f} to {row['high']:.2f}"
        return (
            f"{row['labels']}: rank correlation {row['value']:.2f} with {row['rows']:,} grades of people ({interval})"
        )
    return (
        f"asked {row['asks']} times, {_percent(row['value'])} of {row['rows']:,} rows cross the threshold "
        f"({_percent(row['low'])} to {_percent(row['high'])}); standard deviation {row['deviation']:.2f} points"
    )


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
