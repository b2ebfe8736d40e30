"""Waves of paid calls: reserve, call, settle, until all that is asked for is answered or something stops it.

This is the only place that calls models in numbers. Nothing is computed from what the calls return: the journal they
leave is settled into the ledger, and everything reads the ledger (see `udfs.llm.map_calls`).
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.calls import BudgetConfig, PaidStage
from jobs.ledger.reservations import (
    Backlog,
    StageRequests,
    count_answered,
    count_by_endpoint,
    measure_backlog,
    reserve,
    sendable_requests,
    spent_and_reserved,
    to_endpoints,
)
from jobs.ledger.settle import recent_sends, settle_wave, wave_name
from jobs.online.panel import WaveWatch, watch_calls
from jobs.online.task_slots import task_slots, tasks_of, with_task
from jobs.workspace import files
from jobs.workspace.lease import Lease
from jobs.workspace.runtime import Runtime
from jobs.workspace.stopping import is_stopped, stop_file, stop_on_signal
from schemas.calls import OUTCOMES
from schemas.errors import EnvironmentSetupError, StoppedError
from udfs.llm.journal import journal_folder
from udfs.llm.map_calls import drive_calls, map_calls, request_of
from udfs.llm.models import Endpoint
from udfs.llm.retries import RetryPolicy
from udfs.llm.wave import EndpointKey, WaveContext

Outcomes = Counter[tuple[EndpointKey, str, str]]
# Of a wave that the budget does not let be whole: requests, share of what is pending, and of what this run has sent.
_USEFUL_REQUESTS, _USEFUL_SHARE, _USEFUL_GROWTH = 10, 0.25, 0.005
_OF_THE_ENDPOINT = ("billing", "auth", "not_found", "rejected", "unavailable", "over_bound", "unexpected", "max_wait")


@dataclass
class CallsResult:
    """How the waves ended, once nothing more can be called."""

    down: dict[EndpointKey, tuple[str, str]] = field(default_factory=dict)
    """Endpoints that were given up: why, and what they said."""
    errors: dict[EndpointKey, str] = field(default_factory=dict)
    """What was last said to requests that failed too often."""
    open: Mapping[EndpointKey, int] = field(default_factory=dict)
    """Requests without an answer."""


@dataclass
class _Wave:
    """What is known when a wave begins."""

    number: int
    rows: DataFrame
    sent: Mapping[EndpointKey, int]
    found: Backlog
    spent: Mapping[str, Decimal]


def call_all(runtime: Runtime, asked: StageRequests) -> CallsResult:
    """Answer requests until none is left that can be.

    Requests of endpoints that were given up, and those that failed too often in this run, stay open; the caller
    decides what that means.

    Raises:
        StoppedError: the budget is spent, or somebody asked to stop; all that was paid is in the ledger.
        EnvironmentSetupError: the session would run tasks twice.
    """
    _refuse_speculation(runtime)
    outcomes: Outcomes = Counter()
    ended, attempts = CallsResult(), runtime.settings.calls.attempts
    before: tuple[int, int] | None = None
    number = sent_before = 0
    while True:
        number += 1
        pending = sendable_requests(runtime, asked)
        found = measure_backlog(pending, attempts)
        ended.open = found.all_counts
        reachable = [key for key in found.counts if key not in ended.down]
        if not reachable:
            return ended
        now = sum(ended.open.values()), found.attempts
        if now == before:
            raise StoppedError(f"{asked.stage}: no request of the last wave could be sent ({_reasons(outcomes)})")
        before, spent = now, spent_and_reserved(runtime)
        sendable = to_endpoints(pending.where(F.col("failed") < attempts), reachable)
        fits = reserve(sendable, found, reachable, runtime.settings.budget.left(asked.stage, spent))
        rows = runtime.storage.materialise(fits.rows, f"wave-{asked.stage}")
        sent = {key: found.counts[key] for key in reachable} if fits.is_all else count_by_endpoint(rows)
        count, pending_count = sum(sent.values()), sum(found.counts[key] for key in reachable)
        if not count or (number > 1 and not is_worth_a_wave(count, pending_count, sent_before)):
            raise budget_spent(runtime.settings.budget, asked.stage, spent, count, pending_count)
        outcomes = _run_wave(runtime, asked, _Wave(number, rows, sent, found, spent))
        sent_before += count
        _note(ended, outcomes)
        if is_stopped(runtime.settings.workspace):
            raise StoppedError("stopped, and all that was paid is kept; the same command goes on from there")


def is_worth_a_wave(count: int, pending: int, sent_before: int) -> bool:
    """Whether so many of the requests that are pending are worth the seconds that a wave takes.

    Where the budget does not last for all, each wave pays for a part of what the one before has left over, down to
    single requests: the last 2 cents of a run were once 15 waves. The first
    wave of a run is always made.

    Args:
        count: requests that the rest of the budget is sure to pay for.
        pending: requests that are open.
        sent_before: by this run.
    """
    adds = count >= _USEFUL_REQUESTS and count >= _USEFUL_GROWTH * sent_before
    return adds or count >= _USEFUL_SHARE * pending


def _run_wave(runtime: Runtime, asked: StageRequests, wave: _Wave) -> Outcomes:
    """Call one wave and settle it.

    Returns:
        (endpoint, reason, what was said) -> requests that were handed back.
    """
    settings, lease = runtime.settings, runtime.lease
    if lease is None:
        raise StoppedError("paid calls need the lease of the workspace; run them through the pipeline")
    lease.check()
    name = wave_name(asked.stage, lease.epoch, wave.number)
    done = count_answered(runtime, asked)
    context = _context(runtime, asked, wave, lease, name, frozenset(done))
    watch = WaveWatch(
        stage=asked.stage,
        names=asked.names,
        waiting=wave.sent,
        done_before=done,
        pending={key: total - wave.sent.get(key, 0) for key, total in wave.found.all_counts.items()},
        limits={one.key: one.limits for one in context.endpoints},
        spent_usd=sum(wave.spent.values(), Decimal(0)),
        cap_usd=settings.budget.run_usd,
        journal=context.journal,
    )
    try:
        with (
            stop_on_signal(settings.workspace, runtime.progress.line),
            watch_calls(runtime.progress, settings.workspace, watch, run_id=runtime.run_id),
        ):
            is_here = settings.calls.runner == "driver"
            returned = _drive(wave.rows, context) if is_here else _map(runtime, wave.rows, context)
    except BaseException:
        # Workers may go on for a while. The next run settles this journal, once the lease and their time are over.
        lease.abandon()
        raise
    settle_wave(runtime, name)
    files.remove_folder(files.join(runtime.storage.scratch, f"wave-{asked.stage}"))
    return returned


def _context(
    runtime: Runtime, asked: StageRequests, wave: _Wave, lease: Lease, name: str, proven: frozenset[EndpointKey]
) -> WaveContext:
    calls, workspace = runtime.settings.calls, runtime.settings.workspace
    called = tuple(one for key, one in asked.endpoints.items() if key in wave.sent)
    tasks: Mapping[EndpointKey, tuple[int, ...]] = {}
    if calls.runner == "executors":
        tasks = tasks_of(called, task_slots(runtime.spark, calls.tasks), wave.found.largest_tokens)
    return WaveContext(
        journal=journal_folder(workspace, name),
        endpoints=called,
        tasks=tasks,
        sends=recent_sends(runtime, called, time.time()),
        proven=proven,
        retries=RetryPolicy(max_attempts=calls.attempts, max_wait_seconds=calls.max_wait_seconds),
        lease_file=lease.file,
        epoch=lease.epoch,
        stop_file=stop_file(workspace),
        grace_seconds=calls.grace_seconds,
        keys=_keys(called),
    )


def _map(runtime: Runtime, wave: DataFrame, context: WaveContext) -> Outcomes:
    # Written by the tasks that call: were outcomes shuffled, Spark might make the calls of a lost task again.
    outcomes = map_calls(with_task(wave, context.tasks), context)
    name = f"outcomes-{context.epoch}"
    stored = runtime.storage.materialise(OUTCOMES.select_from(outcomes), name)
    handed_back = stored.where("reason is not null").groupBy("provider", "model", "reason")
    rows = handed_back.agg(F.count("*").alias("count"), F.max("error").alias("error")).collect()
    files.remove_folder(files.join(runtime.storage.scratch, name))
    return Counter({((row["provider"], row["model"]), row["reason"], row["error"] or ""): row["count"] for row in rows})


def _drive(wave: DataFrame, context: WaveContext) -> Outcomes:
    handed_back: Outcomes = Counter()
    said: dict[tuple[EndpointKey, str], str] = {}
    for outcome in drive_calls((request_of(row) for row in wave.toLocalIterator(prefetchPartitions=True)), context):
        if outcome.reason is not None:
            key = (outcome.provider, outcome.model)
            text = said.setdefault((key, outcome.reason), outcome.error or "")
            handed_back[key, outcome.reason, text] += 1
    return handed_back


def _note(ended: CallsResult, outcomes: Outcomes) -> None:
    for key, reason, said in outcomes:
        if reason in _OF_THE_ENDPOINT:
            ended.down.setdefault(key, (reason, said))
        elif reason == "attempts_exhausted":
            ended.errors[key] = said


def _reasons(outcomes: Outcomes) -> str:
    return "; ".join(f"{model}: {reason} {said}".strip() for (_, model), reason, said in sorted(outcomes))


def _keys(called: Iterable[Endpoint]) -> dict[str, str]:
    """Keys travel with the functions that call, since executors have no environment of the driver's."""
    names = {one.api_key_env for one in called if one.api_key_env}
    return {name: os.environ[name] for name in names if name in os.environ}


