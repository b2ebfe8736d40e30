"""The executor side of the near-duplicate search, without Spark: parts, buckets, crowded buckets and the walk."""

import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.config.deduplicate import DeduplicateConfig
from tests.support.exact_pairs import jaccard
from udfs.common_shingles import count_common
from udfs.large_buckets import pairs_across, pairs_of_walk
from udfs.shingled_rows import ComparedTexts, ShingledRows, TwinRules
from udfs.shingles import shingles
from udfs.similarity import VECTOR_SIZE, drop_lonely, shingle_parts, verify_buckets
from udfs.walk import walk

PRIME = 2_038_074_743  # of Spark's MinHashLSH


def parts_of(texts, parts=12, turn_starts=None):
    batch = pa.record_batch(
        {
            "rank": [f"{n:06d}" for n in range(len(texts))],
            "text": texts,
            "threshold": [0.8] * len(texts),
            "turn_start": pa.array([0] * len(texts) if turn_starts is None else turn_starts, pa.int32()),
            "source": [""] * len(texts),
        }
    )
    return pa.Table.from_batches(shingle_parts(parts)(iter([batch]))).to_pylist()


def test_a_text_is_a_row_for_each_of_its_parts_and_only_the_first_carries_it():
    texts = ["some words " * 50 + " ".join(map(str, range(200))), "???", "a", "??? ", "日本語 の文", "a"]

    rows = parts_of(texts)

    firsts = [row for row in rows if row["rank"] is not None]
    assert [row["text"] for row in firsts] == texts
    assert len({row["set_key"] for row in firsts}) == 4 == len({row["node"] for row in rows}), "equal sets are one"
    of_first = [row["features"] for row in rows if row["node"] == rows[0]["node"]]
    assert len(of_first) == 12
    indices = [index for vector in of_first for index in vector["indices"]]
    assert indices == sorted(set(indices)) and indices[0] >= 0 and indices[-1] < VECTOR_SIZE < PRIME
    assert abs(len(indices) - len(shingles(texts[0]))) <= 1, "next to nothing is lost by 31 bits"
    assert all(vector["values"] == [1.0] * len(vector["indices"]) != [] for vector in of_first)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ab é?", max_size=30), min_size=1, max_size=8), st.integers(1, 20))
def test_any_texts_come_out_once_whatever_the_number_of_parts(texts, parts):
    rows = parts_of(texts, parts)

    assert [row["text"] for row in rows if row["rank"] is not None] == texts
    assert all(row["features"]["indices"] for row in rows)


@pytest.mark.parametrize("size", [30, 150, 600])
def test_twins_at_the_threshold_share_a_bucket_as_often_as_the_formula_says_or_more(size):
    chance, config = np.random.default_rng(size), DeduplicateConfig()
    missed, pairs = 0, 400
    for _ in range(pairs):
        union = np.sort(chance.integers(0, 2**64, size, dtype=np.uint64))
        different = chance.permutation(size) < size // 5
        left = ~different | (chance.random(size) < 0.5)
        a, b = chance.integers(1, PRIME, config.rows), chance.integers(0, PRIME, config.rows)
        signatures = []
        for members in (union[left], union[~left | ~different]):
            index = ((members >> np.uint64(32)) * np.uint64(VECTOR_SIZE) >> np.uint64(32)).astype(object)
            part = ((members >> np.uint64(32)) * np.uint64(config.bands) >> np.uint64(32)).tolist()
            hashes = [[(1 + i) * int(x) % PRIME + int(y) for x, y in zip(a, b, strict=True)] for i in index]
            by_part = {p: [h for h, q in zip(hashes, part, strict=True) if q == p] for p in set(part)}
            signatures.append({p: tuple(map(min, zip(*mine, strict=True))) for p, mine in by_part.items()})
        missed += not set(signatures[0].items()) & set(signatures[1].items())
    assert missed <= 2, f"{missed} of {pairs}; expected {pairs * (1 - config.expected_recall(0.8)):.2f}"


def test_lonely_rows_go_and_buckets_with_the_same_members_are_one():
    buckets = {1: [5, 6], 2: [6, 5, 5], 3: [5, 7], 4: [8, 8], 5: [9]}
    rows = [(bucket, node) for bucket, nodes in buckets.items() for node in nodes]
    batch = pa.record_batch({"bucket": [b for b, _ in rows], "node": [n for _, n in rows]})

    members = {}
    for row in pa.Table.from_batches(drop_lonely(iter([batch]))).to_pylist():
        members.setdefault(row["bucket"], []).append(row["node"])

    assert sorted(members.values()) == [[5, 6], [5, 7]]


