"""The rows of some buckets as one sparse matrix of shingles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from udfs.shingles import numbers_masked, shingle_texts, tokenise

Integers = npt.NDArray[np.int64]
Found = tuple[Integers, Integers, npt.NDArray[np.float64]]
"""Pairs of rows, the earlier first, and their Jaccard similarity."""


@dataclass(frozen=True)
class ShingledRows:
    """Rows with their shingle sets."""

    matrix: csr_matrix
    """Shape (rows, distinct shingles); a shingle of one bucket is another column than the same shingle of the next."""
    sizes: Integers
    """Shingles of each row."""
    thresholds: npt.NDArray[np.float64]
    texts: Sequence[str]

    @classmethod
    def of(cls, buckets: Integers, thresholds: npt.NDArray[np.float64], texts: Sequence[str]) -> "ShingledRows":
        """Shingle texts.

        Args:
            buckets: of each row, sorted. One product of the matrix counts what the rows of every bucket share, and
                nothing across buckets.
            thresholds: of each row.
            texts: of each row.
        """
        shingles, bounds = shingle_texts(texts)
        sizes = np.diff(bounds)
        number = np.cumsum(np.concatenate(([False], buckets[1:] != buckets[:-1])))
        mixed = shingles.view(np.int64) ^ np.repeat(number * np.int64(0x27D4EB2F165667C5), sizes)
        columns, column = np.unique(mixed, return_inverse=True)
        ones = np.ones(column.size, dtype=np.int32)
        return cls(csr_matrix((ones, column, bounds), shape=(sizes.size, columns.size)), sizes, thresholds, texts)

    def similar(self, left: Integers, right: Integers, shared: npt.NDArray[np.int32]) -> Found:
        """Of pairs that share so many shingles those whose similarity reaches the higher of both thresholds."""
        similarity = shared / (self.sizes[left] + self.sizes[right] - shared)
        near = similarity >= np.maximum(self.thresholds[left], self.thresholds[right])
        return left[near], right[near], similarity[near]


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
