"""Requests by the Batch API: create what fits, wait, take in what has ended, ask again what it has not answered.

`run_batches` is what a paid stage calls before it asks the rest online; `fold_ended` is for the start of any run. The
lease of the workspace is held by whoever calls them.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from pyspark.sql import DataFrame

from jobs.batches.clock import Clock, SystemClock
from jobs.batches.collect import Folded, fold
from jobs.batches.context import Desk
from jobs.batches.pack import plan_batches, remove_leftovers, was_over_queue
from jobs.batches.poll import Poll
from jobs.batches.show import batch_table
from jobs.batches.submit import submit
from jobs.config.calls import Mode
from jobs.ledger.batch_table import Batch, batches_of, not_in_batches
from jobs.workspace.runtime import Runtime
from schemas.batches import CREATED, ENDED
from schemas.errors import ConfigError, ProviderError
from udfs.llm.models import Endpoint
from udfs.llm.wave import EndpointKey

_FRUITLESS_BATCHES = 3
"""Batches of a model in a row that answer nothing, after which it is asked no more in this run."""
_REFUSALS = 12  # for the queue, in a row and with nothing else there
_MOST_ROUNDS = 30  # after which pauses grow no more, whatever the longest is
_BLIND_SECONDS = 3600.0  # that no batch can be looked at, before the run ends


@dataclass
class _Models:
    """What this run has learnt of the models it asks by batch."""

    faults: dict[EndpointKey, str] = field(default_factory=dict)
    fruitless: dict[EndpointKey, int] = field(default_factory=dict)
    refusals: dict[EndpointKey, int] = field(default_factory=dict)

    def note(self, folded: Folded) -> None:
        """Learn from a batch that was folded in."""
        key, batch = folded.batch.endpoint_key, folded.batch
        if was_over_queue(batch):
            self.refusals[key] = self.refusals.get(key, 0) + 1
            if self.refusals[key] >= _REFUSALS:
                self.faults[key] = f"refused {self.refusals[key]} times for its queue: {batch.error}"
            return
        self.refusals[key] = 0
        self.fruitless[key] = 0 if batch.answered else self.fruitless.get(key, 0) + 1
        if folded.fault is not None:
            self.faults[key] = folded.fault
        elif self.fruitless[key] >= _FRUITLESS_BATCHES:
            self.faults[key] = f"{self.fruitless[key]} batches in a row brought no answer; {batch.error or batch.note}"


@dataclass(frozen=True)
class BatchRun:
    """How it ended."""

    is_out: bool
    """Batches are still out, and nobody waits for them."""
    faults: Mapping[EndpointKey, str]
    """Models that are not asked by batch any more, and why."""


def run_batches(
    runtime: Runtime,
    stage: str,
    pending: Callable[[], DataFrame],
    modes: Mapping[EndpointKey, Mode],
    endpoints: Mapping[EndpointKey, Endpoint],
    budget_left: Callable[[], Decimal | None],
    *,
    wait: bool = True,
    faults: Mapping[EndpointKey, str] | None = None,
    environment: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
) -> BatchRun:
    """Ask by batch what is to be asked so, until it is answered or, without waiting, until it is out.

    Args:
        runtime: of the workspace.
        stage: that pays: distill or score.
        pending: rows of `REQUESTS` without a response; asked for anew after each batch.
        modes: how each model is asked; those of mode online are left alone.
        endpoints: of these models.
        budget_left: what may still be reserved, batches that are out being reserved already; null: no cap.
        wait: until no batch is out; else only what has ended is taken in, and what fits is sent.
        faults: of an earlier `BatchRun` of this run; these models get no new batches.
        environment: holds the keys.
        clock: the time; null: the machine's.

    Returns:
        What is left to the caller. Pending requests of a model of mode auto may be asked online now; those of mode
        batch have a fault, or did not fit the budget.

    Raises:
        ConfigError: a model of mode batch has no Batch API, or a key is missing.
        ProviderError: a provider does not answer; all of it can be resumed.
    """
    by_batch = _by_batch(modes, endpoints)
    desk = Desk(runtime, endpoints, environment, clock or SystemClock())
    poll, models, quiet_rounds, blind_since, may_fit = Poll(desk), _Models(dict(faults or {})), 0, None, True
    everywhere = batches_of(runtime, is_out=True)
    remove_leftovers(runtime, everywhere)
    out = [batch for batch in everywhere if batch.stage == stage]
    try:
        while True:
            out = poll.look(submit(desk, out))
            folded = _fold_ended(desk, out)
            for one in folded:
                models.note(one)
            out = [batch for batch in out if batch.state != ENDED]
            may_fit = may_fit or bool(folded)
            # Refused for the queue with nothing of ours in it: it would be refused again at once.
            must_wait = not out and any(was_over_queue(one.batch) for one in folded)
            if may_fit and not must_wait:
                may_fit = False
                asked = _asked_now(desk, by_batch, models, modes)
                least = {key: 1 if modes[key] == "batch" else desk.config.min_requests for key in asked}
                rows = not_in_batches(runtime, pending())
                new = plan_batches(runtime, stage, rows, asked, budget_left(), desk.clock.now(), least)
                if new:
                    out += new
                    continue
            if not out and not must_wait:
                return BatchRun(False, models.faults)
            if not wait:
                _say(desk, poll, out, "left alone; a later run takes them in")
                return BatchRun(True, models.faults)
            blind_since = _blind(poll, out, blind_since, desk.clock.now())
            seconds = min(desk.config.poll_seconds * 1.5**quiet_rounds, desk.config.longest_poll_seconds)
            quiet_rounds = 0 if folded else min(quiet_rounds + 1, _MOST_ROUNDS)
            _say(desk, poll, out, f"next look in {seconds:,.0f} s")
            desk.clock.sleep(seconds)
    finally:
        runtime.progress.show_panel(None)
        desk.close()


def fold_ended(
    runtime: Runtime, *, environment: Mapping[str, str] = os.environ, clock: Clock | None = None
) -> list[Folded]:
    """Take in what has ended since the last run, of any stage; waits for nothing.

    Args:
        runtime: of the workspace.
        environment: holds the keys.
        clock: the time; null: the machine's.

    Raises:
        ConfigError: a key is missing, or a provider is no longer configured.
        ProviderError: a provider refuses the key, or a file cannot be fetched.
    """
    out = batches_of(runtime, is_out=True)
    if not any(batch.state in (CREATED, ENDED) for batch in out):
        return []
    desk = Desk(runtime, {}, environment, clock or SystemClock())
    try:
        return _fold_ended(desk, Poll(desk).look(out))
    finally:
        desk.close()


def _by_batch(
    modes: Mapping[EndpointKey, Mode], endpoints: Mapping[EndpointKey, Endpoint]
) -> dict[EndpointKey, Endpoint]:
    found = {key: endpoints[key] for key, mode in modes.items() if mode != "online"}
    without = [key for key, endpoint in found.items() if endpoint.batch is None]
    wanted = [f"{model} ({provider})" for provider, model in without if modes[provider, model] == "batch"]
    if wanted:
        raise ConfigError(f"there is no Batch API for {', '.join(sorted(wanted))}; write mode: online, or auto")
    return {key: endpoint for key, endpoint in found.items() if endpoint.batch is not None}


def _fold_ended(desk: Desk, batches: list[Batch]) -> list[Folded]:
    ended = [batch for batch in batches if batch.state == ENDED]
    if ended:
        desk.runtime.progress.step(f"taking in {len(ended)} batch{'es' if len(ended) > 1 else ''}")
    folded = fold(desk, ended)
    for one in folded:
        _tell(desk.runtime, one.batch)
    return folded


def _asked_now(
    desk: Desk, by_batch: Mapping[EndpointKey, Endpoint], models: _Models, modes: Mapping[EndpointKey, Mode]
) -> dict[EndpointKey, Endpoint]:
    """The models that may be given new batches."""
    left = timedelta(hours=desk.config.deadline_hours) - (desk.clock.now() - desk.runtime.started_at)
    return {
        key: endpoint
        for key, endpoint in by_batch.items()
        if key not in models.faults
        and endpoint.batch is not None
        and (modes[key] == "batch" or left >= timedelta(hours=endpoint.batch.window_hours))
    }


def _blind(poll: Poll, out: list[Batch], since: datetime | None, now: datetime) -> datetime | None:
    """Since when no batch could be looked at; null where one could."""
    if not poll.faults or len(poll.faults) < len(out):
        return None
    if since is not None and (now - since).total_seconds() >= _BLIND_SECONDS:
        raise ProviderError(
            f"no batch could be looked at for an hour: {poll.faults[0]}. They go on; run it again later"
        )
    return since or now


def _say(desk: Desk, poll: Poll, out: list[Batch], then: str) -> None:
    seen = [replace(batch, done=poll.done(batch)) for batch in out]
    requests, done = sum(batch.requests for batch in seen), sum(batch.done or 0 for batch in seen)
    trouble = f", {len(poll.faults)} could not be looked at" if poll.faults else ""
    progress = desk.runtime.progress
    progress.step(f"batches out: {len(out)}, {done:,} of {requests:,} requests answered{trouble}; {then}")
    progress.show_panel(batch_table(seen, desk.clock.now()))


def _tell(runtime: Runtime, batch: Batch) -> None:
    odd = "; ".join(text for text in (batch.error, batch.note) if text)
    runtime.progress.line(
        f"batch {batch.batch_id or batch.batch_key} {batch.provider_state}: {batch.answered or 0:,} of "
        f"{batch.requests:,} requests answered, ${batch.cost_usd or 0:,.4f}" + (f"; {odd}" if odd else ""),
        style="yellow" if odd else "",
    )
