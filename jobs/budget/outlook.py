"""What of a plan is paid already, and what is still to come."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from jobs.budget.costs import CallCost, Plan
from jobs.ledger.usage import CallLedger
from udfs.llm.wave import EndpointKey


@dataclass(frozen=True)
class Outlook:
    """Dollars by stage: distill and score."""

    paid: Mapping[str, Decimal]
    """By the ledger, whatever for."""
    to_go: Mapping[str, Decimal]
    """Expected for the requests that have not ended."""

    def paid_usd(self, stage: str | None = None) -> Decimal:
        """Paid by one stage, or in all."""
        return _sum(self.paid, stage)

    def to_go_usd(self, stage: str | None = None) -> Decimal:
        """Still expected of one stage, or in all."""
        return _sum(self.to_go, stage)

    def expected_usd(self, stage: str | None = None) -> Decimal:
        """Both together: what counts against a cap."""
        return self.paid_usd(stage) + self.to_go_usd(stage)


def _sum(amounts: Mapping[str, Decimal], stage: str | None) -> Decimal:
    return sum((amount for name, amount in amounts.items() if stage in (None, name)), Decimal(0))


def find_outlook(plan: Plan, ledger: CallLedger) -> Outlook:
    """Take off a plan what the ledger says has been answered.

    Of each model as many requests as have ended are taken off, at the plan's mean cost.
    """
    calls = {"distill": plan.teachers, "score": plan.judged}
    return Outlook(
        {stage: ledger.spent_usd(stage) for stage in calls},
        {stage: _to_go(of, _ended(ledger, stage)) for stage, of in calls.items()},
    )


def _ended(ledger: CallLedger, stage: str) -> dict[EndpointKey, int]:
    return {(one.provider, one.model): one.ended for one in ledger.of(stage)}


def _to_go(calls: Iterable[CallCost], ended: Mapping[EndpointKey, int]) -> Decimal:
    planned: Counter[EndpointKey] = Counter()
    cost: dict[EndpointKey, Decimal] = {}
    for one in calls:
        planned[one.key] += one.calls
        cost[one.key] = cost.get(one.key, Decimal(0)) + one.expected_usd
    left = (
        cost[key] * max(0, count - ended.get(key, 0)) / count  # nothing ended: exactly what the plan says
        for key, count in planned.items()
        if count
    )
    return sum(left, Decimal(0))
