"""When a wave is still worth its time, and what is said where it is not."""

from decimal import Decimal

import pytest

from jobs.config.calls import BudgetConfig
from jobs.online.waves import budget_spent, is_worth_a_wave


@pytest.mark.parametrize(
    ("count", "pending", "sent_before", "is_worth_it"),
    [
        (10, 10_000, 2_000, True),
        (10, 10_000, 2_001, False),
        (9, 10_000, 0, False),
        (1, 4, 10**6, True),
        (1, 5, 0, False),
        (3, 3, 10**6, True),
        (2, 9, 0, False),
    ],
)
def test_a_wave_of_a_few_requests_of_many_is_not_made(count, pending, sent_before, is_worth_it):
    assert is_worth_a_wave(count, pending, sent_before) is is_worth_it


# A dollar, requests that cost a twentieth of a cent at worst, and what they cost of that.
@pytest.mark.parametrize(("share", "waves", "left"), [(0.1, 30, 0.05), (0.25, 15, 0.03), (0.5, 8, 0.01)])
def test_the_tail_of_a_budget_is_left_rather_than_spent_in_many_small_waves(share, waves, left):
    usd, pending, sent, number = 1.0, 10**6, 0, 0
    while number == 0 or is_worth_a_wave(int(usd / 0.0005), pending, sent):
        count = int(usd / 0.0005)
        usd, pending, sent, number = usd - count * 0.0005 * share, pending - count, sent + count, number + 1

    assert number <= waves and usd <= left


def test_what_is_left_of_a_spent_budget_is_said():
    budget = BudgetConfig(run_usd=Decimal("1.5"))
    said = str(budget_spent(budget, "distill", {"distill": Decimal("1.48")}, 3, 90))
    assert "no more than 3 of the 90 requests that are open are sure to fit into the $0.02 that are left" in said
    assert "--set budget.run_usd=MORE" in said
    assert "none of the 90 requests that are open is sure" in str(budget_spent(budget, "distill", {}, 0, 90))
