"""The scorer that needs no key: fixed rules about one pair, a screen and not a judge.

Rules cannot know whether an answer is true, so the dimensions are named for what they see. Each starts at 8,
"nothing wrong seen"; evidence makes it 9, faults take points off, and a 10 is left to a judge.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from udfs.scoring.clarity import clarity
from udfs.scoring.cleanliness import cleanliness
from udfs.scoring.completeness import completeness
from udfs.scoring.findings import Finding, rate
from udfs.scoring.pair_text import PairText, read_pair
from udfs.scoring.relevance import relevance
from udfs.scoring.scorer import Score, weighted_tenths

HEURISTIC = "heuristic"

_RULES: tuple[tuple[str, Callable[[PairText], Iterator[Finding]]], ...] = (
    ("relevance", relevance),
    ("completeness", completeness),
    ("clarity", clarity),
    ("cleanliness", cleanliness),
)

DIMENSIONS: tuple[str, ...] = tuple(name for name, _ in _RULES)
"""Names of the dimensions, in the order of the weights."""


@dataclass(frozen=True, slots=True)
class HeuristicScore:
    """What the rules say of one pair."""

    dimensions: tuple[int, ...]
    """1..9 each, in the order of `DIMENSIONS`."""
    reason: str
    """The weakest finding in fixed words; never text of the data set."""


@dataclass(frozen=True, slots=True)
class HeuristicScorer:
    """The rules as a `Scorer`."""

    weights: tuple[int, ...] = (1, 1, 1, 1)
    """Of the dimensions, in the order of `DIMENSIONS`."""

    def score(self, instruction: str, response: str, system: str | None = None) -> Score:
        """Score a pair; see `score_pair`."""
        found = score_pair(instruction, response, system)
        return Score(
            HEURISTIC,
            dict(zip(DIMENSIONS, found.dimensions, strict=True)),
            weighted_tenths(found.dimensions, self.weights),
            found.reason,
        )


def score_pair(instruction: str, response: str, system: str | None = None) -> HeuristicScore:
    """Rate one pair on the four dimensions. Pure: the same texts get the same score anywhere, and none raises."""
    pair = read_pair(instruction, response, system)
    ratings = [(name, rate(rule(pair))) for name, rule in _RULES]
    name, lowest = min(ratings, key=lambda rating: (rating[1].weakest is None, rating[1].points))
    reason = "No fault was found." if lowest.weakest is None else f"{name.capitalize()}: {lowest.weakest.phrase}."
    return HeuristicScore(tuple(rating.points for _, rating in ratings), reason)
