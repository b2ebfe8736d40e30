"""How a plan is shown, and whether it fits the budget."""

from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from math import ceil, floor

from rich.console import Console
from rich.table import Table as RichTable

from jobs.budget.costs import CallCost, Plan
from jobs.budget.outlook import Outlook, find_outlook
from jobs.config.calls import PAID_STAGES
from jobs.config.endpoints import chosen_models, endpoint_of, known_model, known_providers
from jobs.config.settings import Settings
from jobs.ledger.usage import CallLedger
from jobs.rendering.money import dollars
from jobs.rendering.terminal import figures_table, say
from jobs.surrogate.prospect import ASSUMED_OPEN

_OLD_DAYS = 90


def show_plan(
    console: Console,
    settings: Settings,
    plan: Plan,
    basis: str,
    today: date | None = None,
    ledger: CallLedger | None = None,
) -> bool:
    """Print a plan.

    Args:
        console: the terminal.
        settings: the configuration.
        plan: what it asks for.
        basis: where the counts come from.
        today: date in UTC, for the age of prices.
        ledger: what was paid and answered until now; null: nothing.

    Returns:
        Whether it fits the budget.
    """
    say(console, f"{basis}\n")
    console.print(_prompt_table(plan), "")
    if not any(chosen_models(settings)):
        say(console, "No model is asked, so nothing costs anything.")
        return True
    console.print(_call_table(plan), "")
    for line in (*_share_lines(plan), *_distilled_lines(settings), *_time_lines(plan), *_batch_lines(settings)):
        say(console, line)
    for line in _warnings(settings, plan, today or datetime.now(timezone.utc).date()):
        say(console, f"warning: {line}", "yellow")
    return _show_verdict(console, settings, plan, find_outlook(plan, ledger or CallLedger()))


def _prompt_table(plan: Plan) -> RichTable:
    table = figures_table("Prompts", "category", "open", "with a response", "to ask", "rows expected", "rows wanted")
    expected, config = plan.rows.dataset(), plan.rows.config
    for one in plan.prompts:
        share = {str(name): share for name, share in config.composition.items()}.get(one.category, 0.0)
        counts = (one.count, one.usable, plan.rows.asked[one.category], expected[one.category])
        table.add_row(one.category, *map(_count, counts), "all" if config.rows is None else _count(config.rows * share))
    totals = (
        sum(one.count for one in plan.prompts),
        sum(one.usable for one in plan.prompts),
        plan.prompts_asked,
        sum(expected.values()),
    )
    table.add_row("all", *map(_count, totals), "all" if config.rows is None else _count(config.rows), style="bold")
    return table


def _call_table(plan: Plan) -> RichTable:
    table = figures_table("Calls", "who", "calls", "tokens in", "tokens out", "expected", "at worst")
    for one in plan.calls:
        tokens = _short(one.prompt_tokens), _short(one.answer_tokens)
        table.add_row(one.role, _count(one.calls), *tokens, dollars(one.expected_usd), _whole(one.worst_usd))
    total = dollars(plan.expected_usd), _whole(plan.worst_usd)
    table.add_row("all", _count(sum(one.calls for one in plan.calls)), "", "", *total, style="bold")
    return table


def _count(number: float) -> str:
    return f"{round(number):,}"


def _whole(amount: Decimal) -> str:
    return f"${ceil(amount):,}" if amount > 100 else dollars(amount)


def _short(tokens: int) -> str:
    return f"{tokens / 1e6:,.1f} M" if tokens >= 1e6 else f"{tokens:,}"


def _time(cost: CallCost) -> str:
    minutes = cost.minutes or 0.0
    return f"{cost.role} {ceil(minutes / 60):,} h" if minutes >= 60 else f"{cost.role} {ceil(minutes)} min"


def _time_lines(plan: Plan) -> Iterator[str]:
    if times := [_time(one) for one in plan.calls if one.minutes is not None]:
        yield "The limits of conf/providers.yaml allow it in no less than: " + ", ".join(times)


def _batch_lines(settings: Settings) -> Iterator[str]:
    providers = known_providers(settings.providers)
    for chosen in chosen_models(settings):
        api = endpoint_of(chosen.choice, providers, settings.calls).batch
        if chosen.choice.mode != "online" and api is not None:
            rest = ", what is few online at full price" if chosen.choice.mode == "auto" else ""
            yield f"{chosen.role}: by batches{rest}, each within {api.window_hours:g} h"


