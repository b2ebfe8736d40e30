"""Batches in a line each, from the tables alone: for status and reports, which ask no provider."""

from collections.abc import Sequence
from decimal import Decimal

from jobs.ledger.batch_table import Batch, batches_of
from jobs.workspace.runtime import Runtime
from schemas.batches import FOLDED
from schemas.calls import ATTEMPTS

_PAID = """
select stage, mode, count(case when cost_basis = 'usage' then 1 end) as answers, sum(cost_usd) as usd
from {attempts} group by stage, mode order by stage, mode
"""


def batch_lines(runtime: Runtime) -> list[str]:
    """What went by batch and what online, of each stage, and the batches: lines for status and cost report.

    None where nothing ever went by batch.
    """
    batches = batches_of(runtime)
    if not batches:
        return []
    rows = runtime.query(_PAID, (ATTEMPTS,))
    told = [f"{row['stage']}, {row['mode']}: {row['answers']:,} paid answers, ${row['usd']:,.4f}" for row in rows]
    return [*told, batches_line(batches)]


def batches_line(batches: Sequence[Batch]) -> str:
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
