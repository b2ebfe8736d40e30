"""Which requests may be sent now: as many as the budget allows if each of them costs its worst.

Nothing is sent that is not reserved. Where the budget has room for every attempt of every request, all of that is
reserved. Otherwise one attempt each is, for as many as fit, and what needs more than that is sent again later.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.calls import PaidStage
from jobs.ledger.batch_table import not_in_batches, reserved_by_stage
from jobs.ledger.settle import spent_by_stage
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, REQUESTS, RESPONSES
from udfs.llm.failures import COUNTED
from udfs.llm.models import Endpoint
from udfs.llm.wave import EndpointKey
from udfs.llm.worst_cases import worst_cases

_FAILED = (*sorted(COUNTED), "lost")


@dataclass(frozen=True)
class StageRequests:
    """What a stage wants answered."""

    stage: PaidStage
    requests: DataFrame
    """Column request_id: rows of the stored table `requests`."""
    endpoints: Mapping[EndpointKey, Endpoint]
    names: Mapping[EndpointKey, str]
    """What each endpoint is called: the teacher's name, or `judge`."""


@dataclass(frozen=True)
class Backlog:
    """What is open, counted in one query."""

    counts: Mapping[EndpointKey, int]
    """Requests that may be sent."""
    exhausted: Mapping[EndpointKey, int]
    """Requests that have failed too often in this run."""
    attempts: int
    """Made for any of these; with the counts it tells whether a wave has changed anything."""
    one_usd: Mapping[EndpointKey, Decimal]
    """At worst, for the next attempt of each that may be sent."""
    all_usd: Mapping[EndpointKey, Decimal]
    """At worst, for all their attempts."""
    largest_tokens: Mapping[EndpointKey, int]
    """Prompt and answer of the largest."""

    @property
    def all_counts(self) -> dict[EndpointKey, int]:
        """Requests without an answer."""
        keys = sorted({*self.counts, *self.exhausted})
        return {key: self.counts.get(key, 0) + self.exhausted.get(key, 0) for key in keys}


@dataclass(frozen=True)
class Reserved:
    """What of the pending requests fits."""

    rows: DataFrame
    """Rows of `WAVE` without `task`."""
    is_all: bool


def pending_requests(requests: DataFrame, asked: DataFrame, responses: DataFrame) -> DataFrame:
    """Requests that are asked for and have no answer.

    Args:
        requests: rows of `REQUESTS`.
        asked: column request_id, of which some may be named twice.
        responses: rows of `RESPONSES`.

    Returns:
        Rows of `requests`.
    """
    open_ids = asked.select("request_id").join(responses.select("request_id"), "request_id", "left_anti")
    return requests.join(open_ids, "request_id", "left_semi")


def to_endpoints(requests: DataFrame, endpoints: Collection[EndpointKey]) -> DataFrame:
    """Those requests that go to one of these endpoints."""
    named = [F.lit(f"{provider}\n{model}") for provider, model in sorted(endpoints)]
    return requests.where(F.concat_ws("\n", "provider", "model").isin(*named) if named else F.lit(False))


def with_attempts(pending: DataFrame, attempts: DataFrame, since: datetime) -> DataFrame:
    """Add what the ledger knows of each request: attempts_before, was_cut, and `failed`, its failures since a time."""
    is_recent = F.col("sent_at") >= F.lit(since)
    known = attempts.groupBy("request_id").agg(
        F.count("*").cast("int").alias("attempts_before"),
        F.max(F.col("status") == "truncated").alias("was_cut"),
        F.count_if(F.col("status").isin(*_FAILED) & is_recent).alias("failed"),
    )
    nothing: dict[str, bool | float | int | str] = {"attempts_before": 0, "was_cut": False, "failed": 0}
    return pending.join(known, "request_id", "left").fillna(nothing)


def with_worst_case(pending: DataFrame, endpoints: Mapping[EndpointKey, Endpoint], attempts: int) -> DataFrame:
    """Add what the next attempt of each request costs at worst (`one_usd`), and all of them (`all_usd`)."""
    prices = {key: one.prices for key, one in endpoints.items()}
    return pending.withColumn("worst", worst_cases(prices, attempts)).select(*pending.columns, "worst.*")


