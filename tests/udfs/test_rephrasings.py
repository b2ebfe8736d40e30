"""Which prompts ask a question of a benchmark in other words, and which only speak of the same things."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.rephrasings import rephrased
from udfs.rephrasings import LEAST_BITS, LEAST_SIMILARITY, features, index_rephrasings

FARM = (
    "A farmer called Tom has twelve speckled hens, and each lays five eggs a week. His family eats nine of the eggs "
    "every week. How many eggs does Tom sell at the market in four weeks?"
)
TANK = (
    "If a water tank holds 840 liters and two pumps drain 35 liters a minute each, how many minutes pass until the "
    "tank is empty? Assume that both pumps start together."
)
# Of questions enough for a word to be rare; their words are drawn from a small vocabulary, as those of a benchmark are.
_DRAWN = random.Random(5)
_FREQUENT = "how many a the of is what in week minutes find number total if and has each sell"
OTHERS = [" ".join(_DRAWN.choices(_FREQUENT.split(), k=25)) for _ in range(400)]
INDEX = index_rephrasings([*OTHERS, FARM, TANK])
FARM_ITEM, TANK_ITEM = len(OTHERS), len(OTHERS) + 1


def found_in(*texts: str) -> set[tuple[int, int]]:
    return {(one.text, one.item) for one in INDEX.rephrasings(texts)}


@pytest.mark.parametrize(
    "text",
    [
        "How many eggs does Nora sell at the market in 4 weeks? A farmer named Nora has 12 speckled hens; every hen "
        "lays 5 eggs per week. Her family eats nine eggs each week.",
        "Nora, a farmer, owns 12 speckled hens laying 5 eggs weekly each, 9 of which her family eats. "
        "In 4 weeks, how many eggs does she sell at the market?",
    ],
    ids=["names, numbers, order", "one sentence"],
)
def test_a_question_in_other_words_is_found(text):
    assert found_in(text) == {(0, FARM_ITEM)}


@pytest.mark.parametrize(
    "text",
    [
        "A farmer has 30 cows, and each gives eleven liters of milk a day. How much milk does he sell in a week?",
        "How many eggs does a hen lay in a week?",
        "How many minutes are in four weeks?",
        "",
    ],
    ids=["same kind of problem", "same subject", "frequent words", "nothing"],
)
def test_what_is_about_the_same_things_is_not(text):
    assert found_in(text) == set()


@settings(max_examples=30, deadline=None)
@given(st.permutations(FARM.split()))
def test_the_order_of_words_does_not_matter(order):
    (found,) = INDEX.rephrasings([" ".join(order)])
    assert found.item == FARM_ITEM and found.similarity == pytest.approx(1.0)
    assert set(found.shared) == set(features(FARM)) and found.item_features == len(found.shared)


def test_each_text_of_many_is_numbered_as_it_came():
    texts = ["Nothing of it."] * 4_500 + [TANK]
    assert found_in(*texts, FARM) == {(4_500, TANK_ITEM), (4_501, FARM_ITEM)}


def test_few_items_and_none_convict_nobody():
    assert list(index_rephrasings([]).rephrasings([FARM])) == []
    assert list(index_rephrasings(["Reverse a string.", "Sort a list."]).rephrasings(["Reverse a string."])) == []
    assert 0 < LEAST_SIMILARITY < 1 < LEAST_BITS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seven hens, seven EGGS; 7 boxes!", ["7", "hen", "egg", "box"]),
        ("Let f(x) = 3x, x > 0", ["let", "3x", "0"]),
        ("什么是水", ["什", "么", "是", "水"]),
        ("", []),
    ],
)
def test_features_are_stems_and_numbers_and_each_counts_once(text, expected):
    assert features(text) == expected


def test_the_rules_that_measure_recall_change_names_words_units_and_order():
    text = "Tom buys 3 bags. If he walks two miles, he needs more money. How much does Tom need?"
    changed = rephrased(text, random.Random(0))
    assert changed.startswith("How much does ") and "Tom" not in changed
    assert "kilometers" in changed and "purchases 3 sacks" in changed and "cash" in changed
    assert "needs" not in changed.replace("requires", "")
