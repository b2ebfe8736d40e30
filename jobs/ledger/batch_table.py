"""The table `batches`: what is out, in which state, and what it may still cost. Each change is one Delta commit."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal

from pyspark.sql import DataFrame

from jobs.workspace.runtime import Runtime
from schemas.batches import BATCH_ITEMS, BATCHES, FOLDED
from udfs.llm.wave import EndpointKey

_MOST_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A row of `BATCHES`; the table says what its columns are."""

    batch_key: str
    stage: str
    provider: str
    model: str
    state: str
    requests: int
    file_bytes: int
    prompt_tokens: int
    reserved_usd: Decimal
    intent_at: datetime
    input_file_id: str | None = None
    batch_id: str | None = None
    created_at: datetime | None = None
    provider_state: str | None = None
    done: int | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    error: str | None = None
    ended_at: datetime | None = None
    answered: int | None = None
    cost_usd: Decimal | None = None
    note: str | None = None

    @property
    def endpoint_key(self) -> EndpointKey:
        """Provider and model."""
        return self.provider, self.model


def batches_of(runtime: Runtime, *, is_out: bool | None = None) -> list[Batch]:
    """The batches of the workspace, in the order of their intents.

    Args:
        runtime: of the workspace.
        is_out: only those that are not folded in yet; null: all.
    """
    rows = runtime.query("select * from {batches} order by intent_at, batch_key", (BATCHES,))
    names = {field.name for field in fields(Batch)}
    batches = [Batch(**{name: value for name, value in row.items() if name in names}) for row in rows]
    return [batch for batch in batches if is_out is None or is_out == (batch.state != FOLDED)]


def write_batches(runtime: Runtime, batches: Iterable[Batch]) -> None:
    """Add batches to the table, or put them in the place of what it says about them; one commit for all."""
    written = list(batches)
    if not written:
        return
    keys = ", ".join(f"'{batch.batch_key}'" for batch in written)
    runtime.storage.replace_rows(BATCHES, [asdict(batch) for batch in written], f"batch_key IN ({keys})")


def reserved_by_stage(runtime: Runtime) -> dict[str, Decimal]:
    """What the batches of each stage that are out may still cost; it is off the budget."""
    reserved = dict[str, Decimal]()
    for batch in batches_of(runtime, is_out=True):
        reserved[batch.stage] = reserved.get(batch.stage, Decimal(0)) + batch.reserved_usd
    return reserved


def not_in_batches(runtime: Runtime, requests: DataFrame) -> DataFrame:
    """The requests that are in no batch that is out; see `without_members`."""
    if not runtime.storage.exists(BATCHES):
        return requests
    from jobs.ledger.batch_rows import without_members  # loads the client of the providers

    return without_members(requests, runtime.read(BATCHES), runtime.read_or_empty(BATCH_ITEMS))


class BatchWrites:
    """Changes on their way to the table: written together, but none later than some seconds after the first."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._changed, self._since = runtime, dict[str, Batch](), 0.0

    def add(self, batch: Batch) -> None:
        """Note a change."""
        if not self._changed:
            self._since = time.monotonic()
        self._changed[batch.batch_key] = batch
        if time.monotonic() - self._since > _MOST_SECONDS:
            self.write()

    def write(self) -> None:
        """Write what is noted."""
        write_batches(self._runtime, self._changed.values())
        self._changed.clear()
