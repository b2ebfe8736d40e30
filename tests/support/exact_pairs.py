"""What the tests take for the truth about similar texts: Jaccard by its definition, and all pairs above a threshold."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from udfs.exact_join import ShingleSets
from udfs.prefix_filter import PrefixJoin
from udfs.shingles import Shingles


def jaccard(left: Shingles, right: Shingles) -> float:
    """Jaccard similarity |A ∩ B| / |A ∪ B| of two sorted shingle sets; 0.0 when both are empty."""
    shared = int(np.intersect1d(left, right, assume_unique=True).size)
    union = left.size + right.size - shared
    return shared / union if union else 0.0


def similar_pairs(sets: ShingleSets, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Every pair of rows whose Jaccard similarity is at least the threshold, each once.

    Args:
        sets: the rows.
        threshold: above 0 and at most 1, with at most six decimals.

    Yields:
        (row, later row, similarity); 1.0 for equal sets and for equal texts without a shingle.
    """
    by_set = np.argsort(sets.set_of_row, kind="stable")
    rows_of_set = [rows.tolist() for rows in np.split(by_set, np.cumsum(np.bincount(sets.set_of_row))[:-1])]
    for rows in rows_of_set:
        yield from ((row, later, 1.0) for place, row in enumerate(rows) for later in rows[place + 1 :])
    join = PrefixJoin.prepare(sets.shingles, sets.offsets, threshold)
    for block in join.blocks():
        for lefts, rights, similarities in (join.within(block), join.after(block)):
            numbers = join.numbers[lefts].tolist(), join.numbers[rights].tolist()
            for left, right, similarity in zip(*numbers, similarities.tolist(), strict=True):
                for one, other in product(rows_of_set[left], rows_of_set[right]):
                    yield min(one, other), max(one, other), similarity