def _distilled_lines(settings: Settings) -> Iterator[str]:
    if settings.score.kind == "distilled":
        yield (
            "The judge scores a sample, and of the other pairs those that predictions leave open: the share of the "
            f"last run, or {ASSUMED_OPEN:.0%} where nothing was predicted yet; at worst all"
        )


def _share_lines(plan: Plan) -> Iterator[str]:
    if plan.prompts_asked:
        shares = (
            f"{one.teacher} {one.expected:.1%}" + (f" (wanted {one.wanted:.0%})" if one.wanted is not None else "")
            for one in plan.shares
        )
        yield "Shares of the answers: " + ", ".join(shares)


def _warnings(settings: Settings, plan: Plan, today: date) -> Iterator[str]:
    if plan.prompts_asked and any(one.misses for one in plan.shares):
        yield (
            "with this mix of categories the weights miss the wanted shares; they are met for the mix of "
            "select.composition, or change distill.teachers[].weight and weights"
        )
    providers = known_providers(settings.providers)
    for chosen in chosen_models(settings):
        known, model = known_model(chosen.choice, providers), chosen.choice.model
        if not known.listed or (known.shutdown_date is not None and known.shutdown_date <= today):
            instead = f"; use {known.replacement}" if known.replacement else ""
            yield f"{chosen.role}: {model} is no longer there{instead}"
        elif known.shutdown_date is not None:
            yield f"{chosen.role}: {model} leaves on {known.shutdown_date}"
        effort = known.profile.extra_body.get("reasoning_effort") if known.profile else None
        if effort not in (None, "none"):
            yield f"{chosen.role}: it reasons before it answers; that is billed too and not among the expected tokens"
        if known.prices is not None and known.prices.input + known.prices.output > 0:
            read = known.prices.read_on
            if read is None:
                yield f"{chosen.role}: it was not established when its prices were read; check them"
            elif (today - read).days > _OLD_DAYS:
                yield f"{chosen.role}: its prices were read on {read}; check them"


def _show_verdict(console: Console, settings: Settings, plan: Plan, outlook: Outlook) -> bool:
    budget, total = settings.budget, outlook.expected_usd()
    paid = outlook.paid_usd()
    of_it = f", {dollars(paid)} of it paid already" if paid else ""
    over = [cap for cap in budget.caps({stage: outlook.expected_usd(stage) for stage in PAID_STAGES}) if cap.left < 0]
    worst = "At worst is every attempt billed and every answer of full length; the caps hold all the same."
    if not plan.worst_usd:
        say(console, "No model here costs anything.", "bold green")
        return True
    if not over:
        cap = f" of {dollars(budget.run_usd)}" if budget.run_usd is not None else ""
        say(console, f"Expected {dollars(total)}{cap}{of_it}: it fits. {worst}", "bold green")
        return True
    for one in over:
        text = f"OVER BUDGET: {dollars(one.used)} expected{of_it}, budget.{one.name} is {dollars(one.limit)}. {worst}"
        say(console, text, "bold red")
    if budget.run_usd is not None and total > budget.run_usd:
        _show_what_fits(console, plan, budget.run_usd, outlook)
    return False


def _show_what_fits(console: Console, plan: Plan, cap: Decimal, outlook: Outlook) -> None:
    public = plan.judge_public
    if outlook.paid_usd():
        left = max(Decimal(0), cap - outlook.paid_usd())
        fits = f"about {left / outlook.to_go_usd():.1%} of what has no answer yet"
    elif public is not None and public.expected_usd > cap:
        judged = floor(public.calls * cap / public.expected_usd)
        fits = f"judging {judged:,} of {public.calls:,} responses of the sources, and asking no model"
    else:
        part, asked = plan.part_that_fits(cap), plan.prompts_asked
        rows = sum(plan.rows.dataset(part).values())
        fits = f"{floor(asked * part):,} of {asked:,} prompts ({part:.1%}), answered and judged; {rows:,} rows"
    say(console, f"What fits: {fits}.")
    more = dollars(outlook.expected_usd()).replace(",", "").removeprefix("$")
    say(console, f"To have all of it: --set budget.run_usd={more}.")
