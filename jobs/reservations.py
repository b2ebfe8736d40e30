"""Which requests may be sent now: as many as the budget allows if each of them costs its worst.

Nothing is sent that is not reserved. Where the budget has room for every attempt of every request, all of that is
reserved. Otherwise one attempt each is, for as many as fit, and what needs more than that is sent again later.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType, StructField, StructType

from udfs.llm.cost import worst_case
from udfs.llm.models import Endpoint
from udfs.llm.wave import EndpointKey

_FAILED = ("transient", "lost")
_USD = DecimalType(38, 12)
_WORST = StructType([StructField("one_usd", _USD), StructField("all_usd", _USD)])


@dataclass(frozen=True)
class Reserved:
    """What of the pending requests fits."""

    rows: DataFrame
    """Rows of `WAVE` without `task`."""
    is_all: bool


def pending_requests(
    requests: DataFrame, asked: DataFrame, responses: DataFrame, endpoints: Collection[EndpointKey]
) -> DataFrame:
    """Requests that are asked for and have no answer.

    Args:
        requests: rows of `REQUESTS`.
        asked: column request_id, of which some may be named twice.
        responses: rows of `RESPONSES`.
        endpoints: those that can be called.

    Returns:
        Rows of `requests`.
    """
    named = [F.lit(f"{provider}\n{model}") for provider, model in sorted(endpoints)] or [F.lit("")]
    return (
        requests.join(asked.select("request_id"), "request_id", "left_semi")
        .join(responses.select("request_id"), "request_id", "left_anti")
        .where(F.concat_ws("\n", "provider", "model").isin(*named))
    )


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
    worst = F.udf(_worst_of({key: one.prices for key, one in endpoints.items()}, attempts), _WORST, useArrow=False)
    columns = ("provider", "model", "prompt_tokens_bound", "max_tokens", "max_tokens_cap", "was_cut")
    return pending.withColumn("worst", worst(*columns)).select(*pending.columns, "worst.*")


def _worst_of(prices: Mapping[EndpointKey, object], attempts: int) -> Callable[..., tuple[Decimal, Decimal]]:
    def worst(
        provider: str, model: str, bound: int, max_tokens: int, cap: int, was_cut: bool
    ) -> tuple[Decimal, Decimal]:
        of, longest = prices[provider, model], max(max_tokens, cap)
        most = worst_case(bound, longest, of)  # type: ignore[arg-type]
        return most if was_cut else worst_case(bound, max_tokens, of), attempts * most  # type: ignore[arg-type]

    return worst


def reserve(pending: DataFrame, left_usd: Decimal | None) -> Reserved:
    """Take as many requests as fit.

    Args:
        pending: with the columns of `with_attempts` and `with_worst_case`.
        left_usd: of the budget; null: no cap.
    """
    total = pending.agg(F.sum("one_usd"), F.sum("all_usd")).first()
    one_usd, all_usd = (total[0] or Decimal(0), total[1] or Decimal(0)) if total else (Decimal(0), Decimal(0))
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
