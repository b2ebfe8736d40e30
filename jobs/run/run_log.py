"""The table `runs`: what became of each stage in each run."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from jobs.workspace.fingerprint import versions
from jobs.workspace.queries import Answer
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import RUNS


@dataclass(frozen=True)
class StageRun:
    """What happened to one stage in this run."""

    stage: Stage
    status: str
    """done, up to date (nothing it depends on has changed), refused or failed."""
    report: StageReport
    started_at: datetime | None = None
    seconds: float = 0.0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)


_LATEST = """
with placed as (
    select
        *,
        sum(cost_usd) over (partition by stage) as paid_usd,
        row_number() over (partition by stage order by started_at desc) as place
    from {runs}
)
select * from placed where place = 1 order by started_at
"""


def latest_runs(runtime: Runtime) -> list[Answer]:
    """The last row of `runs` for each stage, in order of time; its `cost_usd` is that of all runs of the stage."""
    return [{**row, "cost_usd": row["paid_usd"]} for row in runtime.query(_LATEST)]


def record_stage(runtime: Runtime, outcome: StageRun, fingerprint: str, message: str) -> None:
    """Add what became of a stage."""
    row = {
        "run_id": runtime.run_id,
        "stage": outcome.stage.name,
        "status": outcome.status,
        "started_at": outcome.started_at,
        "seconds": outcome.seconds,
        "rows_in": outcome.report.rows_in,
        "rows_out": outcome.report.rows_out,
        "reasons": dict(outcome.report.reasons),
        "tokens": outcome.tokens,
        "cost_usd": outcome.cost_usd,
        "fingerprint": fingerprint,
        "versions": versions(),
        "message": message,
    }
    runtime.storage.append_rows(RUNS, [row])
