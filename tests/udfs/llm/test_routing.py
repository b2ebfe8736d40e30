"""Who answers a prompt: stable, by weight, and moved only where a weight has changed."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.routing import choose_teacher, first_available, route

IDS = [f"example-{number}" for number in range(10_000)]
WEIGHTS = st.dictionaries(st.sampled_from("abcde"), st.floats(0.0, 100.0), min_size=1).filter(
    lambda weights: any(weight > 0 for weight in weights.values())
)


def test_shares_follow_the_weights():
    counts = Counter(route(example_id, {"a": 40, "b": 35, "c": 25, "never": 0}) for example_id in IDS)

    assert counts["never"] == 0
    # Three standard deviations of 10,000 draws are 1.5 points.
    assert all(abs(counts[name] / len(IDS) - share) < 0.015 for name, share in {"a": 0.4, "b": 0.35, "c": 0.25}.items())


@given(st.text(), WEIGHTS)
def test_the_order_of_the_teachers_and_the_scale_of_the_weights_do_not_matter(example_id, weights):
    chosen = route(example_id, weights)

    assert weights[chosen] > 0
    assert route(example_id, dict(reversed(weights.items()))) == chosen
    # A power of two is exact in floating point, down to weights that are nearly 0.
    if min(weight for weight in weights.values() if weight > 0) > 1e-300:
        assert route(example_id, {name: weight * 4 for name, weight in weights.items()}) == chosen


def test_a_teacher_that_gains_weight_takes_rows_and_the_others_exchange_none():
    before = {example_id: route(example_id, {"a": 1, "b": 1, "c": 1}) for example_id in IDS}
    after = {example_id: route(example_id, {"a": 1, "b": 1, "c": 2}) for example_id in IDS}

    moved = {example_id for example_id in IDS if before[example_id] != after[example_id]}
    assert {after[example_id] for example_id in moved} == {"c"}
    assert 0.12 < len(moved) / len(IDS) < 0.21  # from a third to a half


def test_without_a_weight_there_is_no_teacher():
    with pytest.raises(ValueError, match="no teacher has a weight"):
        route("e", {"a": 0.0})


@pytest.mark.parametrize(
    ("down", "answers"), [((), "a"), (("a",), "b"), (("a", "b"), "c"), (("b",), "a"), (("a", "b", "c"), None)]
)
def test_the_first_fallback_that_is_up_takes_over(down, answers):
    assert first_available("a", ("b", "c"), down) == answers


def test_the_wanted_and_the_actual_teacher_are_both_said():
    choose = choose_teacher({"code": {"a": 0, "b": 1}}, {"a": (), "b": ("a",)}, {"b"})
    assert choose("e", "code") == ("b", "a")
