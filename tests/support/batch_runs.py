"""Runs of batches in tests: a workspace, requests, a clock that does not wait, and what came of it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from jobs.batches.run import BatchRun, run_batches
from jobs.ledger.batch_table import reserved_by_stage
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


def pending(runtime: Runtime) -> DataFrame:
    rows = runtime.read(REQUESTS)
    return rows.join(runtime.read_or_empty(RESPONSES).select("request_id"), "request_id", "left_anti")


def reserved_usd(runtime: Runtime, stage: str | None = None) -> Decimal:
    """What the batches that are out may still cost, of one stage or in all."""
    reserved = reserved_by_stage(runtime)
    return sum(reserved.values(), Decimal(0)) if stage is None else reserved.get(stage, Decimal(0))


def run(
    runtime: Runtime,
    to: Endpoint,
    *,
    mode: str = "batch",
    cap: Decimal | None = None,
    clock: FakeClock | None = None,
    wait: bool = True,
    environment: Mapping[str, str] = os.environ,
) -> BatchRun:
    """Ask all requests of the workspace, of one endpoint."""

    def left() -> Decimal | None:
        return None if cap is None else cap - spent(runtime) - reserved_usd(runtime)

    return run_batches(
        runtime,
        "distill",
        lambda: pending(runtime),
        {to.key: mode},  # type: ignore[dict-item]
        {to.key: to},
        left,
        wait=wait,
        environment=environment,
        clock=clock or FakeClock(),
    )


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
