"""The scorer that needs no key: fixed rules about one pair, a screen that passes or fails and not a judge.

Rules cannot know whether an answer is true, so the dimensions are named for what they see. The numbers are a verdict
in the form that the data set asks for: 9 where no rule has anything to say, 8 where one has a remark, 1 where one
fails the pair.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from udfs.scoring.clarity import clarity
from udfs.scoring.cleanliness import cleanliness
from udfs.scoring.completeness import completeness
from udfs.scoring.findings import FAILED, Finding, rate
from udfs.scoring.pair_text import PairText, read_pair
from udfs.scoring.relevance import relevance
from udfs.scoring.scorer import Score, weighted_tenths

HEURISTIC = "heuristic"
NO_FINDING = "No fault was found."
"""The reason stored with a pair of which no rule has anything to say."""

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
    """9, 8 or 1 each, in the order of `DIMENSIONS`."""
    reason: str
    """The gravest finding in fixed words; never text of the data set."""

    @property
    def passes(self) -> bool:
        """Whether no rule fails the pair."""
        return FAILED not in self.dimensions


@dataclass(frozen=True, slots=True)
class HeuristicScorer:
    """The rules as a `Scorer`."""

    weights: tuple[int, ...] = (1, 1, 1, 1)
    """Of the dimensions, in the order of `DIMENSIONS`; they weigh remarks, a failed pair is failed by any of them."""

    def score(self, instruction: str, response: str, system: str | None = None) -> Score:
        """Score a pair; see `score_pair`."""
        found = score_pair(instruction, response, system)
        return Score(
            HEURISTIC,
            dict(zip(DIMENSIONS, found.dimensions, strict=True)),
            weighted_tenths(found.dimensions, self.weights) if found.passes else 10 * FAILED,
            found.reason,
        )


def find_all(pair: PairText) -> dict[str, list[Finding]]:
    """All that the rules find, by dimension, in the order of `DIMENSIONS`."""
    return {name: list(rule(pair)) for name, rule in _RULES}


def score_pair(instruction: str, response: str, system: str | None = None) -> HeuristicScore:
    """Rate one pair on the four dimensions. Pure: the same texts get the same score anywhere, and none raises."""
    ratings = [(name, rate(found)) for name, found in find_all(read_pair(instruction, response, system)).items()]
    name, lowest = min(ratings, key=lambda rating: rating[1].points)
    reason = NO_FINDING if lowest.gravest is None else f"{name.capitalize()}: {lowest.gravest.phrase}."
    return HeuristicScore(tuple(rating.points for _, rating in ratings), reason)
