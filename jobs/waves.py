"""Waves of paid calls: reserve, call, settle, until all that is asked for is answered or something stops it.

This is the only place that calls models in numbers. Nothing is computed from what the calls return: the journal they
leave is settled into the ledger, and everything reads the ledger (see `udfs.llm.map_calls`).
"""

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import files
from jobs.call_panel import WaveWatch, watch_calls
from jobs.ledger import settle_wave, spent_usd, wave_name
from jobs.reservations import pending_requests, reserve, with_attempts, with_worst_case
from jobs.runtime import Runtime
from jobs.slots import task_slots
from jobs.stopping import is_stopped, stop_file, stop_on_signal
from schemas.calls import ATTEMPTS, OUTCOMES, REQUESTS, RESPONSES
from schemas.errors import EnvironmentSetupError, StoppedError
from udfs.llm.deal import tasks_of, with_task
from udfs.llm.journal import journal_folder
from udfs.llm.journal_reader import ANSWERED
from udfs.llm.map_calls import drive_calls, map_calls, request_of
from udfs.llm.models import Endpoint
from udfs.llm.retries import RetryPolicy
from udfs.llm.wave import EndpointKey, Send, WaveContext

PaidStage = Literal["distill", "score"]
_OF_THE_ENDPOINT = ("billing", "auth", "not_found", "rejected", "unavailable", "over_bound", "unexpected", "max_wait")


@dataclass(frozen=True)
class Asked:
    """What a stage wants answered."""

    stage: PaidStage
    requests: DataFrame
    """Column request_id: rows of the stored table `requests`."""
    endpoints: Mapping[EndpointKey, Endpoint]
    names: Mapping[EndpointKey, str]
    """What each endpoint is called: the teacher's name, or `judge`."""


@dataclass
class Ended:
    """How the waves ended, once nothing more can be called."""

    down: dict[EndpointKey, tuple[str, str]] = field(default_factory=dict)
    """Endpoints that were given up: why, and what they said."""
    errors: dict[EndpointKey, str] = field(default_factory=dict)
    """What was last said to requests that failed too often."""


def call_all(runtime: Runtime, asked: Asked) -> Ended:
    """Answer requests until none is left that can be.

    Requests of endpoints that were given up, and those that failed too often in this run, stay pending; the caller
    decides what that means.

    Raises:
        StoppedError: the budget is spent, or somebody asked to stop; all that was paid is in the ledger.
        EnvironmentSetupError: the session would run tasks twice.
    """
    _refuse_speculation(runtime)
    ended, sends, number = Ended(), dict[EndpointKey, tuple[Send, ...]](), 0
    while True:
        reachable = {key: one for key, one in asked.endpoints.items() if key not in ended.down}
        pending = _open(runtime, asked, reachable)
        counts = _count(pending)
        if not counts:
            return ended
        left = left_usd(runtime, asked.stage)
        fits = reserve(with_worst_case(pending, reachable, runtime.settings.calls.attempts), left)
        number += 1
        wave = runtime.storage.materialise(fits.rows, f"wave-{asked.stage}")
        sent = counts if fits.is_all else _count(wave)
        if not sent:
            raise _budget_spent(runtime, asked, sum(counts.values()))
        before = _progress_made(runtime)
        outcomes = _run_wave(runtime, asked, reachable, wave, sent, counts, sends, number)
        _note(ended, outcomes)
        if is_stopped(runtime.settings.workspace):
            raise StoppedError("stopped, and all that was paid is kept; the same command goes on from there")
        if not ended.down and _progress_made(runtime) == before:
            raise StoppedError(f"{asked.stage}: no request of this wave could be sent ({_reasons(outcomes)})")


def left_usd(runtime: Runtime, stage: PaidStage) -> Decimal | None:
    """What may still be spent on a stage: of its own cap and of the run's; null: no cap."""
    budget = runtime.settings.budget
    own = budget.distill_usd if stage == "distill" else budget.score_usd
    lefts = []
    if budget.run_usd is not None:
        lefts.append(budget.run_usd - spent_usd(runtime))
    if own is not None:
        lefts.append(own - spent_usd(runtime, stage))
    return max(Decimal(0), min(lefts)) if lefts else None


