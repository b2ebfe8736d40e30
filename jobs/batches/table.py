"""How batches look: a table for the terminal, and one line for all of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from rich.table import Table as RichTable
from rich.text import Text

from jobs.ledger.batch_table import Batch
from jobs.rendering.terminal import figures_table
from schemas.batches import CREATED, FOLDED
from udfs.printable import printable

_COLUMNS = ("batch", "stage", "model", "state", "requests", "answered", "age", "cost")


def batch_table(batches: Sequence[Batch], now: datetime) -> RichTable:
    """A line for each batch; what it has cost, or may cost at most while it is out."""
    table = figures_table("Batches", *_COLUMNS, texts=4)
    for batch in batches:
        # Names and states are the provider's: nothing of them is markup.
        table.add_row(*(Text(printable(cell)) for cell in _cells(batch, now)))
    return table


def summary_line(batches: Sequence[Batch]) -> str:
    """What all batches together are, in one line."""
    out = [batch for batch in batches if batch.state != FOLDED]
    taken_in = [batch for batch in batches if batch.state == FOLDED]
    spent = sum((batch.cost_usd or Decimal(0) for batch in taken_in), Decimal(0))
    text = f"batches: {len(taken_in):,} taken in, {sum(b.answered or 0 for b in taken_in):,} answers for ${spent:,.4f}"
    if not out:
        return text
    requests, done = sum(batch.requests for batch in out), sum(batch.done or 0 for batch in out)
    reserved = sum(batch.reserved_usd for batch in out)
    return f"{text}; {len(out):,} out, {done:,} of {requests:,} requests answered, at most ${reserved:,.4f}"


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
