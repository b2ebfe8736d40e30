"""Runs of batches in tests: a workspace, requests, a clock that does not wait, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from jobs.batches.run import BatchesResult, run_batches
from jobs.config.calls import BudgetConfig, Mode
from jobs.ledger.batch_table import reserved_by_stage
from jobs.ledger.reservations import StageRequests
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, REQUESTS, RESPONSES
from tests.support.demo import open_quietly
from tests.support.waves import endpoint, request
from udfs.llm.models import BatchApi, Endpoint, Prices
from udfs.llm.request import Request

PRICES = Prices(input_usd_per_mtok=Decimal("2.5"), output_usd_per_mtok=Decimal("10"), batch_discount=Decimal("0.5"))
KEY = ("test", "m")


@dataclass
class FakeClock:
    """Waiting costs nothing, and is written down."""

    at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


def batch_endpoint(base_url: str, **api: Any) -> Endpoint:
    return endpoint(base_url, prices=PRICES, batch=BatchApi(**{"shape": "openai", **api}))


def open_workspace(folder: Path, *overrides: str) -> Runtime:
    return open_quietly("demo", f"workspace={folder}", *overrides)


def write_requests(runtime: Runtime, requests: Sequence[Request]) -> None:
    names = REQUESTS.schema.names
    rows = [tuple(getattr(one, name) for name in names) for one in requests]
    runtime.replace(REQUESTS, runtime.spark.createDataFrame(rows, REQUESTS.schema))


def numbered(count: int, **changes: Any) -> list[Request]:
    return [request(f"t{number:04d}", **changes) for number in range(count)]


def reserved_usd(runtime: Runtime, stage: str | None = None) -> Decimal:
    """What the batches that are out may still cost, of one stage or in all."""
    reserved = reserved_by_stage(runtime)
    return sum(reserved.values(), Decimal(0)) if stage is None else reserved.get(stage, Decimal(0))


def run(
    runtime: Runtime,
    to: Endpoint,
    *,
    mode: Mode = "batch",
    cap: Decimal | None = None,
    clock: FakeClock | None = None,
    wait: bool = True,
) -> BatchesResult:
    """Ask all requests of the workspace, of one endpoint."""
    settings = runtime.settings.model_copy(update={"budget": BudgetConfig(run_usd=cap)})
    asked = StageRequests("distill", runtime.read(REQUESTS).select("request_id"), {to.key: to}, {to.key: to.model})
    capped = replace(runtime, settings=settings)
    return run_batches(capped, asked, {to.key: mode}, wait=wait, clock=clock or FakeClock())


def spent(runtime: Runtime) -> Decimal:
    rows = [row.cost_usd for row in runtime.read_or_empty(ATTEMPTS).collect()]
    return sum(rows, Decimal(0))


def responses(runtime: Runtime) -> dict[str, Any]:
    """Responses by request; fails where one has two."""
    rows = runtime.read_or_empty(RESPONSES).collect()
    found = {row.request_id: row for row in rows}
    assert len(found) == len(rows)
    return found


def attempts(runtime: Runtime) -> list[Any]:
    return runtime.read_or_empty(ATTEMPTS).orderBy("request_id", "attempt_no").collect()
