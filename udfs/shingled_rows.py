"""The rows of some buckets as one sparse matrix of shingles, and what makes two of them twins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from udfs.shingles import Shingles, numbers_masked, shingle_texts, tokenise

Integers = npt.NDArray[np.int64]
Similarities = npt.NDArray[np.float64]
Found = tuple[Integers, Integers, Similarities]
"""Pairs of rows, the earlier first, and their Jaccard similarity."""

# Shingles compared in one step.
_SHINGLES = 8_000_000


@dataclass(frozen=True)
class TwinRules:
    """What two rows must have in common besides most of their shingles; travels to the executors."""

    turn_threshold: float = 0.0
    """Least similarity of their last turns, where one of them has earlier ones."""
    common: Mapping[str, Shingles] = field(default_factory=dict)
    """Source -> sorted shingles that so many of its rows have that they are its template's and nobody's own."""


@dataclass(frozen=True)
class ComparedTexts:
    """Texts to compare, with what the rules want to know of each."""

    texts: Sequence[str]
    turn_starts: Integers
    """Characters before the last turn: 0 where the text is one turn."""
    sources: Sequence[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "ComparedTexts":
        """Texts of one turn and of one source."""
        return cls(texts, np.zeros(len(texts), dtype=np.int64), [""] * len(texts))

    def last_turn(self, row: int) -> str:
        """Where a text has no earlier turn it is its last."""
        return self.texts[row][int(self.turn_starts[row]) :]


@dataclass(frozen=True)
class ShingledRows:
    """Rows with their shingle sets."""

    matrix: csr_matrix
    """Shape (rows, distinct shingles); a shingle of one bucket is another column than the same shingle of the next."""
    sizes: Integers
    """Shingles of each row."""
    thresholds: Similarities
    compared: ComparedTexts
    rules: TwinRules
    shingle_of_column: Shingles

    @classmethod
    def of(
        cls, buckets: Integers, thresholds: Similarities, compared: ComparedTexts, rules: TwinRules
    ) -> "ShingledRows":
        """Shingle texts.

        Args:
            buckets: of each row, sorted. One product of the matrix counts what the rows of every bucket share, and
                nothing across buckets.
            thresholds: of each row.
            compared: the text of each row.
            rules: what makes twins.
        """
        shingles, bounds = shingle_texts(compared.texts)
        sizes = np.diff(bounds)
        number = np.cumsum(np.concatenate(([False], buckets[1:] != buckets[:-1])))
        mixed = shingles.view(np.int64) ^ np.repeat(number * np.int64(0x27D4EB2F165667C5), sizes)
        columns, first, column = np.unique(mixed, return_index=True, return_inverse=True)
        ones = np.ones(column.size, dtype=np.int32)
        matrix = csr_matrix((ones, column, bounds), shape=(sizes.size, columns.size))
        return cls(matrix, sizes, thresholds, compared, rules, shingles[first])

    def similar(self, left: Integers, right: Integers, shared: npt.NDArray[np.int32]) -> Found:
        """Of pairs that share so many shingles the twins: those whose similarities all reach what is wanted of both."""
        similarity = shared / (self.sizes[left] + self.sizes[right] - shared)
        wanted = np.maximum(self.thresholds[left], self.thresholds[right])
        near = similarity >= wanted
        left, right, similarity, wanted = left[near], right[near], similarity[near], wanted[near]
        # A similarity that was not asked for is no number, and no number is below anything.
        twins = ~(self.turn_similarity(left, right) < self.rules.turn_threshold)
        twins &= ~(self.own_similarity(left, right) < wanted)
        return left[twins], right[twins], similarity[twins]

    def turn_similarity(self, left: Integers, right: Integers) -> Similarities:
        """Jaccard similarity of the last turns of each pair; NaN where neither has earlier turns."""
        found = np.full(left.size, np.nan)
        asked = np.flatnonzero((self.compared.turn_starts[left] > 0) | (self.compared.turn_starts[right] > 0))
        if not asked.size:
            return found
        rows, places = np.unique(np.concatenate((left[asked], right[asked])), return_inverse=True)
        turns = [self.compared.last_turn(row) for row in rows.tolist()]
        shingles, bounds = shingle_texts(turns)
        columns, column = np.unique(shingles, return_inverse=True)
        ones = np.ones(column.size, dtype=np.int32)
        matrix = csr_matrix((ones, column, bounds), shape=(rows.size, columns.size))
        one, other = places[: asked.size], places[asked.size :]
        # Without a token the text itself decides, as for whole texts.
        silent = np.array(["".join(turn.split()) for turn in turns], dtype=object)
        found[asked] = _jaccard(matrix, one, other, np.diff(bounds), silent[one] == silent[other])
        return found

    def own_similarity(self, left: Integers, right: Integers) -> Similarities:
        """Jaccard similarity of what is left of each pair without the common shingles of their sources; NaN where
        these have none, and 1 where nothing is left of either.
        """
        found = np.full(left.size, np.nan)
        if not self.rules.common or not left.size:
            return found
        names, source = np.unique(np.array(self.compared.sources, dtype=object), return_inverse=True)
        low = np.minimum(source[left], source[right]) * names.size + np.maximum(source[left], source[right])
        for both in np.unique(low).tolist():
            lists = [self.rules.common.get(names[place]) for place in divmod(both, names.size)]
            common = [shingles for shingles in lists if shingles is not None and shingles.size]
            if not common:
                continue
            of_both = np.flatnonzero(low == both)
            is_own = ~np.isin(self.shingle_of_column, np.concatenate(common))
            rows, places = np.unique(np.concatenate((left[of_both], right[of_both])), return_inverse=True)
            matrix = self.matrix[rows].multiply(is_own.astype(np.int32)[np.newaxis, :]).tocsr()
            matrix.eliminate_zeros()
            one, other = places[: of_both.size], places[of_both.size :]
            nothing = np.ones(of_both.size, dtype=np.bool_)
            found[of_both] = _jaccard(matrix, one, other, np.diff(matrix.indptr), nothing)
        return found


def _jaccard(
    matrix: csr_matrix, left: Integers, right: Integers, sizes: Integers, empty_are_equal: npt.NDArray[np.bool_]
) -> Similarities:
    shared = shared_of(matrix, left, right)
    union = sizes[left] + sizes[right] - shared
    return np.where(union > 0, shared / np.maximum(union, 1), empty_are_equal)


def shared_of(matrix: csr_matrix, left: Integers, right: Integers) -> npt.NDArray[np.int32]:
    """How many columns each pair of rows has in common."""
    sizes = np.diff(matrix.indptr)
    step = np.cumsum(sizes[left] + sizes[right]) // _SHINGLES
    found = [np.empty(0, dtype=np.int32)]
    for start, end in pairwise((*np.flatnonzero(np.diff(step, prepend=-1)).tolist(), left.size)):
        product = matrix[left[start:end]].multiply(matrix[right[start:end]])
        found.append(np.asarray(product.sum(axis=1), dtype=np.int32).ravel())
    return np.concatenate(found)


def concatenated(found: Sequence[Found]) -> Found:
    """What several steps have found, as one."""
    empty = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
    left, right, similarity = (np.concatenate(parts) for parts in zip(empty, *found, strict=True))
    return left, right, similarity


def masked(texts: Sequence[str], rows: Integers) -> npt.NDArray[np.uint64]:
    """For these rows the hash of the text without its numbers, zero for the others; shape (texts,)."""
    masks = np.zeros(len(texts), dtype=np.uint64)
    for row in rows.tolist():
        masks[row] = numbers_masked(tokenise(texts[row]))
    return masks