def _refuse_speculation(runtime: Runtime) -> None:
    if runtime.spark.conf.get("spark.speculation", "false") == "true":
        raise EnvironmentSetupError(
            "spark.speculation is on: Spark would run a slow task twice, and its calls would be paid twice. Start the "
            "session with --conf spark.speculation=false"
        )


def budget_spent(
    budget: BudgetConfig, stage: PaidStage, spent: Mapping[str, Decimal], count: int, pending: int
) -> StoppedError:
    """The end of a run whose budget lasts no further.

    Args:
        budget: the caps.
        stage: that wants to spend.
        spent: stage -> what is paid or reserved.
        count: requests that would fit all the same, too few to be worth a wave.
        pending: requests that are open.
    """
    cap = budget.tightest(stage, spent)
    if cap is None:
        raise AssertionError("without a cap everything fits")
    fits, is_sure = (f"no more than {count:,} of", "are") if count else ("none of", "is")
    return StoppedError(
        f"{stage}: the budget is spent. ${cap.used:f} of budget.{cap.name} ${cap.limit} are paid or reserved, and "
        f"{fits} the {pending:,} requests that are open {is_sure} sure to fit into the ${max(Decimal(0), cap.left):f} "
        f"that are left. What is paid is kept; to go on, type the same command with --set budget.{cap.name}=MORE"
    )
