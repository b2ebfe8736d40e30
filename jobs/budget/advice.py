"""What a plan means: the time it takes, what is saved already, and what to type where it does not reach its size."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import ceil, floor, sqrt

from jobs.budget.costs import CallCost, Plan
from jobs.budget.outlook import Outlook, calls_left, left_usd
from jobs.config.endpoints import chosen_models, endpoint_of, known_providers
from jobs.config.settings import Settings
from jobs.rendering.money import dollars
from udfs.llm.models import Endpoint

_GOOD = 0.05
"""An interval that is good enough to decide by."""
_STEPS = 40
"""Halvings to find the part of the prompts that gives a number of rows."""


def time_lines(plan: Plan) -> Iterator[str]:
    """Least time for what is left: teachers are asked side by side, and the judge after them."""
    distill, score = (
        [(time, one) for one in of if (time := _minutes_left(one))] for of in (plan.teachers, plan.judged)
    )
    if not distill and not score:
        return
    stages = []
    if distill:
        longest, slowest = max(distill, key=lambda item: item[0])
        stages.append((longest, f"distill {_duration(longest)} ({slowest.role} decides, by its {slowest.limited_by})"))
    if score:
        judged = sum(time for time, _ in score)
        stages.append((judged, f"score {_duration(judged)} ({score[0][1].limited_by})"))
    total = _duration(sum(time for time, _ in stages))
    each = ", ".join(f"{one.role} {_duration(time)}" for time, one in distill) if len(distill) > 1 else ""
    yield f"The limits allow it in no less than {total}: " + ", ".join(text for _, text in stages)
    if each:
        yield f"Teacher by teacher: {each}"


def _minutes_left(one: CallCost) -> float:
    return (one.minutes or 0.0) * calls_left(one) / one.calls if one.calls else 0.0


def _duration(minutes: float) -> str:
    if minutes < 60:
        return f"{ceil(minutes)} min"
    return f"{floor(minutes / 60):,} h {floor(minutes % 60)} min" if minutes < 600 else f"{ceil(minutes / 60):,} h"


def saving_lines(settings: Settings, plan: Plan) -> Iterator[str]:
    """What is not paid for: twins that fell before, and beginnings of prompts that a provider has cached."""
    prompts, twins = sum(one.count for one in plan.prompts), plan.found.twins
    if prompts and plan.expected_usd and (count := twins.get("prompt", 0)):
        saved = plan.expected_usd * count / prompts
        yield f"Deduplication before anything is asked: {count:,} twins of prompts, about {dollars(saved)} saved"
    units = [one.unit_usd for one in plan.judged if one.unit_usd]
    if units and (count := twins.get("pair", 0)):
        saved = count * max(units)
        yield f"Deduplication before scoring: {count:,} twins of pairs no judge reads, about {dollars(saved)} saved"
    cached = sum((one.cached_usd for one in plan.calls), Decimal(0))
    if cached:
        yield f"Cached prefixes: about {dollars(cached)} saved at the share measured, which is taken off above"
    elif plan.rubric_usd and not any(one.measured for one in plan.judged):
        yield (
            f"Cached prefixes: the judge's rubric, about {plan.rubric_tokens:,} tokens of each call, would be up to "
            f"{dollars(plan.rubric_usd)} cheaper from the provider's cache. Not counted on: many cache longer "
            "beginnings only; a probe measures it"
        )


def usd_by_batch(settings: Settings, plan: Plan) -> dict[str, Decimal]:
    """What the Batch API would take off: the override that turns it on -> dollars, of models that are asked online."""
    found: dict[str, Decimal] = {}
    costs = {one.role: one for one in plan.teachers}
    for key, endpoint in _online_with_discount(settings):
        discount = endpoint.prices.batch_discount or Decimal(0)
        if key[0] == "score":
            left = sum((left_usd(one) for one in plan.judged), Decimal(0))
        else:
            left = left_usd(costs[settings.distill.teachers[int(key[2])].name])
        if left * discount > 0:
            found[".".join(map(str, (*key, "mode=batch")))] = left * discount
    return found


def _online_with_discount(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], Endpoint]]:
    providers = known_providers(settings.providers)
    for chosen in chosen_models(settings):
        endpoint = endpoint_of(chosen.choice, providers, settings.calls)
        if chosen.choice.mode == "online" and endpoint.batch is not None and endpoint.prices.batch_discount:
            yield chosen.key, endpoint


def rows_for(plan: Plan, outlook: Outlook, usd: Decimal) -> int:
    """Rows of the data set that a total of so many dollars gives, what is paid included."""
    return sum(plan.rows.dataset(_part_for(plan, outlook, usd)).values())


def usd_for(plan: Plan, outlook: Outlook, rows: int) -> Decimal | None:
    """Dollars in all, what is paid included, that so many rows take; null where all prompts give fewer."""
    if sum(plan.rows.dataset().values()) < rows:
        return None
    low, high = outlook.paid_usd(), outlook.expected_usd()
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if rows_for(plan, outlook, middle) < rows:
            low = middle
        else:
            high = middle
    return high


def _part_for(plan: Plan, outlook: Outlook, usd: Decimal) -> float:
    """Part of the prompts to ask that has an answer once so much is spent; responses of sources are judged first."""
    calls = sum(one.calls for one in plan.teachers)
    done = 1 - sum(map(calls_left, plan.teachers)) / calls if calls else 0.0
    fixed = left_usd(plan.judge_public) if plan.judge_public else Decimal(0)
    answers = outlook.to_go_usd() - fixed
    left = usd - outlook.paid_usd() - fixed
    part = float(max(Decimal(0), min(Decimal(1), left / answers))) if answers else 1.0
    return min(1.0, done + (1 - done) * part)


def lines_over_cap(settings: Settings, plan: Plan, outlook: Outlook, cap: Decimal) -> Iterator[str]:
    """What to type where more is expected than the cap of the run allows."""
    total, expected = outlook.expected_usd(), sum(plan.rows.dataset().values())
    yield f"To have all of it: --set budget.run_usd={_plain(total)}."
    wanted = settings.targets.min_rows
    fits = rows_for(plan, outlook, cap)
    needed = usd_for(plan, outlook, wanted) if wanted and fits < wanted < expected else None
    if wanted and needed is not None:
        yield f"For the {wanted:,} rows of targets.min_rows: --set budget.run_usd={_plain(needed)}."
    if cheaper := usd_by_batch(settings, plan):
        saved = sum(cheaper.values(), Decimal(0))
        sets = " ".join(f"--set {override}" for override in cheaper)
        fit = ", which fits" if total - saved <= cap else ""
        yield f"By batches, which take up to a day: {sets}: {dollars(total - saved)} in all{fit}."
    if 0 < fits < expected:
        yield f"For a data set that is as large as the cap pays for: --set select.rows={fits}."
    yield from _dearest(settings, plan)


def _dearest(settings: Settings, plan: Plan) -> Iterator[str]:
    asked = [one for one in plan.teachers if one.calls]
    if len(asked) < 2:
        return
    cheapest, dearest = (choose(asked, key=lambda one: one.unit_usd) for choose in (min, max))
    if dearest.unit_usd > cheapest.unit_usd:
        places = {teacher.name: place for place, teacher in enumerate(settings.distill.teachers)}
        yield (
            f"1,000 answers of {dearest.role} cost {dollars(1_000 * dearest.unit_usd)}, of {cheapest.role} "
            f"{dollars(1_000 * cheapest.unit_usd)}: a lower distill.teachers.{places[dearest.role]}.weight saves."
        )


def lines_on_size(settings: Settings, plan: Plan) -> Iterator[str]:
    """What to change where the prompts themselves do not give the rows that are wanted, whatever is paid."""
    wanted, expected = settings.select.rows, plan.rows.dataset()
    total = sum(expected.values())
    if wanted is None or total >= wanted:
        return
    shares = {str(name): share for name, share in settings.select.composition.items()}
    short = {name: ceil(wanted * share) - expected.get(name, 0) for name, share in shares.items() if share}
    lacks = ", ".join(f"{count:,} in {name}" for name, count in _largest(short) if count > 0)
    yield (
        f"{wanted:,} rows are wanted, and all prompts together give about {total:,}, so the size is not reachable by "
        f"paying. Missing: {lacks}. Add such sources, lower select.min_score, or --set select.rows={total}"
    )


def _largest(short: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(short.items(), key=lambda item: -item[1])


def _plain(amount: Decimal) -> str:
    return dollars(amount).replace(",", "").removeprefix("$")


def probe_lines(plan: Plan, outlook: Outlook) -> Iterator[str]:
    """How sure the rest of the bill is, and what makes it surer."""
    left, margin = outlook.to_go_usd(), outlook.margin
    if not left:
        return
    if margin is None:
        assumed = [one.role for one in plan.calls if calls_left(one) and one.expected_usd and not one.measured]
        yield (
            f"The rest, {dollars(left)}, rests on assumed lengths for {', '.join(assumed)}: `phase0 plan --probe 200` "
            "asks 200 prompts first, keeps the answers, and measures"
        )
        return
    count = sum(one.measured for one in plan.calls if one.part == "answers") or max(one.measured for one in plan.calls)
    yield f"The rest, {dollars(left)} ± {margin:.1%}, is as {count:,} measured requests cost (95 % interval)"
    left_now = sum(map(calls_left, plan.teachers or plan.judged))
    wanted = probe_for(count, left_now, margin) if margin > _GOOD else None
    if wanted is not None:
        yield f"For ± {_GOOD:.0%}: phase0 plan --probe {wanted}"


def probe_for(count: int, left: int, margin: float) -> int | None:
    """How large a probe it takes for a good interval.

    An interval goes with √(1/n + 1/m), for n measured and m that are left: what chance does to the rest remains, so
    that a small rest is never known well, however many were measured.

    Args:
        count: requests that were measured.
        left: requests that are left.
        margin: half of the interval that they give, as a share.

    Returns:
        Prompts, rounded up to tens; null where no larger probe does it.
    """
    total = count + left
    # 1/n + 1/(total - n) is to be at most this.
    most = (1 / count + 1 / left) * (_GOOD / margin) ** 2
    under_root = total**2 - 4 * total / most
    if under_root < 0:
        return None
    wanted = ceil((total - sqrt(under_root)) / 20) * 10
    return wanted if wanted > count else None
