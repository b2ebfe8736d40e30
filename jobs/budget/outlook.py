"""What of a plan is paid already, what is still to come, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import hypot, sqrt

from jobs.budget.costs import CallCost, Plan
from jobs.config.teachers import PUBLIC
from jobs.ledger.usage import CallLedger
from udfs.scoring.calibration import Z, student_t


@dataclass(frozen=True)
class Outlook:
    """Dollars by stage: distill and score."""

    paid: Mapping[str, Decimal]
    """By the ledger, whatever for."""
    to_go: Mapping[str, Decimal]
    """Expected for the requests that have not ended."""
    margin_usd: Decimal | None = None
    """Half of the 95 % interval of all that is to go; null where some of it is assumed, or nothing is."""

    def paid_usd(self, stage: str | None = None) -> Decimal:
        """Paid by one stage, or in all."""
        return _sum(self.paid, stage)

    def to_go_usd(self, stage: str | None = None) -> Decimal:
        """Still expected of one stage, or in all."""
        return _sum(self.to_go, stage)

    def expected_usd(self, stage: str | None = None) -> Decimal:
        """Both together: what counts against a cap."""
        return self.paid_usd(stage) + self.to_go_usd(stage)

    @property
    def margin(self) -> float | None:
        """The same as a share of what is to go."""
        total = self.to_go_usd()
        return float(self.margin_usd / total) if self.margin_usd is not None and total else None


def _sum(amounts: Mapping[str, Decimal], stage: str | None) -> Decimal:
    return sum((amount for name, amount in amounts.items() if stage in (None, name)), Decimal(0))


def find_outlook(plan: Plan, ledger: CallLedger) -> Outlook:
    """Take off a plan what has been answered, at the plan's mean cost of each kind of call."""
    calls = {"distill": plan.teachers, "score": plan.judged}
    paid = {stage: ledger.spent_usd(stage) for stage in calls}
    to_go = {stage: sum((left_usd(one) for one in of), Decimal(0)) for stage, of in calls.items()}
    return Outlook(paid, to_go, margin_usd(plan))


def calls_left(one: CallCost) -> int:
    """Requests of it that have not ended."""
    return max(0, one.calls - one.ended)


def left_usd(one: CallCost) -> Decimal:
    """Expected for those."""
    return one.expected_usd * calls_left(one) / one.calls if one.calls else Decimal(0)


def margin_usd(plan: Plan) -> Decimal | None:
    """Half of the 95 % interval of what is to go.

    A request costs the mean of those that were measured, give or take what chance has made of that mean and what it
    will make of the rest. Teachers err independently; the judge reads their answers, so it errs with them. Who answers
    is chance too, where teachers share a category, and so is whether an answer comes to be judged, and how many of the
    sources' own responses fail and are asked for.
    """
    spreads: dict[str, float] = {"answers": 0.0, "judged answers": 0.0, "judged responses": 0.0}
    for one in plan.calls:
        if not calls_left(one) or not one.expected_usd:
            continue
        if not one.measured:
            return None
        spreads[one.part] = hypot(spreads[one.part], _spread_usd(one, plan.found.judged_share))
    failing = _failing_usd(plan)
    if failing is None:
        return None
    spreads["answers"] = hypot(spreads["answers"], _routing_usd(plan), failing)
    both = hypot(spreads["answers"] + spreads["judged answers"], spreads["judged responses"])
    return Decimal(str(round(both, 12))) if any(one.measured for one in plan.calls) else None


def _spread_usd(one: CallCost, judged_share: float | None) -> float:
    left = one.units * calls_left(one) / one.calls
    # Of answers that may or may not come to be judged, each costs this or nothing.
    missed = 1.0 - judged_share if one.part == "judged answers" and judged_share is not None else 0.0
    deviation = sqrt(one.deviation_usd**2 + missed * float(one.unit_usd) ** 2)
    return student_t(one.measured - 1) * deviation * sqrt(left**2 / one.measured + left)


def _failing_usd(plan: Plan) -> float | None:
    """What chance does to the number of responses that fail; null where no share of them was measured."""
    usable = sum(one.usable for one in plan.prompts)
    if not plan.asks_for_failing or not usable or not any(map(calls_left, plan.teachers)):
        return 0.0
    scored = sum(one.count for one in plan.found.quality if one.teacher == PUBLIC)
    if not scored:
        return None
    left = max(0, usable - max(scored, plan.judge_public.ended if plan.judge_public else 0))
    share = sum(plan.rows.ready.values()) / usable
    variance = share * (1 - share) * (left**2 / scored + left)
    answers = [one for one in plan.calls if one.part != "judged responses"]
    asked = sum(one.units for one in plan.teachers)
    return Z * sqrt(variance) * float(sum(one.expected_usd for one in answers)) / asked if asked else 0.0


def _routing_usd(plan: Plan) -> float:
    costs = {one.role: float(one.unit_usd) for one in plan.teachers}
    calls = sum(one.calls for one in plan.teachers)
    left = sum(map(calls_left, plan.teachers)) / calls if calls else 0.0
    variance = 0.0
    for count, shares in plan.routes:
        mean = sum(share * costs[name] for name, share in shares.items() if name in costs)
        squares = sum(share * costs[name] ** 2 for name, share in shares.items() if name in costs)
        variance += count * left * max(0.0, squares - mean**2)
    return Z * sqrt(variance)
