"""What the near-duplicate search promises: exact Jaccard, a kept witness for every removal, one result."""

import random

import pytest

from jobs.config.deduplicate import DeduplicateConfig
from jobs.deduplication.near_duplicates import find_near_duplicates
from tests.support.exact_pairs import jaccard
from tests.support.frames import storing_in
from udfs.shingles import shingles

# Certain to meet: at 40 bands of one hash a pair at 0.8 is missed once in 10^28.
CERTAIN = DeduplicateConfig(bands=40, rows=1)


def search(spark, tmp_path, texts, config=CERTAIN, partitions=3, lost=None):
    """rank -> (kept_rank, jaccard, numbers_only), by the product; ranks are given by the caller."""
    frame = spark.createDataFrame(
        [(r, t, config.threshold) for r, t in texts.items()], "rank string, text string, threshold double"
    )
    found = find_near_duplicates(frame.repartition(partitions), config, storing_in(spark, tmp_path), lost=lost)
    rows = found.duplicates.collect()
    assert len({row["rank"] for row in rows}) == len(rows)
    return {row["rank"]: (row["kept_rank"], row["jaccard"], row["numbers_only"]) for row in rows}, found


def sequential_walk(texts, threshold):
    """The same decisions the slow way: walk in rank order, drop what resembles a kept row."""
    sets = {rank: shingles(text) for rank, text in texts.items()}
    kept, fallen = [], {}
    for rank in sorted(texts):
        twins = [k for k in kept if similarity(texts, sets, k, rank) >= threshold]
        if twins:
            fallen[rank] = (twins[0], similarity(texts, sets, twins[0], rank))
        else:
            kept.append(rank)
    return fallen


def similarity(texts, sets, a, b):
    if not len(sets[a]) and not len(sets[b]):
        return float(texts[a].split() == texts[b].split())
    return jaccard(sets[a], sets[b])


def variants(seed, count):
    """Texts in clusters: words of a base text with a few replaced, so that many pairs are near 0.8."""
    chance = random.Random(seed)
    words = [f"w{i}" for i in range(60)]
    texts = {}
    for i in range(count):
        base = random.Random(seed * 100 + i % 7)
        text = [base.choice(words) for _ in range(30)]
        for _ in range(chance.choice([0, 1, 1, 2, 3])):
            text[chance.randrange(30)] = chance.choice(words)
        texts[f"{i:04d}"] = " ".join(text)
    return texts


@pytest.mark.parametrize(("max_bucket", "few"), [(2, 0), (500, 0), (500, 10_000)])
def test_what_is_lost_comes_behind_and_of_many_only_rows_with_a_twin_are_asked_about(
    spark, tmp_path, max_bucket, few, monkeypatch
):
    monkeypatch.setattr("jobs.deduplication.near_duplicates._FEW_MEMBERS", few)
    texts = variants(3, 60)
    texts.update({f"{i:04d}": texts[f"{i % 10:04d}"] for i in range(60, 75)}, alone="nothing here resembles this one")
    chance = random.Random(5)
    are_lost = {rank for rank in texts if chance.random() < 0.4}
    asked = set()

    def lost(ranks):
        asked.update(row["rank"] for row in ranks.collect())
        return ranks.where(ranks["rank"].isin(list(are_lost)))

    config = CERTAIN.model_copy(update={"max_bucket": max_bucket, "protect_numbers": False})
    found, _ = search(spark, tmp_path, texts, config, lost=lost)

    expected = sequential_walk({f"{rank in are_lost:d}|{rank}": text for rank, text in texts.items()}, 0.8)
    assert {rank: fate[:2] for rank, fate in found.items()} == expected
    assert any(rank.startswith("1") for rank in expected)
    sets = {rank: shingles(text) for rank, text in texts.items()}
    have_twins = {a for a in texts if any(a != b and similarity(texts, sets, a, b) >= 0.8 for b in texts)}
    assert asked == have_twins if (max_bucket, few) == (500, 0) else asked > have_twins
    assert "alone" in texts.keys() - asked


