"""The table `runs`: what became of each stage in each run."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pyspark.sql import Row, Window
from pyspark.sql import functions as F

from jobs.workspace.fingerprint import versions
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import RUNS
from udfs.column_functions import first_rows


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


def latest_runs(runtime: Runtime) -> list[Row]:
    """The last row of `runs` for each stage, in order of time; its `cost_usd` is that of all runs of the stage."""
    runs_of_stage = Window.partitionBy("stage")
    rows = runtime.read(RUNS).withColumn("cost_usd", F.sum("cost_usd").over(runs_of_stage))
    return first_rows(rows, runs_of_stage.orderBy(F.desc("started_at"))).orderBy("started_at").collect()


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
    runtime.storage.append(RUNS, runtime.spark.createDataFrame([row], RUNS.schema))
