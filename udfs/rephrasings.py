"""Questions of benchmarks asked in other words: what a prompt shares with an item, whatever its order.

The same problem with other names, other verbs and its clauses moved keeps most of its rare words and its numbers. A
*feature* is the stem of a word, or a number ("seven" is 7). It weighs log2(items / items that have it) bits, so that
what every question says counts next to nothing and no list of stop words is needed. A prompt asks an item in other
words where what they share weighs at least `LEAST_SIMILARITY` of what either has (a weighted Jaccard similarity), and
at least `LEAST_BITS`: well-known exercises such as "reverse a string" share their few words by nature.

How much of each kind is found, and what is convicted wrongly, is in docs/METHODOLOGY.md; `tests.benchmarks.rephrasings`
measures it anew.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from udfs.shingles import words

LEAST_SIMILARITY = 0.45
LEAST_BITS = 50.0

_RARE_SHARE = 0.005
"""Share of the items that a feature may be in to find candidates; the others only count for those."""
_RARE_ITEMS = 20
"""So many it may be in in any case."""
_LEAST_RARE_BITS = 15.0
"""What a candidate shares of rare features."""
_BLOCK_TEXTS = 2_000

_SUFFIX = re.compile(r"(?:ations?|ing|ed|es|s|ly|er|est|ment|ion)$")
_NUMBER = re.compile(r"\d+")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_NUMBER_WORDS = {word: str(number) for number, word in enumerate(f"{_UNITS} eighteen nineteen twenty".split())}
_NUMBER_WORDS |= {"thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000", "dozen": "12"}

Floats = npt.NDArray[np.float64]


class Rephrasing(NamedTuple):
    """A prompt that asks an item in other words."""

    text: int
    """Number of the text, in its batch."""
    item: int
    """Number of the item."""
    similarity: float
    """Weight of what both have, of what either has."""
    shared: tuple[str, ...]
    """The features that both have, in the order of the text."""
    item_features: int
    """How many the item has."""


def features(text: str) -> list[str]:
    """The different features of a text, in the order in which they come first; single Latin letters are none."""
    found = (_NUMBER_WORDS.get(word, word) for word in words(text))
    stems = (word if _NUMBER.fullmatch(word) else _stem(word) for word in found)
    return list(dict.fromkeys(stem for stem in stems if len(stem) > 1 or stem.isdigit() or not stem.isascii()))


def _stem(word: str) -> str:
    if len(word) > 4:
        return _SUFFIX.sub("", word)
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


@dataclass(frozen=True)
class RephrasingIndex:
    """The features of items; plain arrays, which travel to executors."""

    vocabulary: dict[str, int]
    """Feature -> its column."""
    bits: Floats
    """What each weighs."""
    members: csr_matrix
    """Items x features, ones."""
    rare: csr_matrix
    """Features x items, the weights of the rare ones: what finds candidates."""
    sums: Floats
    """What all features of each item weigh together."""
    unknown_bits: float
    """What a feature weighs that no item has."""

    def rephrasings(self, texts: Sequence[str]) -> Iterator[Rephrasing]:
        """The items that texts ask in other words, a word more or less included."""
        for start in range(0, len(texts), _BLOCK_TEXTS):
            for found in self._in_block([features(text) for text in texts[start : start + _BLOCK_TEXTS]]):
                yield found._replace(text=start + found.text)

    def _in_block(self, texts: Sequence[Sequence[str]]) -> Iterator[Rephrasing]:
        holds = _matrix(texts, self.vocabulary)
        known = np.diff(holds.indptr)
        unknown = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) - known
        candidates = (holds @ self.rare).tocoo()
        is_near = candidates.data >= _LEAST_RARE_BITS
        text, item = candidates.row[is_near], candidates.col[is_near]
        if not text.size:
            return
        shared = holds[text].multiply(self.members[item]) @ self.bits
        either = (holds @ self.bits + self.unknown_bits * unknown)[text] + self.sums[item] - shared
        similarity = shared / either
        for place in np.flatnonzero((similarity >= LEAST_SIMILARITY) & (shared >= LEAST_BITS)).tolist():
            of_item = self.members[int(item[place])].indices
            names = [name for name in texts[text[place]] if self.vocabulary.get(name) in of_item]
            yield Rephrasing(int(text[place]), int(item[place]), float(similarity[place]), tuple(names), len(of_item))


def index_rephrasings(items: Sequence[str]) -> RephrasingIndex:
    """Index the questions of items, in their order."""
    found = [features(item) for item in items]
    counts = Counter(name for of_item in found for name in of_item)
    vocabulary = {name: number for number, name in enumerate(counts)}
    count = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
    bits: Floats = np.log2((len(items) + 1) / count)
    members = _matrix(found, vocabulary)
    weights = np.where(count <= max(_RARE_ITEMS, _RARE_SHARE * len(items)), bits, 0.0)
    rare = members.multiply(weights).T.tocsr()
    rare.eliminate_zeros()
    return RephrasingIndex(vocabulary, bits, members, rare, members @ bits, float(np.log2(len(items) + 1)))


def _matrix(texts: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> csr_matrix:
    """Texts x features, ones where a text has a feature of the vocabulary."""
    columns = [[vocabulary[name] for name in text if name in vocabulary] for text in texts]
    bounds = np.cumsum([0, *map(len, columns)])
    inner = np.fromiter((column for of_text in columns for column in of_text), dtype=np.int64, count=int(bounds[-1]))
    return csr_matrix((np.ones(inner.size), inner, bounds), shape=(len(texts), len(vocabulary)))
