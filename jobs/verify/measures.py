"""What is measured of a file while its lines go by, in memory that grows by some 8 bytes a token."""

from array import array
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import fsum

import xxhash

from jobs.verify.lines import ValidLine
from udfs.exact_join import ShingleSets, near_duplicates
from udfs.shingles import shingle_pairs

LISTED_MALFORMED = 20
LISTED_DUPLICATES = 10
LISTED_LOW_SCORES = 10
# Half-open but for the first, which includes 10: a score of exactly 9.0 is in it, one of 8.0 in the second.
BANDS = (("9-10", 9.0), ("8-9", 8.0), ("7-8", 7.0), ("below 7", float("-inf")))
CLEAN_BAND = BANDS[0][0]
"""Where rules put a pair in which they found nothing; a remark takes it below (`udfs.scoring.heuristic`)."""
LENGTH_STEPS = (0, *(step * 10**power for power in range(8) for step in (1, 2, 3, 5, 7)))
"""Least lengths of the bars of a histogram, in tokens: about equally wide on a logarithmic scale."""
# Names of fields and sources are the file's own and may be one a row.
_DISTINCT_NAMES, _NAME_CHARS = 10_000, 200
# Characters of the pairs that are shingled together; one by one takes twice the time.
_STEP_CHARACTERS = 1_000_000
UNNAMED, OTHERS = "(none)", "(others)"


@dataclass(frozen=True)
class Malformed:
    """A line that is no row."""

    line: int
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """A row that is similar to an earlier, kept row; lines count from 1."""

    line: int
    twin_line: int
    jaccard: float
    exact: bool  # the same text, byte for byte; a similarity of 1.0 may still differ in punctuation


@dataclass(frozen=True)
class Lengths:
    """Lengths in tokens, as `udfs.shingles` defines a token."""

    min: int
    median: int
    mean: float
    max: int
    histogram: dict[int, int]  # least length of a step of `LENGTH_STEPS` -> rows; no step between is left out


@dataclass(frozen=True)
class Scores:
    """The quality scores that the rows carry."""

    rows: int
    mean: float | None
    not_above: int | None  # rows whose score is not above the wanted one; null where none is wanted
    not_above_lines: list[int]
    bands: dict[str, int]


@dataclass(frozen=True)
class Duplicates:
    """Rows similar to an earlier, kept row."""

    exact: int
    near: int
    share: float
    first: list[Duplicate]


@dataclass(frozen=True)
class Measures:
    """All that was measured of a file."""

    lines: int
    rows: int
    malformed: int
    malformed_first: list[Malformed]
    scores: Scores
    duplicates: Duplicates
    lengths: dict[str, Lengths]
    categories: dict[str, int]
    sources: dict[str, int]
    unknown_fields: dict[str, int]


