"""Exact near-duplicate search over the rows of a file: the truth that MinHash approximates.

Nothing here is shared with the pipeline but what a shingle is. Texts with equal shingle sets are one set throughout;
`udfs.prefix_filter` finds the similar ones among the rest.
"""

from array import array
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import xxhash

from udfs.prefix_filter import Integers, Pairs, PrefixJoin
from udfs.shingles import Shingles


class ShingleSets:
    """The shingle sets of the rows of a file, equal sets held once: 8 bytes a shingle and about 200 a row."""

    def __init__(self) -> None:
        self._shingles = array("Q")
        self._ends = array("q", [0])
        self._set_of_row = array("q")
        self._known: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._set_of_row)

    def append(self, shingles: Shingles, text: str) -> None:
        """Add the next row.

        Args:
            shingles: sorted distinct hashes, as `udfs.shingles` makes them.
            text: what was shingled; it decides only where there is no shingle, because "???" is a copy of "???"
                (whatever its white space) and of nothing else.
        """
        content = shingles.tobytes() if shingles.size else "".join(text.split()).encode("utf-8", "surrogatepass")
        key = xxhash.xxh3_128_digest(content, seed=int(shingles.size > 0))
        number = self._known.setdefault(key, len(self._known))
        if number == len(self._ends) - 1:
            self._shingles.frombytes(shingles.tobytes())
            self._ends.append(len(self._shingles))
        self._set_of_row.append(number)

    @property
    def shingles(self) -> Shingles:
        """All distinct sets one after another, without a copy."""
        return np.frombuffer(self._shingles, dtype=np.uint64)

    @property
    def offsets(self) -> Integers:
        """Where each distinct set begins in `shingles`, and the end; sets are in order of their first row."""
        return np.frombuffer(self._ends, dtype=np.int64)

    @property
    def set_of_row(self) -> Integers:
        """The number of each row's set."""
        return np.frombuffer(self._set_of_row, dtype=np.int64)


def similar_rows(sets: ShingleSets, threshold: float) -> Iterator[tuple[Integers, Integers]]:
    """Links between rows, enough to connect each two whose Jaccard similarity is at least the threshold.

    Rows with equal sets are each linked with the first of them, which alone stands for them in the links between
    different sets.

    Args:
        sets: the rows.
        threshold: above 0 and at most 1, with at most six decimals.

    Yields:
        The two ends of some links, as numbers of rows.
    """
    first_row = np.unique(sets.set_of_row, return_index=True)[1]
    yield first_row[sets.set_of_row], np.arange(len(sets))
    join = PrefixJoin.prepare(sets.shingles, sets.offsets, threshold)
    first_row = first_row[join.numbers]
    for block in join.blocks():
        for lefts, rights, _ in (join.within(block), join.after(block)):
            yield first_row[lefts], first_row[rights]


def near_duplicates(sets: ShingleSets, threshold: float) -> Iterator[tuple[int, int, float]]:
    """The rows that a greedy walk in file order removes: those similar to an earlier row that is kept.

    A removed row is compared with nothing any more, so a cluster of copies costs no more than its size.

    Args:
        sets: the rows.
        threshold: above 0 and at most 1, with at most six decimals.

    Yields:
        (removed row, the earliest kept row that it is similar to, their similarity), by row.
    """
    join = PrefixJoin.prepare(sets.shingles, sets.offsets, threshold)
    keeper, similarity = np.arange(join.numbers.size), np.ones(join.numbers.size)
    for block in join.blocks():
        for left, rights, values in _by_left(join.within(block)):
            if keeper[left] == left:
                falls = keeper[rights] == rights
                keeper[rights[falls]], similarity[rights[falls]] = left, values[falls]
        lefts, rights, values = join.after(block[keeper[block] == block])
        earliest = np.lexsort((lefts, rights))
        rights, first = np.unique(rights[earliest], return_index=True)
        keeper[rights], similarity[rights] = lefts[earliest][first], values[earliest][first]
        join.drop(rights)
    first_row = np.unique(sets.set_of_row, return_index=True)[1]
    kept_row, similarity_of_set = first_row.copy(), np.ones(first_row.size)
    kept_row[join.numbers], similarity_of_set[join.numbers] = first_row[join.numbers[keeper]], similarity
    for row, number in enumerate(sets.set_of_row.tolist()):
        if kept_row[number] != row:
            yield row, int(kept_row[number]), float(similarity_of_set[number])


def resembling_rows(
    sets: ShingleSets, is_of_interest: npt.NDArray[np.bool_], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """The rows of interest that are similar to one of the others.

    Args:
        sets: the rows.
        is_of_interest: which rows, one value a row.
        threshold: above 0 and at most 1, with at most six decimals.

    Yields:
        (row, the most similar other row and of equally similar ones the first, their similarity), by row.
    """
    numbers = sets.set_of_row
    first_other = np.full(len(sets.offsets) - 1, -1)
    others = np.flatnonzero(~is_of_interest)[::-1]
    first_other[numbers[others]] = others
    wanted = np.zeros(first_other.size, dtype=bool)
    wanted[numbers[is_of_interest]] = True
    # A set on both sides needs no search, and nothing is more similar.
    similarity = np.where(wanted & (first_other >= 0), 1.0, 0.0)
    twin = np.where(similarity == 1.0, first_other, -1)
    join = PrefixJoin.prepare(sets.shingles, sets.offsets, threshold)
    asked = np.flatnonzero(wanted[join.numbers] & (similarity[join.numbers] == 0.0))
    for lefts, rights, values in join.across(asked, np.flatnonzero(first_other[join.numbers] >= 0)):
        left, other = join.numbers[lefts], first_other[join.numbers[rights]]
        best_first = np.lexsort((other, -values, left))
        left, place = np.unique(left[best_first], return_index=True)
        twin[left], similarity[left] = other[best_first][place], values[best_first][place]
    for row in np.flatnonzero(is_of_interest).tolist():
        number = numbers[row]
        if twin[number] >= 0:
            yield row, int(twin[number]), float(similarity[number])


def _by_left(matches: Pairs) -> Iterator[tuple[int, Integers, npt.NDArray[np.float64]]]:
    left, right, similarity = matches
    values, starts = np.unique(left, return_index=True)
    for value, (start, end) in zip(values.tolist(), pairwise((*starts, left.size)), strict=True):
        yield value, right[start:end], similarity[start:end]
