"""The paid calls as `phase0 status` shows them: who is at work, how far the calls are, what the ledger says.

Everything here only reads, needs no lease, and what concerns a run that is on needs no Spark.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from jobs.answers.specs import model_names
from jobs.config.calls import PAID_STAGES
from jobs.config.settings import Settings
from jobs.ledger.settle import open_journals, stage_of, wave_of
from jobs.ledger.usage import CallLedger, ModelLedger
from jobs.online.figures import CallFigures, WaveWatch, figures_before, look_again, read_progress, utc_now
from jobs.online.table import call_panel, counts, duration, short
from jobs.rendering.money import cents
from jobs.rendering.terminal import figures_table
from jobs.workspace import files
from jobs.workspace.lease import is_at_work, lease_file, read_lease
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS
from udfs.llm.journal_reader import journal_records
from udfs.llm.journal_tail import JournalTail

_IDS_ASKED = 5_000
"""Ids of one question to the ledger."""
_SETTLED = "select attempt_id from {attempts} where attempt_id in (:asked)"


def live_status(settings: Settings) -> RenderableType:
    """Who holds the workspace, and how far the calls are whose journals are not in the ledger yet."""
    workspace, now = settings.workspace, utc_now()
    parts: list[RenderableType] = [Text(line) for line in _lease_lines(read_lease(lease_file(workspace)), now)]
    last, journals = read_progress(workspace), open_journals(workspace)
    for folder in journals:
        parts.append(Text(f"calls of {_told(folder)}, read from its journal:", style="bold"))
        parts.append(_journal_panel(settings, folder, last, now))
    if last is not None and not journals:
        parts.append(Text(f"the last calls, of {_told(last.journal)}, as of {last.at:%Y-%m-%d %H:%M:%S} UTC:"))
        parts.append(call_panel(last))
    return Group(*parts)


def _lease_lines(lease: dict[str, Any] | None, now: datetime) -> Iterator[str]:
    if lease is None:
        yield "no run is on"
        return
    holder = lease["holder"]
    who = f"run {holder['run_id']}: process {holder['pid']} on {holder['host']}, since {holder['started_at']}"
    left = lease["expires_at"] - now.timestamp()
    if is_at_work(lease):
        yield f"at work: {who}"
        return
    since = f"its lease expires in {duration(left)}" if left > 0 else f"its lease expired {duration(-left)} ago"
    yield f"not at work any more: {who}; {since}. The next run brings what it has paid into the ledger"


def _told(journal: str) -> str:
    """A wave by its folder, for people."""
    wave = wave_of(journal)
    number = wave.rpartition("-")[2]
    return f"{stage_of(wave)}, wave {int(number)}" if number.isdigit() else stage_of(wave)


def _journal_panel(settings: Settings, folder: str, last: CallFigures | None, now: datetime) -> RenderableType:
    wave = wave_of(folder)
    if last is not None and wave_of(last.journal) == wave:
        before = replace(last, is_over=False)
    else:  # whoever made these calls has written nothing about them
        before = figures_before(_unknown(settings, folder, stage_of(wave)), run_id="", host="", pid=0, now=now)
    try:
        return call_panel(look_again(before, JournalTail(folder).look(), now, is_over=False))
    except (OSError, ValueError, KeyError) as error:  # it is settled and removed while it is read
        return Text(f"it cannot be read ({type(error).__name__}: {error})", style="yellow")


def _unknown(settings: Settings, folder: str, stage: str) -> WaveWatch:
    names = model_names(settings, stage)
    return WaveWatch(stage, names, {}, {}, {}, {}, Decimal(0), settings.budget.run_usd, folder)


def unsettled_usd(runtime: Runtime) -> tuple[Decimal, Decimal]:
    """What journals say that the ledger does not have yet: by calls that ended, and at worst by those that did not."""
    ended = lost = Decimal(0)
    for folder in open_journals(runtime.settings.workspace):
        try:
            calls = _calls_in(folder)
        except OSError:
            if files.exists(folder):
                raise
            continue  # a run that is on has settled and removed it while it was read
        for settled in _settled(runtime, calls):
            del calls[settled]
        ended += sum((cost for cost, is_lost in calls.values() if not is_lost), Decimal(0))
        lost += sum((cost for cost, is_lost in calls.values() if is_lost), Decimal(0))
    return ended, lost


def _calls_in(folder: str) -> dict[str, tuple[Decimal, bool]]:
    """Calls that left, as `attempts_of` counts them: attempt_id -> dollars, and whether their end is not known."""
    calls: dict[str, tuple[Decimal, bool]] = {}
    not_sent = set()
    for record in journal_records(folder):
        name = record.get("attempt_id", "")
        if record["kind"] == "sent":
            calls.setdefault(name, (Decimal(record["cost_usd"]), True))
        elif record["kind"] == "attempt" and record["status"] == "not_sent":
            not_sent.add(name)
        elif record["kind"] == "attempt":
            calls[name] = (Decimal(record["cost_usd"]), False)
    return {name: call for name, call in calls.items() if name not in not_sent}


def _settled(runtime: Runtime, calls: Collection[str]) -> Iterator[str]:
    names = sorted(calls)
    for start in range(0, len(names), _IDS_ASKED):
        asked = names[start : start + _IDS_ASKED]
        for row in runtime.query(
            "select attempt_id from {attempts} where attempt_id in (:asked)", (ATTEMPTS,), asked=asked
        ):
            yield row["attempt_id"]


def ledger_table(settings: Settings, ledger: CallLedger) -> RichTable:
    """One line for each model in each stage."""
    columns = ("stage", "who", "answered", "pending", "failed", "calls", "tokens in", "tokens out", "paid")
    table = figures_table("Paid calls", *columns, texts=2)
    for one in ledger.models:
        ended = (one.answered, one.pending, sum(one.failed.values()), one.calls)
        numbers = [f"{number:,}" for number in ended]
        tokens = short(one.prompt_tokens), short(one.completion_tokens)
        table.add_row(one.stage, Text(name_of(settings, one)), *numbers, *tokens, cents(one.cost_usd))
    return table


def name_of(settings: Settings, one: ModelLedger) -> str:
    """The teacher's name, or `judge`; a model that the configuration no longer asks has its own."""
    return model_names(settings, one.stage).get((one.provider, one.model), f"{one.model} ({one.provider})")


