"""The pairs of a crowded bucket that decide who falls, where all pairs would be too many.

A hundred thousand fillings of one template meet in one bucket. Its rows are taken in the order of their ranks, each is
compared with those that are still kept, and one that is similar to a kept row is compared with no later row: copies
of a template cost their number and not its square. Different fillings are told apart by their rare shingles: two
sets of which each shares t of itself with the other have one in common among the n - ceil(t n) + 1 rarest of either
(Chaudhuri et al. 2006).
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from udfs.shingled_rows import Found, Integers, ShingledRows, concatenated, masked, shared_of

# Rows that meet in a rare shingle looked at in one step.
_MEETINGS = 4_000_000


def pairs_of_walk(rows: ShingledRows, protect_numbers: bool = False) -> Found:
    """Similar pairs of a kept row and a later one, for the rows of one bucket in the order of their ranks.

    For each row that falls every pair with a kept row that was there when it fell. Where numbers are protected a pair
    that differs in nothing else makes no row fall, and does not come out.
    """
    rare = rarest(rows)
    masks = masked(rows.compared.texts, np.arange(rows.sizes.size)) if protect_numbers else None
    waiting = np.ones(rows.sizes.size, dtype=np.bool_)
    found: list[Found] = []
    while waiting.any():
        later = np.flatnonzero(waiting)
        index = rare[later].T.tocsr()
        meetings = np.cumsum(rare[later] @ np.diff(index.indptr))
        block = later[: max(1, int(np.searchsorted(meetings, _MEETINGS, side="right")))]
        waiting[block] = False
        met = (rare[block] @ index).tocoo()
        left, right, similarity = _compared(rows, block[met.row], later[met.col], masks)
        counts = np.isin(left, _kept_of(block, left, right))
        found.append((left[counts], right[counts], similarity[counts]))
        waiting[right[counts]] = False
    return concatenated(found)


def _compared(rows: ShingledRows, left: Integers, right: Integers, masks: npt.NDArray[np.uint64] | None) -> Found:
    """Those of the pairs that are similar, each once, in order."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    once = (left < right) if masks is None else (left < right) & (masks[left] != masks[right])
    left, right = left[once], right[once]
    return rows.similar(left, right, shared_of(rows.matrix, left, right))


def _kept_of(block: Integers, left: Integers, right: Integers) -> Integers:
    """The rows of a block that no kept row of it makes fall; pairs are sorted by their left row."""
    fallen: set[int] = set()
    inside = right <= block[-1]
    for one, other in zip(left[inside].tolist(), right[inside].tolist(), strict=True):
        if one not in fallen:
            fallen.add(other)
    return np.array([row for row in block.tolist() if row not in fallen], dtype=np.int64)


def rarest(rows: ShingledRows) -> csr_matrix:
    """The matrix with the n - ceil(t n) + 1 rarest shingles of each row only."""
    frequency = np.bincount(rows.matrix.indices, minlength=rows.matrix.shape[1])
    owner = np.repeat(np.arange(rows.sizes.size), rows.sizes)
    order = np.lexsort((rows.matrix.indices, frequency[rows.matrix.indices], owner))
    needed = np.ceil(rows.thresholds * rows.sizes - 1e-6).astype(np.int64)  # 0.8 of 5 is 4, whatever floats say
    within = np.arange(owner.size) - np.repeat(rows.matrix.indptr[:-1], rows.sizes)
    chosen = order[within < np.repeat(rows.sizes - needed + 1, rows.sizes)]
    ones = np.ones(chosen.size, dtype=np.int32)
    return csr_matrix((ones, (owner[chosen], rows.matrix.indices[chosen])), shape=rows.matrix.shape)


def pairs_across(rows: ShingledRows, is_reference: npt.NDArray[np.bool_]) -> Found:
    """Similar pairs of a row of the reference and another, for the rows of some buckets."""
    rare = rarest(rows)
    known, new = np.flatnonzero(is_reference), np.flatnonzero(~is_reference)
    index = rare[known].T.tocsr()
    meetings = np.cumsum(rare[new] @ np.diff(index.indptr))
    found: list[Found] = []
    start = 0
    while start < new.size:
        done = int(meetings[start - 1]) if start else 0
        block = new[start : max(start + 1, int(np.searchsorted(meetings, done + _MEETINGS, side="right")))]
        met = (rare[block] @ index).tocoo()
        left, right = known[met.col], block[met.row]
        found.append(rows.similar(left, right, shared_of(rows.matrix, left, right)))
        start += block.size
    return concatenated(found)