def _open(runtime: Runtime, asked: Asked, reachable: Mapping[EndpointKey, Endpoint]) -> DataFrame:
    """Pending requests that have not failed too often in this run."""
    responses, attempts = runtime.read_or_empty(RESPONSES), runtime.read_or_empty(ATTEMPTS)
    pending = pending_requests(runtime.read(REQUESTS), asked.requests, responses, reachable.keys())
    known = with_attempts(pending, attempts, runtime.started_at)
    return known.where(F.col("failed") < runtime.settings.calls.attempts)


def _count(requests: DataFrame) -> dict[EndpointKey, int]:
    counted = requests.groupBy("provider", "model").count().collect()
    return {(row["provider"], row["model"]): row["count"] for row in counted}


def _progress_made(runtime: Runtime) -> tuple[int, int]:
    """Rows of the ledger: a wave that adds none would be repeated for ever."""
    attempts, responses = (runtime.read_or_empty(table).count() for table in (ATTEMPTS, RESPONSES))
    return attempts, responses


def _run_wave(
    runtime: Runtime,
    asked: Asked,
    endpoints: Mapping[EndpointKey, Endpoint],
    wave: DataFrame,
    sent: Mapping[EndpointKey, int],
    pending: Mapping[EndpointKey, int],
    sends: dict[EndpointKey, tuple[Send, ...]],
    number: int,
) -> Counter[tuple[EndpointKey, str, str]]:
    """Call one wave and settle it; remembers what was sent in its last window.

    Returns:
        (endpoint, reason, what was said) -> requests that were handed back.
    """
    settings, lease = runtime.settings, runtime.lease
    if lease is None:
        raise StoppedError("paid calls need the lease of the workspace; run them through the pipeline")
    lease.check()
    name = wave_name(asked.stage, lease.epoch, number)
    folder = journal_folder(settings.workspace, name)
    called = [one for key, one in endpoints.items() if key in sent]
    tasks = {} if settings.calls.runner == "driver" else _tasks(runtime, called, wave)
    context = WaveContext(
        journal=folder,
        endpoints=tuple(called),
        tasks=tasks,
        sends=sends,
        proven=_proven(runtime),
        retries=RetryPolicy(max_attempts=settings.calls.attempts, max_wait_seconds=settings.calls.max_wait_seconds),
        lease_file=lease.file,
        epoch=lease.epoch,
        stop_file=stop_file(settings.workspace),
        grace_seconds=settings.calls.grace_seconds,
        keys=_keys(called),
    )
    watch = WaveWatch(
        stage=asked.stage,
        names=asked.names,
        waiting=sent,
        done_before=_done(runtime, asked),
        pending={key: count - sent.get(key, 0) for key, count in pending.items()},
        limits={one.key: one.limits for one in called},
        spent_usd=spent_usd(runtime),
        cap_usd=settings.budget.run_usd,
        journal=folder,
    )
    try:
        with (
            stop_on_signal(settings.workspace, runtime.progress.line),
            watch_calls(runtime.progress, settings.workspace, watch) as tail,
        ):
            returned = _drive(wave, context) if settings.calls.runner == "driver" else _map(runtime, wave, context)
            since = time.time() - max(one.limits.window_seconds for one in called)
            for key, seen in tail.look().items():
                sends[key] = tuple((at, 1.0, tokens) for at, tokens in seen.recent if at > since)
    except BaseException:
        # Workers may go on for a while. The next run settles this journal, once the lease and their time are over.
        lease.abandon()
        raise
    settle_wave(runtime, name)
    files.remove_folder(files.join(runtime.storage.scratch, f"wave-{asked.stage}"))
    return returned


def _tasks(runtime: Runtime, called: list[Endpoint], wave: DataFrame) -> dict[EndpointKey, tuple[int, ...]]:
    slots = task_slots(runtime.spark, runtime.settings.calls.tasks)
    largest = F.max(F.col("prompt_tokens_bound") + F.greatest("max_tokens", "max_tokens_cap"))
    rows = wave.groupBy("provider", "model").agg(largest.alias("tokens")).collect()
    return tasks_of(called, slots, {(row["provider"], row["model"]): row["tokens"] for row in rows})