@pytest.mark.parametrize("seed", [1, 2])
def test_the_decisions_are_those_of_a_sequential_walk_in_rank_order(spark, tmp_path, seed):
    texts = variants(seed, 160) | {
        "8000": "???",
        "8001": "???",
        "8002": "!",
        "9000": "日本語の文",
        "9001": "日本語の文",
    }

    found, result = search(spark, tmp_path, texts)

    expected = sequential_walk(texts, 0.8)
    assert {rank: (kept, similar) for rank, (kept, similar, _) in found.items()} == expected
    assert len(expected) > 40, "the case must have something to find"
    witnesses = {kept for kept, _ in expected.values()}
    assert result.pairs > len(expected) and not witnesses & set(expected), "the case must need an order"


def test_no_two_kept_rows_of_crowded_buckets_are_twins(spark, tmp_path):
    texts = variants(3, 140)

    found, _ = search(spark, tmp_path, texts, CERTAIN.model_copy(update={"max_bucket": 10}))

    assert {rank: fate[:2] for rank, fate in found.items()} == sequential_walk(texts, 0.8)


def test_those_that_fell_to_a_fallen_leader_of_a_crowded_bucket_stand_up_and_are_compared(spark, tmp_path):
    words = [f"w{n}" for n in range(60)]
    outside, leader = ["y0", "y1", "y2", *words[3:], "s", "t"], ["y0", "y1", "y2", *words[3:]]
    followers = {f"3{n:02d}": " ".join([*words, f"z{n}"]) for n in range(20)}
    texts = {"1": " ".join(outside), "2": " ".join(leader), **followers}

    found, _ = search(spark, tmp_path, texts, CERTAIN.model_copy(update={"max_bucket": 10}))

    assert {rank: fate[:2] for rank, fate in found.items()} == sequential_walk(texts, 0.8)
    assert found["2"][0] == "1"


def test_a_chain_keeps_its_far_end(spark, tmp_path):
    words = [f"w{i}" for i in range(60)]
    a, b, c = words[:], words[:], words[:]
    b[0:3] = ["x", "y", "z"]
    c[0:3], c[57:60] = ["x", "y", "z"], ["p", "q", "r"]
    texts = {"1": " ".join(a), "2": " ".join(b), "3": " ".join(c)}

    found, _ = search(spark, tmp_path, texts)

    assert set(found) == {"2"}, "3 resembles only 2, which is not kept"
    assert found["2"][0] == "1"


def test_numbers_only_twins_are_counted_and_kept_when_protected(spark, tmp_path):
    base = (
        "if tom buys 4 apples and ann buys three more apples than tom how many apples do they have together at the "
        "end of the long day when the market closes and both walk home along the river"
    )
    texts = {"1": base, "2": base.replace("4", "9"), "3": base.replace("tom buys", "tom sells")}

    counted, result = search(spark, tmp_path, texts)
    protected, _ = search(spark, tmp_path, texts, CERTAIN.model_copy(update={"protect_numbers": True}))

    assert counted["2"][2] and not counted["3"][2]
    assert result.numbers_only == 1
    assert set(protected) == {"3"}


def test_a_stricter_row_threshold_protects_its_pairs(spark, tmp_path):
    texts = variants(4, 60)
    rows = [(rank, text, 1.0) for rank, text in texts.items()]
    frame = spark.createDataFrame(rows, "rank string, text string, threshold double")
    found = find_near_duplicates(frame, CERTAIN, storing_in(spark, tmp_path)).duplicates.collect()

    assert found and all(row["jaccard"] == 1.0 for row in found)


def test_the_same_rows_fall_on_any_number_of_partitions(spark, tmp_path):
    texts = variants(5, 90)
    configured = DeduplicateConfig()

    one, _ = search(spark, tmp_path, texts, configured, partitions=1)
    seven, _ = search(spark, tmp_path, texts, configured, partitions=7)

    assert one == seven and one


def test_nothing_to_find_is_an_empty_result(spark, tmp_path):
    found, result = search(spark, tmp_path, {"1": "one text here now", "2": "quite another thing altogether"})

    assert found == {} and result.pairs == 0


def test_the_expected_recall_is_the_formula_of_banding():
    assert DeduplicateConfig().expected_recall(0.8) == pytest.approx(0.99982, abs=1e-5)
    assert DeduplicateConfig(bands=8).expected_recall(0.8) == pytest.approx(0.99678, abs=1e-5)
