"""What paid calls may cost, and how they are made: online, and by the Batch API."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from pydantic import Field, model_validator

from jobs.config.section import Section, Share, without_faults

Mode = Literal["online", "batch", "auto"]
PaidStage = Literal["distill", "score"]
PAID_STAGES: tuple[PaidStage, ...] = get_args(PaidStage)


class BatchesConfig(Section):
    """When requests go by batches, and how these are waited for; what a provider allows is in `conf/providers.yaml`."""

    deadline_hours: float = Field(
        48.0, gt=0, description="mode auto: no batch is created that may end so many hours after the run began"
    )
    min_requests: int = Field(1_000, ge=1, description="mode auto: fewer pending requests of a model are asked online")
    poll_seconds: float = Field(60.0, gt=0, description="between the first looks at batches that have not ended")
    longest_poll_seconds: float = Field(600.0, gt=0, description="between later ones")
    create_wait_seconds: float = Field(
        120.0, ge=0, description="a batch whose creation got no answer is looked for once more after so long"
    )
    wait: bool = Field(True, description="false, as --no-wait: leave while batches are out; a later run takes them in")


@dataclass(frozen=True)
class Cap:
    """One cap of the budget, and what of it is used."""

    name: str
    """As the configuration spells it: `run_usd`."""
    stage: PaidStage | None
    """Whose it is; null: of all paid calls together."""
    limit: Decimal
    used: Decimal

    @property
    def left(self) -> Decimal:
        """Below zero where more is used than may be."""
        return self.limit - self.used


class BudgetConfig(Section):
    """Hard caps in US dollars; the worst case of a call is reserved before it is sent.

    All that asks what may still be spent asks here: before a wave, before a batch, before the yes of the user, and
    in what plans and reports say.
    """

    run_usd: Decimal | None = Field(
        None, ge=0, description="all paid calls of the workspace; required with priced models"
    )
    distill_usd: Decimal | None = Field(None, ge=0, description="of these the teachers")
    score_usd: Decimal | None = Field(None, ge=0, description="of these the judge")

    @model_validator(mode="after")
    def _parts_fit_the_whole(self) -> "BudgetConfig":
        parts = {"distill_usd": self.distill_usd, "score_usd": self.score_usd}
        over = [
            name for name, cap in parts.items() if cap is not None and self.run_usd is not None and cap > self.run_usd
        ]
        return without_faults(self, [f"{name} {parts[name]} is above run_usd {self.run_usd}" for name in over])

    def caps(self, used: Mapping[str, Decimal]) -> tuple[Cap, ...]:
        """The caps that are set, that of the run first.

        Args:
            used: stage -> dollars; all of them count against the run's cap, whatever they are called.
        """
        limits: tuple[tuple[PaidStage | None, Decimal | None], ...] = (
            (None, self.run_usd),
            ("distill", self.distill_usd),
            ("score", self.score_usd),
        )
        return tuple(
            Cap(f"{stage or 'run'}_usd", stage, limit, _used(used, stage))
            for stage, limit in limits
            if limit is not None
        )

    def tightest(self, stage: PaidStage, used: Mapping[str, Decimal]) -> Cap | None:
        """The cap that leaves a stage the least: its own, or the run's; null: there is neither."""
        return min(
            (cap for cap in self.caps(used) if cap.stage in (None, stage)), key=lambda cap: cap.left, default=None
        )

    def left(self, stage: PaidStage, used: Mapping[str, Decimal]) -> Decimal | None:
        """Dollars that may still be spent on a stage; null: no cap. Arguments as for `caps`."""
        cap = self.tightest(stage, used)
        return None if cap is None else max(Decimal(0), cap.left)

    def left_in_all(self, used: Mapping[str, Decimal]) -> Decimal | None:
        """Dollars that may still be spent on all stages together; null: no cap. Arguments as for `caps`."""
        lefts = [self.left(stage, used) for stage in PAID_STAGES]
        known = [left for left in lefts if left is not None]
        if len(known) < len(lefts):
            return None
        run = [max(Decimal(0), cap.left) for cap in self.caps(used) if cap.stage is None]
        return min([sum(known, Decimal(0)), *run])


def _used(used: Mapping[str, Decimal], stage: PaidStage | None) -> Decimal:
    return sum((usd for name, usd in used.items() if stage in (None, name)), Decimal(0))


class CallsConfig(Section):
    """How calls are made."""

    runner: Literal["executors", "driver"] = Field(
        "executors", description="where calls leave from; driver: UDFs have no internet, as on serverless Databricks"
    )
    concurrency: int | None = Field(
        None, ge=1, le=10_000, description="calls in flight to one model; null: what providers.yaml says"
    )
    attempts: int = Field(4, ge=1, le=20, description="tries of one request that may be billed")
    timeout_seconds: float = Field(120.0, ge=0.1, description="of one call")
    max_wait_seconds: float = Field(
        600.0, ge=0, description="a provider that asks to wait longer ends the run, resumable"
    )
    tasks: int | None = Field(
        None, ge=1, le=10_000, description="Spark tasks that call at once; null: what the session has room for"
    )
    grace_seconds: float = Field(30.0, ge=0, description="given to calls in flight when a run is stopped")
    lease_seconds: float = Field(
        30.0, ge=2, description="after which the workspace of a run that died is free, and its calls have ended"
    )
    max_unanswered_share: Share = Field(
        0.01, description="of the requests: so many may stay without any answer after all attempts; above it exit 3"
    )
    max_failed_share: Share = Field(
        0.5, description="of a stage's requests: so many may end without a whole answer; above it exit 3"
    )
    paid_answers: Literal["refuse", "keep", "rebuy"] = Field(
        "refuse", description="when a changed configuration no longer matches answers that are paid"
    )
    batch: BatchesConfig = BatchesConfig()
