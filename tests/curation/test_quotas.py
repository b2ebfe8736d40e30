"""How categories share a wanted size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.curation.quotas import category_quotas

SHARES = {"general": 0.50, "code": 0.25, "reasoning": 0.15, "creative": 0.06, "other": 0.04}
PLENTY = dict.fromkeys(SHARES, 10_000)


def test_with_plenty_every_category_gets_its_share():
    for rule in ("fill", "leave", "shrink"):
        assert category_quotas(PLENTY, 1_000, SHARES, rule) == {
            "general": 500,
            "code": 250,
            "reasoning": 150,
            "creative": 60,
            "other": 40,
        }


def test_rounding_gives_the_odd_rows_to_the_largest_remainders():
    assert category_quotas(PLENTY, 10, SHARES, "fill") == {
        "general": 5,
        "code": 3,
        "reasoning": 1,
        "creative": 1,
        "other": 0,
    }


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("leave", {"general": 500, "code": 50, "reasoning": 150, "creative": 60, "other": 40}),
        # 200 missing rows go to the others as 50 : 15 : 6 : 4
        ("fill", {"general": 633, "code": 50, "reasoning": 190, "creative": 76, "other": 51}),
        ("shrink", {"general": 100, "code": 50, "reasoning": 30, "creative": 12, "other": 8}),
    ],
)
def test_a_short_category_is_treated_by_the_rule(rule, wanted):
    assert category_quotas(PLENTY | {"code": 50}, 1_000, SHARES, rule) == wanted


def test_filling_goes_on_until_all_supply_is_used():
    supply = {"general": 10, "code": 0, "reasoning": 3, "other": 1}
    assert category_quotas(supply, 1_000, SHARES, "fill") == {**supply, "creative": 0}


@given(
    st.fixed_dictionaries({name: st.integers(0, 50) for name in SHARES}),
    st.integers(1, 300),
    st.sampled_from(["fill", "leave", "shrink"]),
)
def test_no_rule_takes_what_is_not_there(supply, rows, rule):
    quotas = category_quotas(supply, rows, SHARES, rule)

    assert list(quotas) == list(SHARES)
    assert all(0 <= quotas[name] <= supply[name] for name in SHARES)
    assert sum(quotas.values()) <= rows
    if rule == "fill":
        assert sum(quotas.values()) == min(rows, sum(supply.values()))
