"""What the rules find in a pair, and how findings become a dimension.

A finding either decides or it does not. One that decides fails the pair, whatever the weights and the rest; it may do
so because on files that it was not written on at least nine of ten of its hits were bad answers (METHODOLOGY lists
them). Any other is a remark: it lowers the score and never below the threshold, however many there are.
"""

from collections.abc import Iterable
from typing import NamedTuple

CLEAN = 9
"""No rule has anything to say; a 10 is left to a judge."""
REMARKED = 8
FAILED = 1


class Finding(NamedTuple):
    """One thing that the rules see in a pair."""

    decides: bool
    """Whether it fails the pair."""
    phrase: str
    """Fixed words, no text of the data set: it is stored and shown in reports."""


class Rating(NamedTuple):
    """One dimension of one pair."""

    points: int
    """`CLEAN`, `REMARKED` or `FAILED`."""
    gravest: Finding | None
    """The first finding that decides, else the first; null where there is none."""


def fault(phrase: str) -> Finding:
    """A finding that fails the pair."""
    return Finding(True, phrase)


def remark(phrase: str) -> Finding:
    """A finding that lowers the score without deciding."""
    return Finding(False, phrase)


def rate(findings: Iterable[Finding]) -> Rating:
    """Sum up what was found in one dimension."""
    found = list(findings)
    if not found:
        return Rating(CLEAN, None)
    gravest = next((finding for finding in found if finding.decides), found[0])
    return Rating(FAILED if gravest.decides else REMARKED, gravest)
