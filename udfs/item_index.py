"""Where texts hold the items of a benchmark: the longest runs of tokens that they have in common.

Every n-gram of the items is a seed in one sorted array of 64-bit hashes; texts are looked up in it batch by batch, and
each seed that is found is extended in both directions, token by token, to the longest run around it. One pass over the
texts, whatever the number of items; the work for a text grows with its length only.

Tokens are those of deduplication (`udfs.shingles`), so that case, punctuation, line breaks and surrounding text do not
hide an item.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from udfs.shingles import tokenise

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

SEED_TOKENS = 8
"""Tokens of a seed: with the longest run around it the length found best over 13 benchmarks (ConTAM study)."""

COMMON_TEXTS = 3
"""A seed that so many different texts of the items hold is a form of words and convicts nobody."""

_MULTIPLIER = 0x9E3779B185EBCA87
# What follows a text of the index and what follows a text that is searched: never equal, and equal to no token.
_ITEM_END, _TEXT_END = np.uint64(1), np.uint64(2)
_CACHED_HASHES = 1 << 19


class Run(NamedTuple):
    """A longest common run of tokens."""

    text: int
    """Number of the text that was searched, in its batch."""
    item: int
    """Number of the text of the index."""
    text_start: int
    """Token of the searched text where it begins."""
    item_start: int
    """Token of the item's text where it begins."""
    tokens: int
    """How long it is."""
    text_tokens: int
    """How long the searched text is."""


@dataclass(frozen=True)
class ItemIndex:
    """Texts of benchmark items, ready to be looked for; plain arrays, which travel to executors."""

    tokens: Hashes
    """Hashes of the tokens of all texts, one text after another, each with an end mark."""
    starts: Places
    """Where each text begins in `tokens`, and the end: shape (texts + 1,)."""
    seeds: Hashes
    """Sorted hashes of the n-grams that convict, of `SEED_TOKENS` tokens."""
    seed_places: Places
    """Where each seed begins in `tokens`."""
    is_form: npt.NDArray[np.bool_]
    """Texts made of common n-grams only: there is no part of them that tells one from another."""
    short: tuple[tuple[int, Hashes, Places], ...]
    """Of texts shorter than a seed: number of tokens, sorted hashes of the whole texts, their numbers."""

    @property
    def sizes(self) -> Places:
        """Tokens of each text, shape (texts,)."""
        return np.diff(self.starts) - 1

    def runs(self, texts: Sequence[str]) -> Iterator[Run]:
        """The longest run of each text with each item it shares a seed with, and the whole short items it holds."""
        tokens, starts = _joined(texts, _TEXT_END)
        best: dict[tuple[int, int], Run] = {}
        for here, there in self._seeds_in(tokens):
            run = self._extend(tokens, starts, here, there)
            known = best.get((run.text, run.item))
            if known is None or run.tokens > known.tokens:
                best[run.text, run.item] = run
        yield from best.values()

    def _seeds_in(self, tokens: Hashes) -> Iterator[tuple[int, int]]:
        """Pairs of places, in the texts and in the index, where a common run begins that holds a seed."""
        for width, seeds, numbers in ((SEED_TOKENS, self.seeds, None), *self.short):
            if not seeds.size:
                continue
            found = _ngrams(tokens, width)
            first = np.searchsorted(seeds, found)
            hits = np.flatnonzero(seeds[np.minimum(first, seeds.size - 1)] == found)
            first = first[hits]
            counts = np.searchsorted(seeds, found[hits], "right") - first
            here = np.repeat(hits, counts)
            entries = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            there = self.seed_places[entries] if numbers is None else self.starts[numbers[entries]]
            # Of the seeds of one run only the first: they lie on one diagonal, next to each other.
            order = np.lexsort((here, there - here))
            here, there = here[order], there[order]
            follows = (np.diff(here) == 1) & (np.diff(there) == 1)
            begins = np.concatenate(([True], ~follows)) if here.size else np.empty(0, dtype=bool)
            yield from zip(here[begins].tolist(), there[begins].tolist(), strict=True)

    def _extend(self, tokens: Hashes, starts: Places, here: int, there: int) -> Run:
        before = 0
        while before < here and before < there and tokens[here - before - 1] == self.tokens[there - before - 1]:
            before += 1
        after = 0
        while tokens[here + after] == self.tokens[there + after]:  # ends at the latest where a text does
            after += 1
        text = int(np.searchsorted(starts, here, "right")) - 1
        item = int(np.searchsorted(self.starts, there, "right")) - 1
        size = int(starts[text + 1] - starts[text]) - 1
        text_start, item_start = here - before - int(starts[text]), there - before - int(self.starts[item])
        return Run(text, item, text_start, item_start, before + after, size)