class Measuring:
    """Takes the lines of a file one by one, then sums up."""

    def __init__(self, min_score: float | None) -> None:
        self.lines = 0
        self._min_score = min_score
        self._malformed = 0
        self._malformed_first: list[Malformed] = []
        self._row_lines = array("q")
        self._texts: set[bytes] = set()
        self._exact: set[int] = set()
        self.sets = ShingleSets()
        """Of the pairs, one for each row once all is summed up."""
        self._pairs: list[tuple[str, str]] = []
        self._characters = 0
        self._scores = array("d")
        self._not_above = 0
        self._not_above_lines: list[int] = []
        self._instruction_tokens, self._response_tokens = array("q"), array("q")
        self._categories: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._unknown_fields: Counter[str] = Counter()

    def add_malformed(self, reason: str) -> None:
        """Count the next line, which is no row."""
        self.lines += 1
        self._malformed += 1
        if self._malformed <= LISTED_MALFORMED:
            self._malformed_first.append(Malformed(self.lines, reason))

    def add(self, row: ValidLine) -> None:
        """Measure the next line."""
        self.lines += 1
        self._add_text(row)
        self._row_lines.append(self.lines)
        if row.quality_score is not None:
            self._add_score(float(row.quality_score))
        _count(self._categories, row.category or UNNAMED)
        _count(self._sources, row.source or UNNAMED)
        for name in row.unknown_fields:
            _count(self._unknown_fields, name)

    def _add_text(self, row: ValidLine) -> None:
        digest = xxhash.xxh3_128_digest(f"{row.instruction}\n{row.response}".encode())
        if digest in self._texts:
            self._exact.add(len(self._row_lines))
        self._texts.add(digest)
        self._pairs.append((row.instruction, row.response))
        self._characters += len(row.instruction) + len(row.response)
        if self._characters >= _STEP_CHARACTERS:
            self._shingle()

    def _shingle(self) -> None:
        shingles, bounds, tokens = shingle_pairs(self._pairs)
        for (start, end), pair in zip(pairwise(bounds.tolist()), self._pairs, strict=True):
            self.sets.append(shingles[start:end], "\n".join(pair))
        self._instruction_tokens.extend(tokens[:, 0].tolist())
        self._response_tokens.extend(tokens[:, 1].tolist())
        self._pairs, self._characters = [], 0

    def _add_score(self, score: float) -> None:
        self._scores.append(score)
        if self._min_score is not None and score <= self._min_score:
            self._not_above += 1
            if self._not_above <= LISTED_LOW_SCORES:
                self._not_above_lines.append(self.lines)

    def summed_up(self, jaccard: float) -> Measures:
        """The result, with the duplicates among the rows seen."""
        self._shingle()
        totals = array("q", map(int.__add__, self._instruction_tokens, self._response_tokens))
        texts = {"instruction": self._instruction_tokens, "response": self._response_tokens, "total": totals}
        return Measures(
            lines=self.lines,
            rows=len(self._row_lines),
            malformed=self._malformed,
            malformed_first=self._malformed_first,
            scores=self._scores_summed_up(),
            duplicates=self._duplicates(jaccard),
            lengths={name: _lengths(n) for name, n in texts.items() if n},
            categories=_ordered(self._categories),
            sources=_ordered(self._sources),
            unknown_fields=_ordered(self._unknown_fields),
        )

    def _scores_summed_up(self) -> Scores:
        bands = dict.fromkeys((name for name, _ in BANDS), 0)
        for score in self._scores:
            bands[next(name for name, low in BANDS if score >= low)] += 1
        return Scores(
            rows=len(self._scores),
            mean=fsum(self._scores) / len(self._scores) if self._scores else None,
            not_above=None if self._min_score is None else self._not_above,
            not_above_lines=self._not_above_lines,
            bands=bands,
        )

    def _duplicates(self, jaccard: float) -> Duplicates:
        first: list[Duplicate] = []
        count = 0
        for row, twin, similarity in near_duplicates(self.sets, jaccard):
            count += 1
            if count <= LISTED_DUPLICATES:
                lines = self._row_lines[row], self._row_lines[twin]
                first.append(Duplicate(*lines, jaccard=similarity, exact=row in self._exact))
        share = count / len(self._row_lines) if self._row_lines else 0.0
        return Duplicates(exact=len(self._exact), near=count - len(self._exact), share=share, first=first)


def _lengths(tokens: "array[int]") -> Lengths:
    ordered = sorted(tokens)
    bars = Counter(bisect_right(LENGTH_STEPS, length) - 1 for length in ordered)
    steps = range(min(bars), max(bars) + 1)
    return Lengths(
        min=ordered[0],
        median=ordered[(len(ordered) - 1) // 2],  # the lower of two: a length that there is
        mean=sum(ordered) / len(ordered),
        max=ordered[-1],
        histogram={LENGTH_STEPS[step]: bars[step] for step in steps},
    )


def _count(names: Counter[str], name: str) -> None:
    name = name[:_NAME_CHARS]
    names[name if name in names or len(names) < _DISTINCT_NAMES else OTHERS] += 1


def _ordered(names: Counter[str]) -> dict[str, int]:
    return dict(sorted(names.items(), key=lambda item: (-item[1], item[0])))
