"""How a plan is shown, and whether it fits the budget."""

from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import chain
from math import ceil, floor

from rich.console import Console
from rich.table import Table as RichTable

from jobs.budget.advice import lines_on_size, lines_over_cap, probe_lines, rows_for, saving_lines, time_lines
from jobs.budget.costs import Plan
from jobs.budget.outlook import Outlook, find_outlook
from jobs.config.calls import PAID_STAGES
from jobs.config.endpoints import Chosen, chosen_models, endpoint_of, known_model, known_providers
from jobs.config.settings import Settings
from jobs.config.teachers import PUBLIC
from jobs.ledger.usage import CallLedger
from jobs.rendering.money import dollars
from jobs.rendering.terminal import figures_table, say
from jobs.surrogate.prospect import ASSUMED_OPEN
from udfs.scoring.calibration import wilson

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
    outlook = find_outlook(plan, ledger or CallLedger())
    if any(one.measured for one in plan.calls):
        console.print(_measured_table(plan), "")
    if plan.found.quality:
        console.print(_quality_table(plan), "")
    lines = (
        _share_lines(plan),
        _mean_lines(settings, plan),
        _distilled_lines(settings),
        time_lines(plan),
        _batch_lines(settings),
    )
    for line in (*chain(*lines), *saving_lines(settings, plan), *probe_lines(plan, outlook)):
        say(console, line)
    for line in (
        *_warnings(settings, plan, today or datetime.now(timezone.utc).date()),
        *lines_on_size(settings, plan),
    ):
        say(console, f"warning: {line}", "yellow")
    return _show_verdict(console, settings, plan, outlook)


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


def _measured_table(plan: Plan) -> RichTable:
    columns = ("requests", "in", "out", "reasoning", "cached", "tries", "failed")
    table = figures_table("Measured: tokens and tries of a request", "who", *columns)
    for one in plan.calls:
        found = plan.found.of(one.part, *one.key)
        if found is None:
            table.add_row(one.role, "0", "assumed", "assumed", *("",) * 4)
            continue
        count = found.requests
        out, half = found.completion_tokens / count, found.half_completion()
        cached = found.cached_tokens / found.prompt_tokens if found.prompt_tokens else 0.0
        table.add_row(
            one.role,
            _count(count),
            _count(found.prompt_tokens / count),
            f"{_count(out)} ± {_count(half)}",
            _count(found.reasoning_tokens / count),
            f"{cached:.0%}",
            f"{found.attempts / count:.2f}",
            f"{found.unanswered / found.ended:.1%}",
        )
    return table


def _quality_table(plan: Plan) -> RichTable:
    table = figures_table("Answers above the threshold", "who", "category", "scored", "accepted", "95 %", texts=2)
    for one in plan.found.quality:
        share = wilson(one.accepted, one.count)
        interval = f"{share.low:.0%} to {share.high:.0%}"
        table.add_row(one.teacher, one.category, _count(one.count), f"{share.value:.0%}", interval)
    return table


def _mean_lines(settings: Settings, plan: Plan) -> Iterator[str]:
    """The mean score to expect, where a judge has scored: of what it accepted in each category."""
    if plan.prompts_asked and not any(one.teacher != PUBLIC for one in plan.found.quality):
        accepted = settings.distill.expected_acceptance
        yield f"Assumed: {accepted:.0%} of the answers are good (distill.expected_acceptance)"
    if settings.score.kind != "judge":
        return
    expected, sums = plan.rows.dataset(), dict[str, list[int]]()
    for one in plan.found.quality:
        both = sums.setdefault(one.category, [0, 0])
        both[0] += one.accepted_tenths
        both[1] += one.accepted
    rows = {name: expected.get(name, 0) for name, (_, count) in sums.items() if count}
    if total := sum(rows.values()):
        mean = sum(rows[name] * sums[name][0] / sums[name][1] for name in rows) / total / 10
        target = settings.targets.min_mean_quality
        wanted = f", wanted {target:g}" if target is not None else ""
        yield f"Mean score to expect: {mean:.2f}{wanted}"


def _count(number: float) -> str:
    return f"{round(number):,}"


def _whole(amount: Decimal) -> str:
    return f"${ceil(amount):,}" if amount > 100 else dollars(amount)


def _short(tokens: int) -> str:
    return f"{tokens / 1e6:,.1f} M" if tokens >= 1e6 else f"{tokens:,}"


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
        if effort not in (None, "none") and not _is_measured(plan, chosen):
            yield f"{chosen.role}: it reasons before it answers; that is billed too and not among the expected tokens"
        if known.prices is not None and known.prices.input + known.prices.output > 0:
            read = known.prices.read_on
            if read is None:
                yield f"{chosen.role}: it was not established when its prices were read; check them"
            elif (today - read).days > _OLD_DAYS:
                yield f"{chosen.role}: its prices were read on {read}; check them"


def _is_measured(plan: Plan, chosen: Chosen) -> bool:
    costs = [one for one in plan.calls if one.model == chosen.choice.model]
    return bool(costs) and all(one.measured for one in costs)


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
        _show_what_fits(console, settings, plan, budget.run_usd, outlook)
    return False


def _show_what_fits(console: Console, settings: Settings, plan: Plan, cap: Decimal, outlook: Outlook) -> None:
    public = plan.judge_public
    if outlook.paid_usd():
        left = max(Decimal(0), cap - outlook.paid_usd())
        rows = rows_for(plan, outlook, cap)
        fits = f"about {left / outlook.to_go_usd():.1%} of what has no answer yet; {rows:,} rows"
    elif public is not None and public.expected_usd > cap:
        judged = floor(public.calls * cap / public.expected_usd)
        fits = f"judging {judged:,} of {public.calls:,} responses of the sources, and asking no model"
    else:
        part, asked = plan.part_that_fits(cap), plan.prompts_asked
        rows = sum(plan.rows.dataset(part).values())
        fits = f"{floor(asked * part):,} of {asked:,} prompts ({part:.1%}), answered and judged; {rows:,} rows"
    say(console, f"What fits: {fits}.")
    for line in lines_over_cap(settings, plan, outlook, cap):
        say(console, line)
