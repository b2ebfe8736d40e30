"""The budget: what each cap leaves, which one stops a stage, and what all of them leave together."""

from decimal import Decimal

import pytest

from jobs.config.calls import BudgetConfig

PAID = {"distill": Decimal(2), "score": Decimal(1)}


@pytest.mark.parametrize(
    ("budget", "distill", "score", "both"),
    [
        ({}, None, None, None),
        ({"run_usd": 10}, 7, 7, 7),
        ({"run_usd": 10, "distill_usd": 3, "score_usd": 2}, 1, 1, 2),
        ({"run_usd": 10, "distill_usd": 3}, 1, 7, 7),  # the judge may have the rest
        ({"run_usd": 4, "distill_usd": 4}, 1, 1, 1),  # of its own it would have 2, of the run's there is 1
        ({"run_usd": 3, "distill_usd": 1, "score_usd": 1}, 0, 0, 0),
        ({"run_usd": 2}, 0, 0, 0),  # more was paid than the cap says now: never below zero
        ({"distill_usd": 5}, 3, None, None),
        ({"distill_usd": 5, "score_usd": 1}, 3, 0, 3),
    ],
)
def test_what_may_be_spent_is_the_least_that_the_caps_leave(budget, distill, score, both):
    config = BudgetConfig(**budget)
    assert (config.left("distill", PAID), config.left("score", PAID)) == (distill, score)
    assert config.left_in_all(PAID) == both


def test_the_cap_that_leaves_least_is_the_one_to_raise():
    config = BudgetConfig(run_usd=Decimal(10), score_usd=Decimal(3))
    assert [(cap.name, cap.stage, cap.limit, cap.used) for cap in config.caps(PAID)] == [
        ("run_usd", None, 10, 3),
        ("score_usd", "score", 3, 1),
    ]
    own, of_the_run = config.tightest("score", PAID), config.tightest("distill", PAID)
    assert (own.name, own.left) == ("score_usd", 2)
    assert (of_the_run.name, of_the_run.left) == ("run_usd", 7)
    tie = BudgetConfig(run_usd=Decimal(3), score_usd=Decimal(1)).tightest("score", PAID)
    assert tie.name == "run_usd", "raising the other alone would not help"


def test_whatever_else_is_paid_counts_against_the_run_alone():
    config = BudgetConfig(run_usd=Decimal(10), distill_usd=Decimal(3))
    assert [cap.left for cap in config.caps({**PAID, "journals": Decimal(4)})] == [3, 1]