def spent_and_reserved(runtime: Runtime) -> dict[str, Decimal]:
    """What each stage has paid, and what its batches that are out may still cost."""
    spent, reserved = spent_by_stage(runtime), reserved_by_stage(runtime)
    return {name: spent.get(name, Decimal(0)) + reserved.get(name, Decimal(0)) for name in {*spent, *reserved}}


def open_requests(runtime: Runtime, asked: StageRequests) -> DataFrame:
    """What has no answer and is in no batch that is out: rows of `REQUESTS`."""
    pending = pending_requests(runtime.read(REQUESTS), asked.requests, runtime.read_or_empty(RESPONSES))
    return to_endpoints(not_in_batches(runtime, pending), asked.endpoints)


def sendable_requests(runtime: Runtime, asked: StageRequests) -> DataFrame:
    """`open_requests` with what is known of each: the columns of `with_attempts` and `with_worst_case`."""
    attempts = runtime.read_or_empty(ATTEMPTS)
    known = with_attempts(open_requests(runtime, asked), attempts, runtime.started_at)
    return with_worst_case(known, asked.endpoints, runtime.settings.calls.attempts)


def count_by_endpoint(requests: DataFrame) -> dict[EndpointKey, int]:
    """Number the requests of each endpoint."""
    counted = requests.groupBy("provider", "model").count().collect()
    return {(row["provider"], row["model"]): row["count"] for row in counted}


def count_answered(runtime: Runtime, asked: StageRequests) -> dict[EndpointKey, int]:
    """Requests that are answered: whoever has answered before is not to blame for a rejection."""
    answered = runtime.read_or_empty(RESPONSES).where("status <> 'failed'")
    return count_by_endpoint(answered.join(asked.requests, "request_id", "left_semi"))


def measure_backlog(pending: DataFrame, attempts: int) -> Backlog:
    """Count what is open.

    Args:
        pending: with the columns of `with_attempts` and `with_worst_case`.
        attempts: after which a request is not sent again in this run.
    """
    tokens = F.max(F.col("prompt_tokens_bound") + F.greatest("max_tokens", "max_tokens_cap"))
    rows = (
        pending.groupBy("provider", "model", (F.col("failed") >= attempts).alias("is_exhausted"))
        .agg(
            F.count("*").alias("count"),
            F.sum("attempts_before").alias("attempts"),
            F.sum("one_usd").alias("one_usd"),
            F.sum("all_usd").alias("all_usd"),
            tokens.alias("tokens"),
        )
        .collect()
    )
    sendable = {(row["provider"], row["model"]): row for row in rows if not row["is_exhausted"]}
    return Backlog(
        counts={key: row["count"] for key, row in sendable.items()},
        exhausted={(row["provider"], row["model"]): row["count"] for row in rows if row["is_exhausted"]},
        attempts=sum(row["attempts"] for row in rows),
        one_usd={key: row["one_usd"] for key, row in sendable.items()},
        all_usd={key: row["all_usd"] for key, row in sendable.items()},
        largest_tokens={key: row["tokens"] for key, row in sendable.items()},
    )


def reserve(
    pending: DataFrame, found: Backlog, reachable: Collection[EndpointKey], left_usd: Decimal | None
) -> Reserved:
    """Take as many requests as fit.

    Args:
        pending: those that may be sent, with the columns of `with_attempts` and `with_worst_case`.
        found: the same, counted.
        reachable: endpoints that are called.
        left_usd: of the budget; null: no cap.
    """
    one_usd, all_usd = (
        sum((usd for key, usd in worst.items() if key in reachable), Decimal(0))
        for worst in (found.one_usd, found.all_usd)
    )
    if left_usd is None or all_usd <= left_usd:
        return Reserved(_reserved(pending, "all_usd"), True)
    if one_usd <= left_usd:
        return Reserved(_reserved(pending, "one_usd"), True)
    # By a hash of the id: no teacher and no category is served before another.
    order = Window.orderBy(F.xxhash64("request_id"), "request_id").rowsBetween(Window.unboundedPreceding, 0)
    summed = pending.select("request_id", F.sum("one_usd").over(order).alias("sum_usd"))
    fits = summed.where(F.col("sum_usd") <= F.lit(left_usd)).select("request_id")
    return Reserved(_reserved(pending.join(fits, "request_id", "left_semi"), "one_usd"), False)


def _reserved(rows: DataFrame, column: str) -> DataFrame:
    return rows.withColumn("reserved_usd", F.col(column)).drop("one_usd", "all_usd", "failed")
