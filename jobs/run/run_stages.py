"""Runs stages in order: each validated, each skipped when nothing it depends on has changed. Knows no stage."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from functools import partial

from jobs.budget.approval import Approval, Approve
from jobs.ledger.usage import unrecorded
from jobs.models.preflight import keys_not_set
from jobs.rendering.money import cents
from jobs.run.leased import leased
from jobs.run.run_log import StageRun, latest_runs, record_stage
from jobs.validation.validate import docs_root, load_library, validate_stage
from jobs.workspace.fingerprint import stage_fingerprint
from jobs.workspace.machine_errors import root_cause
from jobs.workspace.queries import Answer
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.errors import DataRefusedError, Phase0Error, StoppedError
from schemas.tables import RUNS, Table


def run_stages(
    runtime: Runtime, stages: Sequence[Stage], *, force: bool = False, approve: Approve | None = None
) -> list[StageRun]:
    """Run stages in order, each with its gate.

    The tables of a stage are validated while the next one runs; that one is not finished, and nothing is
    exported, before the gate is known to be open.

    Sources that are not here yet are downloaded before the first stage, unless offline.

    Args:
        runtime: the run.
        stages: in order.
        force: run stages again that are up to date.
        approve: called once, before the first stage that asks a model and is not up to date; null: `Approval()`,
            which shows the plan, refuses one that is over the budget, and asks where there is a terminal.

    Raises:
        WorkspaceBusyError: another run is at work here; nothing has run.
        DataRefusedError: a gate failed; what was done until then is kept, and the run can go on from there.
        StoppedError: budget, provider or Ctrl-C ended the paid calls; as above.
    """
    with leased(runtime) as held:
        return _run_leased(held, stages, force=force, approve=approve or Approval())


def _run_leased(runtime: Runtime, stages: Sequence[Stage], *, force: bool, approve: Approve) -> list[StageRun]:
    for stage in stages:
        stage.prepare(runtime)
    if any(stage.pays(runtime.settings) for stage in stages):
        for key in keys_not_set(runtime.settings, os.environ):  # now, and not after an hour of the stages before
            runtime.progress.line(f"{key} is not set; it is needed once a model is to be asked", style="yellow")
    results: list[StageRun] = []
    is_approved = False
    last = {row["stage"]: row for row in latest_runs(runtime)} if runtime.storage.exists(RUNS) else {}
    fingerprints = {name: row["fingerprint"] for name, row in last.items()}
    with ThreadPoolExecutor(max_workers=1) as validator:
        gate: Callable[[], None] = _open_gate
        for stage in stages:
            fingerprint = stage_fingerprint(runtime, stage, fingerprints.get(stage.after or "", ""))
            fingerprints[stage.name] = fingerprint
            # What is made anew is published anew, although it is the same: the manifest names versions of tables.
            is_fresh = any(result.status == "done" for result in results)
            done = None if force or is_fresh else _finished(runtime, stage, fingerprint, last.get(stage.name))
            if done is not None:
                runtime.progress.line(f"{stage.name:<20} up to date", style="dim")
                results.append(StageRun(stage, "up to date", done))
            else:
                must_be_approved = not is_approved and stage.pays(runtime.settings)
                if not stage.writes or must_be_approved:  # it publishes, or pays
                    gate()
                    gate = _open_gate
                if must_be_approved:
                    approve(runtime)
                    is_approved = True
                finished = run_stage(runtime, stage, fingerprint)
                gate()
                failures = validator.submit(validate_stage, runtime, _tables_to_check(runtime, stage))
                gate = partial(_settle, runtime, finished, fingerprint, failures)
                results.append(finished)
        gate()
    return results


def _tables_to_check(runtime: Runtime, stage: Stage) -> tuple[Table, ...]:
    added = stage.adds_to if stage.pays(runtime.settings) else ()
    return (*stage.writes, *added, *(table for table in stage.given if runtime.storage.exists(table)))


def _open_gate() -> None:
    """The gate of a stage that had nothing to do."""


def run_stage(runtime: Runtime, stage: Stage, fingerprint: str) -> StageRun:
    """Run one stage, without its validation; a failure is recorded in `runs`.

    Raises:
        DataRefusedError: the stage refused the data.
    """
    started, clock = datetime.now(timezone.utc), time.monotonic()
    try:
        with runtime.progress.stage(stage.name, stage.title):
            _start(runtime)
            report = stage.run(runtime)
    except Exception as error:
        ends: dict[type[Exception], str] = {DataRefusedError: "refused", StoppedError: "stopped"}
        status = ends.get(type(error), "failed")
        seconds = time.monotonic() - clock
        message = str(error) if isinstance(error, Phase0Error) else root_cause(str(error))
        # The disk may be full, or Java gone: the first error is the one to tell.
        with suppress(Exception):
            outcome = StageRun(stage, status, StageReport(0, 0), started, seconds, *_paid(runtime, stage))
            record_stage(runtime, outcome, fingerprint, message)
        raise
    seconds = time.monotonic() - clock
    tokens, cost = _paid(runtime, stage)
    price = f"  {cents(cost)}" if cost else ""
    runtime.progress.line(f"{report.rows_in:>9,} in {report.rows_out:>9,} out{price}")
    for warning in report.warnings:
        runtime.progress.warn(warning)
    return StageRun(stage, "done", report, started, seconds, tokens, cost)


def _start(runtime: Runtime) -> None:
    """Start Spark, where it is not on, and load meanwhile what validation needs.

    Not later, beside a stage: two threads that import what imports each other can wait for one another.
    """
    with ThreadPoolExecutor(max_workers=1) as other:
        other.submit(load_library)
        runtime.spark  # noqa: B018 - to look at it starts it


def _paid(runtime: Runtime, stage: Stage) -> tuple[int, Decimal]:
    return unrecorded(runtime, stage.name) if stage.asks_models else (0, Decimal(0))


def _settle(runtime: Runtime, finished: StageRun, fingerprint: str, failures: Future[list[str]]) -> None:
    """Wait for the validation of a stage, record the stage, and stop where a critical expectation failed."""
    failed = failures.result()
    stage = finished.stage
    outcome = replace(finished, status="refused" if failed else "done")
    record_stage(runtime, outcome, fingerprint, "; ".join([*failed, *finished.report.warnings]))
    if failed:
        raise DataRefusedError(
            f"{stage.name}: {len(failed)} critical expectations failed:\n"
            + "\n".join(f"  {name}" for name in failed)
            + f"\nThe data docs name the rows: {docs_root(runtime.settings.workspace)}/data_docs/index.html"
        )


def _finished(runtime: Runtime, stage: Stage, fingerprint: str, last: Answer | None) -> StageReport | None:
    """The report of the last run of this stage, if it was this very work and its tables are there.

    Raises:
        DamagedTableError: they are there, but not as they were written.
    """
    if last is None or last["status"] != "done" or last["fingerprint"] != fingerprint:
        return None
    if not all(runtime.storage.exists(table) for table in stage.writes):
        return None
    # Nobody may read them again: the stages after it may be up to date too.
    runtime.storage.require_all_whole((*stage.writes, *stage.adds_to, *stage.given))
    return StageReport(last["rows_in"], last["rows_out"], dict(last["reasons"]))
