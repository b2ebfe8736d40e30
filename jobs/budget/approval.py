"""Before the first paid call of a run: are the models ready, what will it cost, and may it be spent?

`run_stages` calls an `Approval` once, right before the first stage that asks a model and is not up to
date. It returns where the run may go on, and raises where it may not; nothing has been asked of a model until then.

Called from Python (a notebook, a script) without a terminal, nobody is asked: whoever wrote the call has set
`budget.run_usd`, and that cap holds. Everything else is the same there.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from rich.console import Console

from jobs.answers.specs import judge_spec, teacher_specs
from jobs.budget.outlook import find_outlook
from jobs.budget.plan import plan_from_tables
from jobs.budget.report import show_plan
from jobs.config.settings import Settings
from jobs.ledger.usage import read_call_ledger
from jobs.models.preflight import preflight, print_findings
from jobs.rendering.money import cents, dollars
from jobs.rendering.terminal import say
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError, StoppedError

Approve = Callable[[Runtime], None]


@dataclass(frozen=True)
class Approval:
    """Checks and asks as the module says.

    Args:
        command: what was typed, to be repeated in messages; null: the pipeline was called from Python.
        is_given: the yes was given beforehand, by `--yes`.
        accepts_plan: a plan whose expected cost is over a cap may be begun; the caps hold all the same.
    """

    command: str | None = None
    is_given: bool = False
    accepts_plan: bool = False

    def __call__(self, runtime: Runtime) -> None:
        """Let the run go on, or not.

        Raises:
            ConfigError: a model is not ready, or a yes is needed and there is nobody to ask.
            StoppedError: the plan is over the budget, or the answer was no.
        """
        settings, console = runtime.settings, runtime.progress.console
        if print_findings(console, preflight(settings, runtime.config_file, os.environ)):
            raise ConfigError("a model is not ready to be asked; what to change is listed above. Nothing was paid")
        plan, ledger = plan_from_tables(runtime), read_call_ledger(runtime)
        basis = f"Counted in the tables of {settings.workspace}."
        fits = show_plan(console, settings, plan, basis, ledger=ledger)
        if not fits and not self.accepts_plan:
            raise StoppedError(f"the plan is over the budget, so nothing was asked. {self._how_to_accept()}")
        outlook = find_outlook(plan, ledger)
        left = settings.budget.left_in_all(outlook.paid)
        if left is not None and _costs_something(settings):  # what has a price has a cap: settings say so
            self.confirm(runtime, left, min(left, outlook.to_go_usd()))

    def _how_to_accept(self) -> str:
        if self.command is None:
            return (
                "Raise budget.run_usd, or go as far as the caps allow: build(runtime, accept_plan=True) in a notebook, "
                "run_stages(…, approve=Approval(accepts_plan=True)) elsewhere"
            )
        return f"Raise the cap as it says above, or go as far as the caps allow: {self.command} --accept-plan"

    def confirm(self, runtime: Runtime, most_usd: Decimal, expected_usd: Decimal) -> None:
        """Have somebody agree to what may be spent.

        Args:
            runtime: the run.
            most_usd: what no more than can be spent.
            expected_usd: of it.

        Raises:
            ConfigError: a yes is needed, and there is nobody to ask.
            StoppedError: the answer was no.
        """
        console, most = runtime.progress.console, cents(most_usd, ROUND_FLOOR)
        expected = f"about {dollars(expected_usd)} expected"
        if most_usd <= 0:
            say(console, "The budget is spent: nothing more can be paid.")
        elif self.is_given or (self.command is None and not _has_terminal(console)):
            say(console, f"Spending up to {most}, {expected}.")
        elif not _has_terminal(console):
            raise ConfigError(
                f"up to {most} may be spent ({expected}), and there is no terminal to ask whether that is right. If it "
                f"is, type: {self.command} --yes"
            )
        elif not _asked(console, f"Spend up to {most} ({expected})? [y/N] "):
            again = f". To go on later, type: {self.command}" if self.command else ""
            raise StoppedError(f"nothing was asked and nothing was paid{again}")


def _costs_something(settings: Settings) -> bool:
    judge = judge_spec(settings)
    specs = [*teacher_specs(settings).values(), *([judge] if judge else [])]
    return any(not spec.endpoint.is_free for spec in specs)


def _has_terminal(console: Console) -> bool:
    return console.is_terminal and sys.stdin is not None and sys.stdin.isatty()


def _asked(console: Console, question: str) -> bool:
    console.print(question, end="", markup=False, highlight=False, soft_wrap=True)
    try:
        return console.input().strip().lower() in ("y", "yes")
    except EOFError:
        return False