def in_one_bucket(texts, rules=None, turn_starts=None, sources=None):
    starts = np.array(turn_starts or [0] * len(texts), dtype=np.int64)
    compared = ComparedTexts(texts, starts, sources or [""] * len(texts))
    return ShingledRows.of(
        np.zeros(len(texts), dtype=np.int64), np.full(len(texts), 0.8), compared, rules or TwinRules()
    )


def fillings(count, shared, seed=1, words=60):
    """Fillings of one template: so many words are the template's, the others its own or a cousin's."""
    chance = random.Random(seed)
    template = [f"t{n}" for n in range(shared)]
    texts = []
    for n in range(count):
        cousin = chance.choice([n, n, chance.randrange(count)])
        texts.append(" ".join([*template, *(f"x{cousin}y{k}" for k in range(words - shared - 1)), f"z{n % 7}"]))
    return texts


def walked(texts, threshold=0.8):
    """The walk over all pairs, the slow way: row -> the first kept row that it is similar to."""
    sets, kept, fallen = [shingles(text) for text in texts], [], {}
    for n, one in enumerate(sets):
        twin = next((k for k in kept if jaccard(sets[k], one) >= threshold), None)
        fallen.update({n: twin} if twin is not None else {})
        kept += [n] if twin is None else []
    return fallen


@pytest.mark.parametrize("shared", [0, 30, 45, 50, 57])
def test_the_walk_in_a_crowded_bucket_is_that_over_all_pairs(shared):
    texts = fillings(150, shared)
    rows = in_one_bucket(texts)

    left, right, similarity = pairs_of_walk(rows)

    first = {}
    for one, other in sorted(zip(left.tolist(), right.tolist(), strict=True)):
        first.setdefault(other, one)
    assert first == walked(texts) != {}
    assert all(value == jaccard(shingles(texts[a]), shingles(texts[b])) >= 0.8
               for a, b, value in zip(left, right, similarity, strict=True))  # fmt: skip


def test_a_crowded_bucket_costs_its_rows_and_not_their_pairs():
    template = " ".join(f"w{n}" for n in range(60))
    texts = [f"{template} item {n}" for n in range(5_000)]
    rows = in_one_bucket(texts)

    left, right, _ = pairs_of_walk(rows)
    protected, _, _ = pairs_of_walk(in_one_bucket(texts[:99]), True)

    assert set(left.tolist()) == {0} and right.tolist() == list(range(1, 5_000))
    assert protected.size == 0, "they differ in numbers only"


def test_buckets_are_compared_each_by_itself_by_either_way():
    texts = fillings(40, 45)
    rows = {
        "bucket": [1] * 20 + [2] * 20,
        "rank": [f"{n:02d}" for n in range(40)],
        "threshold": [0.8] * 40,
        "text": texts,
        "turn_start": [0] * 40,
        "source": [""] * 40,
    }

    found = [
        pa.Table.from_batches(verify_buckets(most, False, TwinRules())(iter([pa.record_batch(rows)]))).to_pylist()
        for most in (20, 5)
    ]

    assert {pair["right"] for pair in found[0]} == {pair["right"] for pair in found[1]} != set()
    assert all((pair["left"] < "20") == (pair["right"] < "20") for pair in found[0] + found[1])