def ledger_lines(
    settings: Settings, ledger: CallLedger, unsettled: tuple[Decimal, Decimal], reserved: Mapping[str, Decimal]
) -> Iterator[str]:
    """Failures by reason, and the money: paid, not yet in the ledger, left of each cap.

    Args:
        settings: the configuration, for names and caps.
        ledger: what was paid.
        unsettled: dollars in journals: of calls that have ended, and at worst of those in flight.
        reserved: stage -> dollars that batches which are out may still cost.
    """
    for one in ledger.models:
        name = name_of(settings, one)
        if one.failed:
            yield f"{one.stage} {name}: without a whole answer: {', '.join(counts(one.failed))}"
        if one.faults:
            yield f"{one.stage} {name}: calls without an answer: {', '.join(counts(one.faults))}"
    ended, lost = unsettled
    if ended or lost:
        yield f"in journals, not in the ledger yet: {cents(ended)}, and at worst {cents(lost)} by calls in flight"
    if assumed := ledger.assumed_usd():
        yield f"of what is paid {cents(assumed)} is assumed: nobody knows whether those calls were billed"
    paid: dict[str, Decimal] = {stage: ledger.spent_usd(stage) for stage in PAID_STAGES}
    # Whose journal it is, is not asked here: what is in one counts against the run's cap.
    used = settings.budget.caps({**paid, "journals": ended + lost})
    for cap, held in zip(used, settings.budget.caps(reserved), strict=True):
        left = cents(max(Decimal(0), cap.left - held.used), ROUND_FLOOR)
        batches = f", {cents(held.used)} reserved by batches that are out" if held.used else ""
        yield f"budget.{cap.name}: {cents(cap.used)} of {cents(cap.limit)}{batches}, {left} left"