def build_index(texts: Iterable[str]) -> ItemIndex:
    """Index the texts of items, in their order; a text without a token is never found."""
    tokens, starts = _joined(texts, _ITEM_END)
    sizes = np.diff(starts) - 1
    seeds, places, owners = _all_seeds(tokens, starts, sizes)
    count = _different_texts(seeds, owners, _whole(tokens, starts))
    is_form = np.zeros(len(sizes), dtype=bool)
    is_form[owners] = True
    is_form[owners[count < COMMON_TEXTS]] = False
    # A form is found by its rarest n-gram, and must be there as a whole.
    rarest = np.lexsort((count, owners))
    first_of_owner = rarest[np.unique(owners[rarest], return_index=True)[1]]
    kept = count < COMMON_TEXTS
    kept[first_of_owner[is_form[owners[first_of_owner]]]] = True
    order = np.argsort(seeds[kept], kind="stable")
    short = []
    for width in np.unique(sizes[(sizes > 0) & (sizes < SEED_TOKENS)]).tolist():
        numbers = np.flatnonzero(sizes == width)
        hashes = _ngrams(tokens, width)[starts[numbers]]
        by_hash = np.argsort(hashes, kind="stable")
        short.append((int(width), hashes[by_hash], numbers[by_hash]))
    return ItemIndex(tokens, starts, seeds[kept][order], places[kept][order], is_form, tuple(short))


def _all_seeds(tokens: Hashes, starts: Places, sizes: Places) -> tuple[Hashes, Places, Places]:
    """Every n-gram of the texts that are long enough: its hash, its place and the number of its text."""
    counts = np.maximum(sizes - SEED_TOKENS + 1, 0)
    owners = np.repeat(np.arange(len(sizes)), counts)
    places = np.repeat(starts[:-1] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return _ngrams(tokens, SEED_TOKENS)[places], places, owners


def _different_texts(seeds: Hashes, owners: Places, texts: Hashes) -> Places:
    """For each seed, how many different texts hold the same n-gram; copies of a text count once."""
    _, content = np.unique(texts, return_inverse=True)
    _, seed = np.unique(seeds, return_inverse=True)
    pairs = np.unique(np.stack([seed, content[owners]]), axis=1)
    return np.bincount(pairs[0], minlength=int(seed.max()) + 1 if seed.size else 0)[seed]


def _whole(tokens: Hashes, starts: Places) -> Hashes:
    """A hash of each text as a whole."""
    ends = starts[1:]
    found = (xxhash.xxh3_64_intdigest(tokens[a:b].tobytes()) for a, b in zip(starts[:-1], ends, strict=True))
    return np.fromiter(found, dtype=np.uint64, count=len(ends))


def _ngrams(tokens: Hashes, width: int) -> Hashes:
    """Hash every run of `width` tokens: one that begins at each place, shape (tokens - width + 1,)."""
    size = max(tokens.size - width + 1, 0)
    hashes = np.zeros(size, dtype=np.uint64)
    factor = 1
    for offset in range(width):
        hashes += tokens[offset : offset + size] * np.uint64(factor)
        factor = factor * _MULTIPLIER % (1 << 64)
    return hashes


class _TokenHashes(dict[str, int]):
    def __missing__(self, token: str) -> int:
        value = xxhash.xxh3_64_intdigest(token.encode("utf-8", "surrogatepass"))
        if len(self) >= _CACHED_HASHES:
            self.clear()
        self[token] = value
        return value


_token_hashes = _TokenHashes()


def _joined(texts: Iterable[str], end: np.uint64) -> tuple[Hashes, Places]:
    """Token hashes of texts one after another, an end mark after each, and where each begins, with the end."""
    hashes: list[int] = []
    starts = [0]
    for text in texts:
        hashes.extend(map(_token_hashes.__getitem__, tokenise(text)))
        hashes.append(int(end))
        starts.append(len(hashes))
    return np.array(hashes, dtype=np.uint64), np.array(starts, dtype=np.int64)
