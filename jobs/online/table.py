"""The figures of paid calls as people read them: a table for a terminal, lines for a log."""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jobs.online.figures import CallFigures, EndpointFigures
from jobs.rendering.money import cents

_LEFT_COLUMNS = ("", "done", "pending", "failed", "req/min", "tok/min", "spent", "time left")


def call_panel(figures: CallFigures) -> RenderableType:
    """One line for each model, and below it the money."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for place, name in enumerate(_LEFT_COLUMNS):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for one in figures.endpoints:
        table.add_row(
            Text(one.name),  # it comes from a configuration: nothing in it is markup
            f"{one.done:,}",
            f"{one.pending:,}",
            Text(f"{one.failed:,}", style="yellow" if one.failed else ""),
            _against(one.requests_last_minute, one.rpm),
            _against(one.tokens_last_minute, one.tpm),
            cents(one.spent_usd),
            duration(one.eta_seconds),
        )
    below = [Text(total_line(figures))]
    if failures := refused_text(figures):
        below.append(Text(failures, style="yellow"))
    return Group(table, *below)


def endpoint_line(one: EndpointFigures) -> str:
    """How far a model is, for a log."""
    return (
        f"{one.name}: {one.done:,} done, {one.pending:,} pending, {one.failed:,} failed, {one.in_flight:,} in flight; "
        f"last minute {_against(one.requests_last_minute, one.rpm)} requests, "
        f"{_against(one.tokens_last_minute, one.tpm)} tokens; {cents(one.spent_usd)}; {_left(one.eta_seconds)}"
    )


def summary_line(one: EndpointFigures) -> str:
    """What a wave was for one model; this line stays."""
    ended = ", ".join([f"{one.answered:,} answered", *counts(one.failures)])
    calls = _calls(one.calls) + (f" ({', '.join(counts(one.refused_calls))})" if one.refused_calls else "")
    pending = f", {one.pending:,} pending" if one.pending else ""
    lost = f"; {_calls(one.in_flight)} did not end, at worst {cents(one.at_risk_usd)}" if one.in_flight else ""
    return f"{one.name}: {ended}{pending}; {calls}, {cents(one.spent_usd)}{lost}"


def total_line(figures: CallFigures) -> str:
    """The money of the workspace, and the time that is left."""
    cap = f" of {cents(figures.cap_usd)}" if figures.cap_usd is not None else ""
    where = "by calls that did not end" if figures.is_over else "in flight"
    risk = f", at worst {cents(figures.at_risk_usd)} more {where}" if figures.at_risk_usd else ""
    left = "" if figures.is_over else f"; {_left(figures.eta_seconds)}"
    return f"{cents(figures.spent_usd)}{cap} spent{risk}{left}"


def refused_text(figures: CallFigures) -> str:
    """Calls that brought no answer, by model and kind; empty where there are none."""
    parts = [f"{one.name} {', '.join(counts(one.refused_calls))}" for one in figures.endpoints if one.refused_calls]
    return f"calls without an answer: {'; '.join(parts)}" if parts else ""


def counts(numbers: Mapping[str, int]) -> list[str]:
    """`3 refused` of each."""
    return [f"{number:,} {name}" for name, number in numbers.items()]


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"


def _against(number: int, limit: int | None) -> str:
    return f"{short(number)}/{short(limit)}" if limit is not None else short(number)


def _left(seconds: float | None) -> str:
    return "time left not known yet" if seconds is None else f"about {duration(seconds)} left"


def short(number: int) -> str:
    """A number in four digits at most."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:,.0f}k" if number < 1_000_000 else f"{number / 1e6:,.1f}M"


def duration(seconds: float | None) -> str:
    """A time as people say it; a dash where it is not known."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{ceil(seconds)} s"
    minutes = ceil(timedelta(seconds=seconds) / timedelta(minutes=1))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02} min"