@settings(max_examples=200, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda edge: edge[0] < edge[1]), max_size=25))
def test_who_falls_is_decided_as_in_a_sequential_walk(edges):
    kept, expected = [], {}
    for node in range(10):
        better = [winner for winner in kept if (winner, node) in edges]
        expected.update({f"{node}": f"{better[0]}"} if better else {})
        kept += [] if better else [node]
    rows = sorted((str(loser), str(winner)) for winner, loser in edges)
    batch = pa.record_batch(
        {"loser": pa.array([r[0] for r in rows], pa.string()),
         "winner": pa.array([r[1] for r in rows], pa.string()),
         "jaccard": pa.array([0.9] * len(rows), pa.float64()),
         "turn_jaccard": pa.nulls(len(rows), pa.float64()),
         "own_jaccard": pa.nulls(len(rows), pa.float64()),
         "numbers_only": pa.array([False] * len(rows), pa.bool_())}
    )  # fmt: skip

    # In two batches, as a stream may be cut anywhere.
    fallen = pa.Table.from_batches(
        walk(iter([batch.slice(0, len(rows) // 2), batch.slice(len(rows) // 2)]))
    ).to_pylist()

    assert {row["rank"]: row["kept_rank"] for row in fallen} == expected


def test_a_python_worker_needs_neither_pandas_nor_pyspark_for_it():
    script = "import sys, udfs.similarity, udfs.walk; print(sorted({'pandas', 'pyspark'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


HISTORY = " ".join(f"word{n}" for n in range(120))


def conversations(*last_turns):
    return [f"{HISTORY}\n{turn}" for turn in last_turns], [len(HISTORY) + 1] * len(last_turns)


@pytest.mark.parametrize("most", [1, 2_000], ids=["crowded", "all pairs"])
def test_a_long_history_makes_no_twins_of_different_questions_after_it(most):
    texts, starts = conversations(
        "How do pandas communicate?", "How long do they live?", "How do pandas communicate??", "???", "!!!", "? ? ?"
    )
    rows = {
        "bucket": [1] * 6,
        "rank": list("abcdef"),
        "threshold": [0.8] * 6,
        "text": texts,
        "turn_start": starts,
        "source": [""] * 6,
    }

    def found(rules):
        edges = pa.Table.from_batches(verify_buckets(most, False, rules)(iter([pa.record_batch(rows)]))).to_pylist()
        return {(row["left"], row["right"]): row["turn_jaccard"] for row in edges}

    assert found(TwinRules(turn_threshold=0.5)) == {("a", "c"): 1.0, ("d", "f"): 1.0}
    assert all(of_turn is not None for of_turn in found(TwinRules()).values()) and len(found(TwinRules())) >= 5


def test_texts_with_the_same_shingles_but_another_last_turn_are_no_copies():
    texts, starts = conversations("Go on.", "Go on.")

    same, other = ({row["set_key"] for row in parts_of(texts, turn_starts=s) if row["rank"]} for s in (starts, [0, 6]))

    assert len(same) == 1 and len(other) == 2


def test_common_shingles_make_no_twins_and_both_similarities_are_proof():
    template = " ".join(f"t{n}" for n in range(60))
    texts = [f"{template} what is the weather in Rome", f"{template} who wrote Hamlet", template, f"{template} ."]
    common = shingles(template)
    rules = TwinRules(common={"tools": common})

    pairs = {}
    for name, sources in {"own": ["tools"] * 4, "other": ["chat"] * 4, "across": ["tools", "chat"] * 2}.items():
        rows = in_one_bucket(texts, rules, sources=sources)
        left, right, _ = pairs_of_walk(rows)
        pairs[name] = set(zip(left.tolist(), right.tolist(), strict=True))
        own = rows.own_similarity(np.array([0]), np.array([1]))
        assert np.isnan(own[0]) if name == "other" else own[0] < 0.2

    assert pairs["own"] == {(2, 3)}, "where nothing is left the whole decides"
    assert pairs["across"] == {(2, 3), (1, 3)}, "the lists of either source count, and two rows of chat have none"
    assert (0, 1) in pairs["other"]


def test_the_common_shingles_of_a_source_are_those_of_more_than_a_share_of_its_texts():
    texts = ["a b c d"] * 11 + [f"x{n} y{n} z{n}" for n in range(39)] + ["p q r s"] * 10
    batch = pa.record_batch({"source": ["many"] * 50 + ["few"] * 10, "text": texts})

    found = {
        row["source"]: row["shingles"] for row in pa.Table.from_batches(count_common(0.2)(iter([batch]))).to_pylist()
    }

    assert found == {"many": shingles("a b c d").tobytes(), "few": shingles("p q r s").tobytes()}
    none = pa.Table.from_batches(count_common(0.22)(iter([batch.slice(0, 50)]))).to_pylist()
    assert none == [{"source": "many", "shingles": b""}], "11 of 50 is not more than 22 %"


def test_new_rows_are_compared_with_the_reference_only_and_with_all_of_it():
    texts = [*fillings(60, 50, seed=2), *fillings(60, 50, seed=3)]
    is_reference = np.arange(120) < 60
    rows = in_one_bucket(texts)

    left, right, similarity = pairs_across(rows, is_reference)

    sets = [shingles(text) for text in texts]
    near = {(a, b) for a in range(60) for b in range(60, 120) if jaccard(sets[a], sets[b]) >= 0.8}
    assert set(zip(left.tolist(), right.tolist(), strict=True)) == near != set() and len(near) == left.size
    assert all(value == jaccard(sets[a], sets[b]) for a, b, value in zip(left, right, similarity, strict=True))
    assert pairs_across(rows, np.ones(120, dtype=bool))[0].size == 0
