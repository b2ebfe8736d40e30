"""What the ledger says of each model: requests asked, answered and open, calls, tokens and cost. Only reads."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ASSIGNMENTS, RUNS
from udfs.llm.journal_reader import ANSWERED

_TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")
Key = tuple[str, str, str]
"""Stage, provider, model."""


@dataclass(frozen=True, kw_only=True)
class ModelLedger:
    """One model in one stage."""

    stage: str
    provider: str
    model: str
    answered: int = 0
    """Of the current requests, those with a whole answer."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """Of the current requests, those that ended otherwise, by state."""
    pending: int = 0
    """Of the current requests, those that have not ended."""
    calls: int = 0
    """Of this and any earlier configuration, as all that follows."""
    faults: Mapping[str, int] = field(default_factory=dict)
    """Calls that brought no answer, by how they ended."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    assumed_usd: Decimal = Decimal(0)
    """Of the cost, what is not known and was charged at worst."""

    @property
    def ended(self) -> int:
        """Current requests that have ended."""
        return self.answered + sum(self.failed.values())

    @property
    def tokens(self) -> int:
        """Billed, as far as the provider has said."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class CallLedger:
    """All models, by stage and name."""

    models: tuple[ModelLedger, ...] = ()

    def of(self, stage: str) -> tuple[ModelLedger, ...]:
        """Those of one stage."""
        return tuple(one for one in self.models if one.stage == stage)

    def spent_usd(self, stage: str | None = None) -> Decimal:
        """What was paid, by one stage or in all."""
        return sum((one.cost_usd for one in self.models if stage in (None, one.stage)), Decimal(0))

    def assumed_usd(self) -> Decimal:
        """Of all that was paid, what was charged at worst because nobody knows."""
        return sum((one.assumed_usd for one in self.models), Decimal(0))


def cost_of_calls(attempts: DataFrame) -> DataFrame:
    """Add up calls.

    Args:
        attempts: rows of `ATTEMPTS`.

    Returns:
        One row for each stage, provider, model and `fault` (how calls without an answer ended; null: it was answered),
        with calls, tokens, cost_usd and assumed_usd.
    """
    fault = F.when(~F.col("status").isin(*ANSWERED), F.col("status"))
    tokens = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in _TOKENS]
    assumed = F.when(F.col("cost_basis") == "assumed", F.col("cost_usd")).otherwise(0).cast("decimal(38,12)")
    return attempts.groupBy("stage", "provider", "model", fault.alias("fault")).agg(
        F.count("*").alias("calls"), *tokens, F.sum("cost_usd").alias("cost_usd"), F.sum(assumed).alias("assumed_usd")
    )


def count_requests(current: DataFrame, requests: DataFrame, responses: DataFrame) -> DataFrame:
    """Count requests by how they ended.

    Args:
        current: columns stage and request_id; some may be named twice.
        requests: rows of `REQUESTS`.
        responses: rows of `RESPONSES`.

    Returns:
        One row for each stage, provider, model and status (null: it has not ended), with `count`.
    """
    named = current.distinct().join(requests.select("request_id", "provider", "model"), "request_id")
    ended = named.join(responses.select("request_id", "status"), "request_id", "left")
    return ended.groupBy("stage", "provider", "model", "status").count()


def current_requests(assignments: DataFrame, judgements: DataFrame) -> DataFrame:
    """The requests that the tables ask for now: columns stage and request_id."""
    answers = assignments.where("request_id is not null").select("stage", "request_id")
    return answers.unionByName(judgements.select(F.lit("score").alias("stage"), "request_id"))


def read_call_ledger(runtime: Runtime) -> CallLedger:
    """Read the tables of the paid calls; nothing was asked where they are not there."""
    if not runtime.storage.exists(REQUESTS) and not runtime.storage.exists(ATTEMPTS):
        return CallLedger()
    current = current_requests(runtime.read_or_empty(ASSIGNMENTS), runtime.read_or_empty(JUDGEMENTS))
    counts = count_requests(current, runtime.read_or_empty(REQUESTS), runtime.read_or_empty(RESPONSES))
    ended: dict[Key, dict[str | None, int]] = defaultdict(dict)
    for row in counts.collect():
        ended[row["stage"], row["provider"], row["model"]][row["status"]] = row["count"]
    costs: dict[Key, list[Row]] = defaultdict(list)
    for row in cost_of_calls(runtime.read_or_empty(ATTEMPTS)).collect():
        costs[row["stage"], row["provider"], row["model"]].append(row)
    return CallLedger(tuple(_model(key, ended[key], costs[key]) for key in sorted({*ended, *costs})))


def unrecorded(runtime: Runtime, stage: str) -> tuple[int, Decimal]:
    """Tokens and cost of a stage that no row of `runs` has told of yet.

    So the rows of a stage add up to the ledger, although what a run that died has paid comes into it later.
    """
    if not runtime.storage.exists(ATTEMPTS):
        return 0, Decimal(0)
    tokens = F.coalesce("prompt_tokens", F.lit(0)) + F.coalesce("completion_tokens", F.lit(0))
    paid = runtime.read(ATTEMPTS).select("stage", tokens.alias("tokens"), "cost_usd")
    told = runtime.read_or_empty(RUNS).select("stage", (-F.col("tokens")).alias("tokens"), -F.col("cost_usd"))
    row = paid.union(told).where(F.col("stage") == stage).agg(F.sum("tokens"), F.sum("cost_usd")).first()
    return (int(row[0] or 0), row[1] or Decimal(0)) if row else (0, Decimal(0))


def _model(key: Key, ended: Mapping[str | None, int], costs: list[Row]) -> ModelLedger:
    failed = {str(status): count for status, count in ended.items() if status not in (None, "answered")}
    faults = {row["fault"]: row["calls"] for row in costs if row["fault"] is not None}
    return ModelLedger(
        stage=key[0],
        provider=key[1],
        model=key[2],
        answered=ended.get("answered", 0),
        failed=dict(sorted(failed.items())),
        pending=ended.get(None, 0),
        faults=dict(sorted(faults.items())),
        calls=sum(row["calls"] for row in costs),
        prompt_tokens=sum(row["prompt_tokens"] for row in costs),
        cached_tokens=sum(row["cached_tokens"] for row in costs),
        completion_tokens=sum(row["completion_tokens"] for row in costs),
        cost_usd=sum((row["cost_usd"] for row in costs), Decimal(0)),
        assumed_usd=sum((row["assumed_usd"] for row in costs), Decimal(0)),
    )
