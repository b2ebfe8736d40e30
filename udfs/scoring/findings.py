"""How findings become a dimension.

Nothing seen either way is a 7, evidence for the pair raises it to 8 or 9, a fault takes points off 8. Rules see faults
and not excellence, so a 10 is left to a judge. With equal weights one severe fault therefore fails a pair whatever the
rest is worth, since (9 + 9 + 9 + 1) / 4 is 7.0 and kept is what exceeds 7; a major fault fails it unless all the rest
is 9.
"""

from collections.abc import Iterable
from typing import NamedTuple

NOTHING_KNOWN = 7
WORST = 1

STRONG_EVIDENCE = -2
SOME_EVIDENCE = -1
SLIGHT = 1
MINOR = 2
MAJOR = 6
SEVERE = 8


class Finding(NamedTuple):
    """One thing that the rules see in a pair."""

    points: int
    """Points off; negative for evidence."""
    phrase: str
    """Fixed words, no text of the data set: it is stored and shown in reports."""


class Rating(NamedTuple):
    """One dimension of one pair."""

    points: int
    """1..9."""
    weakest: Finding | None
    """The gravest fault, the first of equals; null where there is none."""


def rate(findings: Iterable[Finding]) -> Rating:
    """Sum up the faults; where there is none, the strongest evidence counts."""
    found = list(findings)
    faults = [finding for finding in found if finding.points > 0]
    if not faults:
        return Rating(NOTHING_KNOWN - min((finding.points for finding in found), default=0), None)
    points = NOTHING_KNOWN + 1 - sum(fault.points for fault in faults)
    return Rating(max(WORST, points), max(faults, key=lambda fault: fault.points))
