"""Set-similarity join by prefix filtering: every pair of sets with Jaccard >= t, exactly, without comparing all pairs.

The method is that of Chaudhuri et al. 2006 ("A primitive operator for similarity joins in data cleaning") and Bayardo
et al. 2007 (AllPairs). Put the elements of every set in one order, rare before frequent. Two sets with Jaccard >= t
share at least ceil(t * n) elements, n being the size of either, so the first n - ceil(t * n) + 1 elements of both,
their *prefixes*, have one in common: only pairs that meet in a prefix are looked at. How much the prefixes share
bounds what the sets can share (after PPJoin, Xiao et al. 2008), and what passes that bound is counted.

Most texts of a real file need none of this: a set is out as soon as fewer than ceil(t * n) of its elements occur in
any other set that is still in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from udfs.shingles import Shingles

Integers = npt.NDArray[np.integer]
Pairs = tuple[Integers, Integers, npt.NDArray[np.float64]]

# Shingles sorted at a time while frequencies are counted: about 300 MB of working memory.
_PARTITION_SHINGLES = 8_000_000
# Bounds of one step of the join: sets, meetings in a prefix, shingles compared.
_BLOCK_SETS = 2_000
_BLOCK_MEETINGS = 4_000_000
_CHUNK_SHINGLES = 8_000_000


@dataclass
class PrefixJoin:
    """The sets that can have a partner, rare shingles first, and which of them are still waited for.

    A *place* is a row of the matrices, in the order of the sets. A shingle of one set alone is in no matrix: it can
    match nothing, and being rarest it shortens the prefix that must be searched.
    """

    numbers: Integers
    """Place -> number of the set."""
    sizes: Integers
    """Shingles of the set, all of them."""
    needed: Integers
    """ceil(threshold * size): what a partner must share at least."""
    matrix: csr_matrix
    prefixes: csr_matrix
    threshold: Fraction

    @classmethod
    def prepare(cls, shingles: Shingles, offsets: Integers, threshold: float) -> "PrefixJoin":
        """Find the sets that can have a partner.

        Args:
            shingles: distinct sets one after another, each sorted.
            offsets: where each set begins, and the end; a set may be empty and then has no partner.
            threshold: above 0 and at most 1, with at most six decimals.

        Raises:
            ValueError: the threshold is out of range.
        """
        exact = Fraction(str(threshold))
        if not 0 < exact <= 1 or exact.denominator > 1_000_000:
            raise ValueError(f"a threshold is above 0, at most 1 and has at most six decimals, not {threshold}")
        sizes = np.diff(offsets)
        needed = -(-sizes * exact.numerator // exact.denominator)
        numbers, lengths, columns = _sets_with_partners(_shared_columns(shingles), sizes, needed)
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        indices = _rare_first(columns, lengths)
        needed = needed[numbers]
        shape = (numbers.size, int(indices.max(initial=-1)) + 1)
        in_prefix = np.zeros(indices.size + 1, dtype=np.int8)
        in_prefix[indptr[:-1]] += 1
        in_prefix[indptr[:-1] + lengths - needed + 1] -= 1
        in_prefix = np.cumsum(in_prefix, dtype=np.int8).astype(bool)[:-1]
        prefix_indptr = np.concatenate(([0], np.cumsum(lengths - needed + 1)))
        return cls(
            numbers=numbers,
            sizes=sizes[numbers],
            needed=needed,
            matrix=csr_matrix((np.ones(indices.size, dtype=np.int8), indices, indptr), shape),
            prefixes=csr_matrix((np.ones(prefix_indptr[-1], dtype=np.int32), indices[in_prefix], prefix_indptr), shape),
            threshold=exact,
        )

    def __post_init__(self) -> None:
        self._last = self.prefixes.indices[self.prefixes.indptr[1:] - 1]
        self._waiting = np.ones(self.numbers.size, dtype=bool)
        self._index_rows(np.arange(self.numbers.size))

    def _index_rows(self, places: Integers) -> None:
        self._indexed = places
        self._index = self.prefixes[places].T.tocsr()

    def blocks(self) -> Iterator[Integers]:
        """Places in order, as many at a time as meet no more than a bounded number of others in a prefix."""
        meetings = np.cumsum(self.prefixes @ np.diff(self._index.indptr).astype(np.int64))
        start = 0
        while start < self.numbers.size:
            end = _block_end(meetings, start)
            block = np.flatnonzero(self._waiting[start:end]) + start
            self._waiting[start:end] = False
            if block.size:
                yield block
            if np.count_nonzero(self._waiting) * 2 < self._indexed.size:
                self._index_rows(np.flatnonzero(self._waiting))
            start = end

    def drop(self, places: Integers) -> None:
        """Wait for these places no more."""
        self._waiting[places] = False

    def within(self, block: Integers) -> Pairs:
        """Similar pairs inside a block, as places, sorted."""
        return self._similar(block, self.prefixes[block].T.tocsr(), block)

    def after(self, block: Integers) -> Pairs:
        """Similar pairs of a set of the block and a later one that is still waited for, as places, sorted."""
        return self._similar(block, self._index, self._indexed, self._waiting)

    def across(self, lefts: Integers, rights: Integers) -> Iterator[Pairs]:
        """Similar pairs of one of these places and another of those, a bounded number of places at a time."""
        index = self.prefixes[rights].T.tocsr()
        meetings = np.cumsum(self.prefixes[lefts] @ np.diff(index.indptr).astype(np.int64))
        start = 0
        while start < lefts.size:
            end = _block_end(meetings, start)
            yield self._similar(lefts[start:end], index, rights, in_order=False)
            start = end

    def _similar(
        self,
        lefts: Integers,
        index: csr_matrix,
        rights: Integers,
        wanted: npt.NDArray[np.bool_] | None = None,
        *,
        in_order: bool = True,
    ) -> Pairs:
        met = (self.prefixes[lefts] @ index).tocoo()
        left, right = lefts[met.row], rights[met.col]
        possible = left < right if in_order else left != right
        if wanted is not None:
            possible &= wanted[right]
        left, right, shared = left[possible], right[possible], met.data[possible]
        # Behind the prefix that ends first, its set has needed - 1 elements left, and no more can be shared.
        ends_first = np.where(self._last[left] <= self._last[right], left, right)
        possible = self._enough(left, right, shared + self.needed[ends_first] - 1)
        left, right = left[possible], right[possible]
        shared = self._shared(left, right)
        similar = self._enough(left, right, shared)
        left, right, shared = left[similar], right[similar], shared[similar]
        order = np.lexsort((right, left))
        left, right, shared = left[order], right[order], shared[order]
        similarity = shared / (self.sizes[left] + self.sizes[right] - shared)
        return left, right, similarity

    def _enough(self, left: Integers, right: Integers, shared: Integers) -> npt.NDArray[np.bool_]:
        # shared / (a + b - shared) >= p / q in whole numbers, so that 4 of 5 is exactly 0.8.
        p, q = self.threshold.numerator, self.threshold.denominator
        smaller = np.minimum(np.minimum(self.sizes[left], self.sizes[right]), shared).astype(np.int64)
        return np.asarray(smaller * (p + q) >= p * (self.sizes[left] + self.sizes[right]))

    def _shared(self, left: Integers, right: Integers) -> Integers:
        lengths = np.diff(self.matrix.indptr)
        chunk = np.cumsum(lengths[left] + lengths[right]) // _CHUNK_SHINGLES
        edges = np.searchsorted(chunk, np.arange(chunk[-1] + 2 if chunk.size else 1))
        counts = [
            np.diff(self.matrix[left[start:end]].multiply(self.matrix[right[start:end]]).tocsr().indptr)
            for start, end in pairwise(edges)
        ]
        return np.concatenate([np.empty(0, dtype=np.int64), *counts])


def _block_end(meetings: Integers, start: int) -> int:
    """Where a block ends that begins there: at a bound of places and of meetings, but not before one place."""
    done = meetings[start - 1] if start else 0
    end = int(np.searchsorted(meetings, done + _BLOCK_MEETINGS, side="right"))
    return min(max(end, start + 1), start + _BLOCK_SETS)


def _shared_columns(shingles: Shingles) -> npt.NDArray[np.int32]:
    """Number the shingles that occur in more than one set; -1 for the others."""
    columns = np.full(shingles.size, -1, dtype=np.int32)
    count = 0
    partitions = shingles.size // _PARTITION_SHINGLES + 1
    for low, high in pairwise(part * 2**64 // partitions for part in range(partitions + 1)):
        places = np.flatnonzero((shingles >= np.uint64(low)) & (shingles <= np.uint64(high - 1)))
        order = np.argsort(shingles[places])
        places = places[order]
        values = shingles[places]
        starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1]))[: values.size])
        occurrences = np.diff(starts, append=values.size)
        repeated = occurrences > 1
        columns[places] = np.repeat(np.where(repeated, np.cumsum(repeated) - 1 + count, -1), occurrences)
        count += int(np.count_nonzero(repeated))
    return columns


def _sets_with_partners(
    columns: npt.NDArray[np.int32], sizes: Integers, needed: Integers
) -> tuple[Integers, Integers, npt.NDArray[np.int32]]:
    """Leave out the sets that share too little with all others together, until no more fall."""
    numbers = np.flatnonzero(sizes)
    lengths = sizes[numbers]
    shared = columns >= 0
    while columns.size:
        held = np.add.reduceat(shared, np.cumsum(lengths) - lengths, dtype=np.int64)
        stay = held >= needed[numbers]
        if stay.all() and shared.all():
            break
        columns = columns[shared & np.repeat(stay, lengths)]
        numbers, lengths = numbers[stay], held[stay]
        shared = (np.bincount(columns) > 1)[columns]
    return numbers, lengths, columns


def _rare_first(columns: npt.NDArray[np.int32], lengths: Integers) -> npt.NDArray[np.int32]:
    """Renumber columns from rare to frequent, and sort every set by the new numbers."""
    frequency = np.bincount(columns)
    order = np.argsort(frequency, kind="stable")[np.count_nonzero(frequency == 0) :]
    rank = np.zeros(frequency.size, dtype=np.uint64)
    rank[order] = np.arange(order.size, dtype=np.uint64)
    keys = np.repeat(np.arange(lengths.size, dtype=np.uint64) << np.uint64(32), lengths)
    keys |= rank[columns]
    keys.sort()
    ranks: npt.NDArray[np.int32] = (keys & np.uint64(0xFFFFFFFF)).astype(np.int32)
    return ranks
