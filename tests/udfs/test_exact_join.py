"""What the exact join promises: every similar pair, each once, and the greedy walk, as brute force finds them."""

import gzip
import itertools
import json
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.exact_pairs import jaccard, similar_pairs
from udfs import prefix_filter
from udfs.exact_join import ShingleSets, near_duplicates, resembling_rows
from udfs.shingles import shingles


def sets_of(rows):
    """Rows of small numbers as shingle sets; a row without any is the text "?"."""
    sets = ShingleSets()
    for row in rows:
        sets.append(hashes(row), "?")
    return sets


def hashes(row):
    # Spread over the whole hash space, as real shingles are.
    return np.unique(np.array(sorted(row), dtype=np.uint64) * np.uint64(0x9E3779B185EBCA87))


def similarity(left, right):
    return len(left & right) / len(left | right) if left | right else 1.0


def all_pairs(rows, threshold):
    return [
        (i, j, similarity(rows[i], rows[j]))
        for i, j in itertools.combinations(range(len(rows)), 2)
        if similarity(rows[i], rows[j]) >= threshold
    ]


def greedy_walk(rows, threshold):
    kept, removed = [], []
    for j, row in enumerate(rows):
        twin = next((i for i in kept if similarity(rows[i], row) >= threshold), None)
        if twin is None:
            kept.append(j)
        else:
            removed.append((j, twin, similarity(rows[twin], row)))
    return removed


@st.composite
def clusters(draw):
    """Sets made from a few bases by adding and leaving out elements, so that many pairs are near the threshold."""
    bases = draw(st.lists(st.frozensets(st.integers(0, 40), max_size=20), min_size=1, max_size=4))
    change = st.tuples(st.sampled_from(bases), st.frozensets(st.integers(0, 60), max_size=3))
    return [base ^ changed for base, changed in draw(st.lists(change, max_size=30))]


THRESHOLDS = st.sampled_from([0.5, 0.6, 0.66, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0])


@pytest.mark.parametrize("bound", [1, 5, 1_000_000], ids=lambda bound: f"steps_of_{bound}")
@settings(max_examples=60, deadline=None)
@given(rows=clusters(), threshold=THRESHOLDS)
def test_the_join_finds_what_brute_force_finds(bound, rows, threshold):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_PARTITION_SHINGLES", "_BLOCK_SETS", "_BLOCK_MEETINGS", "_CHUNK_SHINGLES"):
            patch.setattr(prefix_filter, name, bound)
        assert sorted(similar_pairs(sets_of(rows), threshold)) == all_pairs(rows, threshold)
        assert list(near_duplicates(sets_of(rows), threshold)) == greedy_walk(rows, threshold)


def test_four_of_five_is_exactly_the_threshold():
    rows = [set(range(4)), set(range(5)), set(range(6))]

    assert sorted(similar_pairs(sets_of(rows), 0.8)) == [(0, 1, 0.8), (1, 2, 5 / 6)]
    # 7 of 10 at 0.7, where 0.7 * 10 is above 7 in floating point
    assert list(similar_pairs(sets_of([set(range(7)), set(range(10))]), 0.7)) == [(0, 1, 0.7)]


def test_a_removed_row_removes_nobody():
    # 0 ~ 1 ~ 2, but 0 and 2 share only 8 of 12: only the middle one falls.
    rows = [set(range(10)), set(range(1, 11)), set(range(2, 12))]

    assert list(near_duplicates(sets_of(rows), 0.8)) == [(1, 0, 9 / 11)]


@pytest.mark.parametrize("block", [1, 2, 3])
def test_a_row_names_the_earliest_of_its_kept_twins(monkeypatch, block):
    monkeypatch.setattr(prefix_filter, "_BLOCK_SETS", block)
    rows = [{1, 2, 3, 4, 5}, {1, 2, 3, 4, 6}, {1, 2, 3, 4}]

    assert list(near_duplicates(sets_of(rows), 0.8)) == [(2, 0, 0.8)]


def test_texts_without_a_token_resemble_only_themselves():
    sets = ShingleSets()
    for text in ("???", "!", "? ??", "a", "!!"):
        sets.append(shingles(text), text)

    assert list(similar_pairs(sets, 0.8)) == [(0, 2, 1.0)]
    assert list(near_duplicates(sets, 0.8)) == [(2, 0, 1.0)]


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1, 0.12345678])
def test_a_threshold_that_cannot_be_exact_is_refused(threshold):
    with pytest.raises(ValueError, match=f"at most six decimals, not {threshold}"):
        list(near_duplicates(sets_of([{1}]), threshold))


def test_an_empty_file_has_no_pairs():
    assert list(similar_pairs(ShingleSets(), 0.8)) == []
    assert list(near_duplicates(ShingleSets(), 0.8)) == []


def test_a_large_cluster_costs_no_more_than_its_size():
    # 20,000 variants of one set, each similar to all others: 200 million pairs that must not be looked at.
    chance = random.Random(1)
    base = frozenset(range(100))
    rows = [base | {100 + chance.randrange(3_000_000)} for _ in range(20_000)]
    sets = sets_of(rows)

    started = time.monotonic()
    removed = list(near_duplicates(sets, 0.8))

    assert [row for row, _, _ in removed] == list(range(1, 20_000))
    assert {twin for _, twin, _ in removed} == {0}
    assert time.monotonic() - started < 20


def test_a_sample_of_real_texts_agrees_with_brute_force(shared_data):
    folder = shared_data / "sources" / "alpaca_format"
    records = json.loads((folder / "toolformer-dedupe-only-dataset.json").read_text("utf-8"))[:400]
    texts = [f"{record['instruction']}\n{record.get('response', '')}" for record in records]
    with gzip.open(shared_data / "sources" / "anthropic_hh" / "harmless-base-test-first-1156.jsonl.gz") as lines:
        for line in itertools.islice(lines, 200):
            texts += [json.loads(line)["chosen"], json.loads(line)["rejected"]]
    sets, hashed = ShingleSets(), [shingles(text) for text in texts]
    for text, found in zip(texts, hashed, strict=True):
        sets.append(found, text)

    pairs = [(i, j, jaccard(hashed[i], hashed[j])) for i, j in itertools.combinations(range(len(texts)), 2)]

    found = sorted(similar_pairs(sets, 0.8))
    assert found == [pair for pair in pairs if pair[2] >= 0.8]
    assert len(found) > 20


@settings(max_examples=200, deadline=None)
@given(rows=clusters(), threshold=st.sampled_from([0.5, 0.6, 0.8, 1.0]), chance=st.randoms(use_true_random=False))
def test_rows_of_interest_find_the_most_similar_other_row_and_of_those_the_first(rows, threshold, chance):
    asked = [chance.random() < 0.3 for _ in rows]
    wanted = []
    for row in (place for place, is_asked in enumerate(asked) if is_asked):
        others = [(-similarity(rows[row], rows[o]), o) for o, is_asked in enumerate(asked) if not is_asked]
        best = min(others, default=(0.0, 0))
        if -best[0] >= threshold:
            wanted.append((row, best[1], -best[0]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefix_filter, "_BLOCK_SETS", 3)
        found = list(resembling_rows(sets_of(rows), np.array(asked, dtype=bool), threshold))

    assert found == wanted