def _map(runtime: Runtime, wave: DataFrame, context: WaveContext) -> Counter[tuple[EndpointKey, str, str]]:
    # Written by the tasks that call: were outcomes shuffled, Spark might make the calls of a lost task again.
    outcomes = map_calls(with_task(wave, context.tasks), context)
    name = f"outcomes-{context.epoch}"
    stored = runtime.storage.materialise(OUTCOMES.select_from(outcomes), name)
    handed_back = stored.where("reason is not null").groupBy("provider", "model", "reason")
    rows = handed_back.agg(F.count("*").alias("count"), F.max("error").alias("error")).collect()
    files.remove_folder(files.join(runtime.storage.scratch, name))
    return Counter({((row["provider"], row["model"]), row["reason"], row["error"] or ""): row["count"] for row in rows})


def _drive(wave: DataFrame, context: WaveContext) -> Counter[tuple[EndpointKey, str, str]]:
    handed_back: Counter[tuple[EndpointKey, str, str]] = Counter()
    said: dict[tuple[EndpointKey, str], str] = {}
    for outcome in drive_calls((request_of(row) for row in wave.toLocalIterator(prefetchPartitions=True)), context):
        if outcome.reason is not None:
            key = (outcome.provider, outcome.model)
            text = said.setdefault((key, outcome.reason), outcome.error or "")
            handed_back[key, outcome.reason, text] += 1
    return handed_back


def _note(ended: Ended, outcomes: Counter[tuple[EndpointKey, str, str]]) -> None:
    for key, reason, said in outcomes:
        if reason in _OF_THE_ENDPOINT:
            ended.down.setdefault(key, (reason, said))
        elif reason == "attempts_exhausted":
            ended.errors[key] = said


def _reasons(outcomes: Counter[tuple[EndpointKey, str, str]]) -> str:
    return "; ".join(f"{model}: {reason} {said}".strip() for (_, model), reason, said in sorted(outcomes))


def _done(runtime: Runtime, asked: Asked) -> dict[EndpointKey, int]:
    answered = runtime.read_or_empty(RESPONSES).join(asked.requests, "request_id", "left_semi")
    return _count(answered)


def _proven(runtime: Runtime) -> frozenset[EndpointKey]:
    answered = runtime.read_or_empty(ATTEMPTS).where(F.col("status").isin(*ANSWERED))
    return frozenset((row[0], row[1]) for row in answered.select("provider", "model").distinct().collect())


def _keys(called: list[Endpoint]) -> dict[str, str]:
    """Keys travel with the functions that call, since executors have no environment of the driver's."""
    names = {one.api_key_env for one in called if one.api_key_env}
    return {name: os.environ[name] for name in names if name in os.environ}


def _refuse_speculation(runtime: Runtime) -> None:
    if runtime.spark.conf.get("spark.speculation", "false") == "true":
        raise EnvironmentSetupError(
            "spark.speculation is on: Spark would run a slow task twice, and its calls would be paid twice. Start the "
            "session with --conf spark.speculation=false"
        )


def _budget_spent(runtime: Runtime, asked: Asked, pending: int) -> StoppedError:
    budget = runtime.settings.budget
    own = budget.distill_usd if asked.stage == "distill" else budget.score_usd
    spent, of_stage = spent_usd(runtime), spent_usd(runtime, asked.stage)
    own_is_spent = own is not None and (budget.run_usd is None or own - of_stage < budget.run_usd - spent)
    name, cap, paid = ("run_usd", budget.run_usd, spent)
    if own_is_spent:
        name, cap, paid = f"{asked.stage}_usd", own, of_stage
    return StoppedError(
        f"{asked.stage}: the budget is spent. ${paid:f} of budget.{name} ${cap} are paid, and none of the {pending:,} "
        f"requests that are open is sure to fit into the rest. What is paid is kept; to go on, type the same command "
        f"with --set budget.{name}=MORE"
    )
