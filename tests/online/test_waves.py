"""When a wave is still worth its time, and what is said where it is not."""

from decimal import Decimal

import pytest

from jobs.config.calls import BudgetConfig
from jobs.online.waves import budget_spent, is_worth_a_wave


@pytest.mark.parametrize(
    ("count", "pending", "is_worth_it"),
    [(10, 10_000, True), (9, 10_000, False), (1, 4, True), (1, 5, False), (3, 3, True), (2, 9, False)],
)
def test_a_wave_of_a_few_requests_of_many_is_not_made(count, pending, is_worth_it):
    assert is_worth_a_wave(count, pending) is is_worth_it


def test_what_is_left_of_a_spent_budget_is_said():
    budget = BudgetConfig(run_usd=Decimal("1.5"))
    said = str(budget_spent(budget, "distill", {"distill": Decimal("1.48")}, 3, 90))
    assert "no more than 3 of the 90 requests that are open are sure to fit into the $0.02 that are left" in said
    assert "--set budget.run_usd=MORE" in said
    assert "none of the 90 requests that are open is sure" in str(budget_spent(budget, "distill", {}, 0, 90))
