"""`phase0 plan --probe N`: have some prompts answered and scored, so that the plan rests on what that was like.

Paid for as a run is: with the lease, the ledger and the caps, after the same questions, and under the same request ids,
so that the run finds the answers there.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from jobs.answers.probe import online, take_probe
from jobs.budget.approval import Approval
from jobs.budget.costs import CallCost, Plan
from jobs.budget.plan import plan_from_tables
from jobs.config.settings import Settings
from jobs.config.teachers import PUBLIC
from jobs.ledger.batch_table import batches_of
from jobs.ledger.reservations import spent_and_reserved
from jobs.models.preflight import preflight, print_findings
from jobs.rendering.money import dollars
from jobs.rendering.terminal import say
from jobs.run.leased import leased
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError, StoppedError
from schemas.tables import DUPLICATES, EXAMPLES, SCREEN

_ROOM = Decimal("1.25")
"""The prompts of a probe may be that much longer than the mean of all, by which its worst case is told."""


@dataclass(frozen=True)
class ProbeCalls:
    """What a probe still has to ask."""

    answers: int
    scores: int
    """By the judge, or by rules at no cost."""
    expected_usd: Decimal
    worst_usd: Decimal

    @property
    def count(self) -> int:
        """All of them."""
        return self.answers + self.scores


def run_probe(runtime: Runtime, count: int, approval: Approval) -> None:
    """Have `count` prompts answered and scored, less those that are.

    Args:
        runtime: the run, whose tables come as far as the first deduplication.
        count: prompts, at least 1; more than there are mean all of them.
        approval: what was said about spending.

    Raises:
        ConfigError: there is nothing to probe, a model is not ready, or a yes is needed and there is nobody to ask.
        StoppedError: the answer was no, or budget, provider or Ctrl-C ended the calls; what was answered is kept, and
            the same command goes on from there.
    """
    if not runtime.settings.asks_models:
        raise ConfigError("this configuration asks no model, so there is nothing that a probe could measure")
    if not all(runtime.storage.exists(table) for table in (EXAMPLES, SCREEN, DUPLICATES)):
        raise ConfigError(
            f"a probe asks the prompts of a run, and {runtime.settings.workspace} holds none yet; first: "
            "phase0 run --to deduplicate-prompts"
        )
    with leased(runtime) as held:
        if batches_of(held, is_out=True):
            raise StoppedError(
                "batches are out at providers, and what they bring is as good as a probe: `phase0 batches` shows them; "
                "once they have ended, type the same command"
            )
        console, settings = held.progress.console, held.settings
        plan = plan_from_tables(replace(held, settings=online(settings)))
        calls = calls_to_make(settings, plan, count)
        if not calls.count:
            say(console, f"{count:,} prompts are answered and scored already, or all there are: nothing is asked.")
            return
        if print_findings(console, preflight(settings, held.config_file, os.environ)):
            raise ConfigError("a model is not ready to be asked; what to change is listed above. Nothing was paid")
        is_judged = settings.score.kind == "judge"
        say(
            console,
            f"The probe makes up to {calls.answers:,} calls of teachers and {calls.scores * is_judged:,} of the judge, "
            "online; the run does not make them again.",
        )
        for warning in take_probe(_within(held, calls.worst_usd, approval, calls.expected_usd), count):
            held.progress.warn(warning)


def calls_to_make(settings: Settings, plan: Plan, count: int) -> ProbeCalls:
    """Which calls a probe of so many prompts needs, beyond what is answered and scored.

    Args:
        settings: the configuration.
        plan: for all prompts, with every model asked online.
        count: prompts of the probe.
    """
    samples = settings.distill.samples_per_prompt
    wanted = min(count, plan.prompts_asked) * samples if plan.teachers else 0
    ended = sum({one.key: plan.found.ended("answers", *one.key) for one in plan.teachers}.values())
    scored = {
        is_public: sum(one.count for one in plan.found.quality if (one.teacher == PUBLIC) == is_public)
        for is_public in (True, False)
    }
    answers = max(0, wanted - ended)
    asked = _cost(plan.teachers, answers)
    usable = sum(one.usable for one in plan.prompts) if settings.distill.when != "always" or not plan.teachers else 0
    parts = [(plan.judge_answers, wanted - scored[False]), (plan.judge_public, min(count, usable) - scored[True])]
    missing = [(cost, max(0, number) if not plan.found.run_scores else 0) for cost, number in parts]
    judged = [_cost([cost], number) for cost, number in missing if cost is not None]
    costs = [asked, *judged]
    return ProbeCalls(
        answers,
        sum(number for _, number in missing),
        sum((expected for expected, _ in costs), Decimal(0)),
        _ROOM * sum((worst for _, worst in costs), Decimal(0)),
    )


def _cost(of: Sequence[CallCost], count: int) -> tuple[Decimal, Decimal]:
    """Expected and worst cost of some of these calls, each model in its share."""
    units = sum(one.units for one in of)
    if not units:
        return Decimal(0), Decimal(0)
    share = Decimal(count) / units
    return sum((one.expected_usd for one in of), Decimal(0)) * share, sum(
        (one.worst_usd for one in of), Decimal(0)
    ) * share


def _within(runtime: Runtime, worst_usd: Decimal, approval: Approval, expected_usd: Decimal) -> Runtime:
    """The same run with a cap that the probe cannot exceed, once somebody has agreed to it.

    Raises:
        ConfigError, StoppedError: as for `run_probe`.
    """
    budget = runtime.settings.budget
    used = spent_and_reserved(runtime)
    left = budget.left_in_all(used)
    if left is None or not worst_usd:  # what has a price has a cap: settings say so
        return runtime
    if left <= 0:
        caps = ", ".join(f"budget.{cap.name} {dollars(cap.limit)}" for cap in budget.caps(used))
        raise StoppedError(f"the budget is spent ({caps}), so nothing was asked. To go on: --set budget.run_usd=MORE")
    most = min(left, worst_usd.quantize(Decimal("0.01"), ROUND_CEILING))
    approval.confirm(runtime, most, min(most, expected_usd))
    capped = budget.model_copy(update={"run_usd": sum(used.values(), Decimal(0)) + most})
    return replace(runtime, settings=runtime.settings.model_copy(update={"budget": capped}))
