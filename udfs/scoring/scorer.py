"""What every scorer returns, whether rules or a paid judge."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


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
