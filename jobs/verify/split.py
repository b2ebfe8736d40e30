"""Whether validation is new to a model that was trained on train: exact, and independent of how the split was made."""

from array import array
from dataclasses import dataclass

import numpy as np
import xxhash

from udfs.exact_join import ShingleSets, resembling_rows
from udfs.shingles import shingles

LISTED_ROWS = 10


@dataclass(frozen=True)
class Resemblance:
    """A validation row and the row of train that it resembles most; lines count over all files."""

    line: int
    twin_line: int
    jaccard: float
    text: str  # prompt or pair


@dataclass(frozen=True)
class SplitMeasures:
    """What the two sides have in common."""

    jaccard: float
    validation_rows: int
    resembling: int  # validation rows whose prompt or pair resembles one of train
    continued: int  # validation rows whose conversation opens like one of train
    first: list[Resemblance]


class SplitTexts:
    """Takes the rows of both sides one by one, then compares them.

    A row that is bare and a conversation is taken twice, which changes nothing: it should be on one side as both.

    Args:
        pairs: where the shingle sets of the pairs are gathered, or have been for rows that bring no pair of their own.
    """

    def __init__(self, pairs: ShingleSets) -> None:
        self._pairs = pairs
        self._prompts = ShingleSets()
        self._is_validation = array("b")
        self._openings = array("Q")
        self._lines = array("q")

    def add(self, line: int, split: str, opening: str, prompt: str, pair: str | None) -> None:
        """Take the next row; its pair is null where the sets that were given have it already."""
        self._lines.append(line)
        self._is_validation.append(split == "validation")
        self._openings.append(xxhash.xxh3_64_intdigest(opening.encode("utf-8")))
        self._prompts.append(shingles(prompt), prompt)
        if pair is not None:
            self._pairs.append(shingles(pair), pair)

    def compare(self, jaccard: float) -> SplitMeasures:
        """Look for every validation row that train gives away."""
        is_validation = np.frombuffer(self._is_validation, dtype=np.bool_)
        found: dict[int, Resemblance] = {}
        for text, sets in (("prompt", self._prompts), ("pair", self._pairs)):
            for row, twin, similarity in resembling_rows(sets, is_validation, jaccard):
                if row not in found or similarity > found[row].jaccard:
                    found[row] = Resemblance(self._lines[row], self._lines[twin], similarity, text)
        openings = np.frombuffer(self._openings, dtype=np.uint64)
        continued = np.isin(openings[is_validation], openings[~is_validation])
        return SplitMeasures(
            jaccard=jaccard,
            validation_rows=int(np.count_nonzero(is_validation)),
            resembling=len(found),
            continued=int(np.count_nonzero(continued)),
            first=[found[row] for row in sorted(found)[:LISTED_ROWS]],
        )
