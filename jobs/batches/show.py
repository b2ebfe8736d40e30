"""`phase0 batches`: what is out, how far it is, what it has cost or may cost; and ending one before its time."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from jobs.batches.api import BatchCallError
from jobs.batches.clock import SystemClock
from jobs.batches.collect import give_up
from jobs.batches.context import BatchContext
from jobs.batches.lines import batches_line
from jobs.ledger.batch_table import Batch, batches_of
from jobs.rendering.terminal import figures_table
from jobs.workspace.runtime import Runtime
from schemas.batches import CREATED, FOLDED
from schemas.errors import ConfigError, ProviderError
from udfs.printable import printable

_ENDED_SHOWN = 20


def list_batches(runtime: Runtime) -> None:
    """Print the batches of the workspace; those that are out as their providers see them now. Writes nothing."""
    batches = batches_of(runtime)
    desk = BatchContext(runtime, {}, os.environ, SystemClock())
    try:
        shown = [_as_it_is(desk, batch) for batch in batches]
    finally:
        desk.close()
    show_batches(runtime.progress.console, shown, datetime.now(timezone.utc))


def show_batches(console: Console, batches: Sequence[Batch], now: datetime) -> None:
    """Print a line for each batch that is out, and for the last ones that are taken in.

    Args:
        console: where to.
        batches: rows of `BATCHES`, in the order of their intents.
        now: the time, for their age.
    """
    if not batches:
        console.print("no batches yet: they are made where `mode: batch` or `mode: auto` is set", highlight=False)
        return
    out = [batch for batch in batches if batch.state != FOLDED]
    taken_in = [batch for batch in batches if batch.state == FOLDED]
    console.print(batch_table([*out, *taken_in[-_ENDED_SHOWN:]], now))
    hidden = len(taken_in) - _ENDED_SHOWN
    if hidden > 0:
        console.print(f"and {hidden:,} earlier ones", highlight=False)
    console.print(batches_line(batches), highlight=False)


def cancel_batch(runtime: Runtime, name: str) -> bool:
    """Ask for a batch to end now. What it has answered by then is paid, and the next run takes it in. Writes nothing.

    Args:
        runtime: of the workspace; a run may be at work there.
        name: the provider's id of the batch, or its batch_key.

    Returns:
        False where the provider does not know the batch any more.

    Raises:
        ConfigError: no batch of that name is out.
        ProviderError: the provider does not answer.
    """
    batch = _find(runtime, name)
    desk = BatchContext(runtime, {}, os.environ, SystemClock())
    try:
        desk.server(batch).cancel(batch.batch_id or "")
    except BatchCallError as error:
        if error.failure.kind == "not_found":
            return False
        if error.failure.kind != "rejected":  # it has ended already, most likely; the next look says
            raise
    finally:
        desk.close()
    return True


def forget_batch(runtime: Runtime, name: str) -> Batch:
    """Give up a batch that its provider does not know any more: what it was asked is charged, and pending again.

    Args:
        runtime: of the workspace, whose lease is held.
        name: as for `cancel_batch`.

    Raises:
        ConfigError: no batch of that name is out.
    """
    desk = BatchContext(runtime, {}, os.environ, SystemClock())
    try:
        return give_up(desk, _find(runtime, name)).batch
    finally:
        desk.close()


def _find(runtime: Runtime, name: str) -> Batch:
    out = batches_of(runtime, is_out=True)
    found = [batch for batch in out if name in (batch.batch_key, batch.batch_id)]
    if not found:
        names = ", ".join(batch.batch_id or batch.batch_key for batch in out) or "none"
        raise ConfigError(f"no batch {name} is out; there is {names}")
    if found[0].state != CREATED:
        raise ConfigError(f"batch {name} is {found[0].state}; `phase0 run` goes on with it")
    return found[0]


def _as_it_is(desk: BatchContext, batch: Batch) -> Batch:
    if batch.state != CREATED:
        return batch
    try:
        found = desk.server(batch).look(batch.batch_id or "")
    except (ProviderError, ConfigError) as error:
        return replace(batch, provider_state=f"not known now: {error}")
    return replace(batch, provider_state=found.state, done=batch.done if found.done is None else found.done)


_COLUMNS = ("batch", "stage", "model", "state", "requests", "answered", "age", "cost")


def batch_table(batches: Sequence[Batch], now: datetime) -> RichTable:
    """A line for each batch; what it has cost, or may cost at most while it is out."""
    table = figures_table("Batches", *_COLUMNS, texts=4)
    for batch in batches:
        # Names and states are the provider's: nothing of them is markup.
        table.add_row(*(Text(printable(cell)) for cell in _cells(batch, now)))
    return table


def _cells(batch: Batch, now: datetime) -> tuple[str, ...]:
    is_taken_in = batch.state == FOLDED
    answered = batch.answered if is_taken_in else batch.done
    state = batch.provider_state or "" if batch.state in (CREATED, FOLDED) else batch.state
    cost = f"${batch.cost_usd or 0:,.4f}" if is_taken_in else f"≤ ${batch.reserved_usd:,.4f}"
    return (
        batch.batch_id or batch.batch_key,
        batch.stage,
        batch.model,
        state + (", taken in" if is_taken_in else ""),
        f"{batch.requests:,}",
        "" if answered is None else f"{answered:,}",
        _age((batch.ended_at or now) - batch.intent_at),
        cost,
    )


def _age(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
