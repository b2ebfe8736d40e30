"""`phase0 batches`: what is out, how far it is, what it has cost or may cost; and ending one before its time."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from pyspark.sql import functions as F
from rich.console import Console

from jobs.batches.api import BatchCallError
from jobs.batches.clock import SystemClock
from jobs.batches.collect import give_up
from jobs.batches.context import Desk
from jobs.batches.table import batch_table, summary_line
from jobs.ledger.batch_table import Batch, batches_of
from jobs.workspace.runtime import Runtime
from schemas.batches import CREATED, FOLDED
from schemas.calls import ATTEMPTS
from schemas.errors import ConfigError, ProviderError

_ENDED_SHOWN = 20


def list_batches(runtime: Runtime, environment: Mapping[str, str] = os.environ) -> None:
    """Print the batches of the workspace; those that are out as their providers see them now. Writes nothing."""
    batches = batches_of(runtime)
    desk = Desk(runtime, {}, environment, SystemClock())
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
    console.print(summary_line(batches), highlight=False)


def batch_lines(runtime: Runtime) -> list[str]:
    """What went by batch and what online, of each stage, and the batches: lines for status and cost report.

    None where nothing ever went by batch.
    """
    batches = batches_of(runtime)
    if not batches:
        return []
    of_mode = (
        runtime.read_or_empty(ATTEMPTS)
        .groupBy("stage", "mode")
        .agg(F.count_if(F.col("cost_basis") == "usage").alias("answers"), F.sum("cost_usd").alias("usd"))
    )
    rows = of_mode.orderBy("stage", "mode").collect()
    told = [f"{row['stage']}, {row['mode']}: {row['answers']:,} paid answers, ${row['usd']:,.4f}" for row in rows]
    return [*told, summary_line(batches)]


def cancel_batch(runtime: Runtime, name: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Ask for a batch to end now. What it has answered by then is paid, and the next run takes it in. Writes nothing.

    Args:
        runtime: of the workspace; a run may be at work there.
        name: the provider's id of the batch, or its batch_key.
        environment: holds the keys.

    Returns:
        False where the provider does not know the batch any more.

    Raises:
        ConfigError: no batch of that name is out.
        ProviderError: the provider does not answer.
    """
    batch = _find(runtime, name)
    desk = Desk(runtime, {}, environment, SystemClock())
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


def forget_batch(runtime: Runtime, name: str, environment: Mapping[str, str] = os.environ) -> Batch:
    """Give up a batch that its provider does not know any more: what it was asked is charged, and pending again.

    Args:
        runtime: of the workspace, whose lease is held.
        name: as for `cancel_batch`.
        environment: holds the keys.

    Raises:
        ConfigError: no batch of that name is out.
    """
    desk = Desk(runtime, {}, environment, SystemClock())
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


def _as_it_is(desk: Desk, batch: Batch) -> Batch:
    if batch.state != CREATED:
        return batch
    try:
        found = desk.server(batch).look(batch.batch_id or "")
    except (ProviderError, ConfigError) as error:
        return replace(batch, provider_state=f"not known now: {error}")
    return replace(batch, provider_state=found.state, done=batch.done if found.done is None else found.done)
