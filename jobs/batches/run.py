"""Requests by the Batch API: create what fits, wait, take in what has ended, ask again what it has not answered.

`run_batches` is what a paid stage calls before it asks the rest online; `collect_ended` is for the start of any run.
The lease of the workspace is held by whoever calls them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from jobs.batches.clock import Clock, SystemClock
from jobs.batches.collect import Collected, collect_results
from jobs.batches.context import BatchContext
from jobs.batches.pack import plan_batches, remove_leftovers, was_over_queue
from jobs.batches.poll import Poll
from jobs.batches.show import batch_table
from jobs.batches.submit import submit
from jobs.config.calls import Mode
from jobs.ledger.batch_table import Batch, batches_of
from jobs.ledger.reservations import StageRequests, open_requests, spent_and_reserved
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

    def note(self, folded: Collected) -> None:
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
class BatchesResult:
    """How it ended."""

    is_out: bool
    """Batches are still out, and nobody waits for them."""
    faults: Mapping[EndpointKey, str]
    """Models that are not asked by batch any more, and why."""


def run_batches(
    runtime: Runtime,
    asked: StageRequests,
    modes: Mapping[EndpointKey, Mode],
    *,
    wait: bool = True,
    faults: Mapping[EndpointKey, str] | None = None,
    clock: Clock | None = None,
) -> BatchesResult:
    """Ask by batch what is to be asked so, until it is answered or, without waiting, until it is out.

    Args:
        runtime: of the workspace.
        asked: what the stage wants answered.
        modes: how each model is asked; those of mode online are left alone.
        wait: until no batch is out; else only what has ended is taken in, and what fits is sent.
        faults: of an earlier `BatchesResult` of this run; these models get no new batches.
        clock: the time; null: the machine's.

    Returns:
        What is left to the caller. Pending requests of a model of mode auto may be asked online now; those of mode
        batch have a fault, or did not fit the budget.

    Raises:
        ConfigError: a model of mode batch has no Batch API, or a key is missing.
        ProviderError: a provider does not answer; all of it can be resumed.
    """
    run = BatchRun(runtime, asked, modes, faults or {}, clock or SystemClock())
    try:
        while run.step():
            if not wait:
                run.tell("left alone; a later run takes them in")
                return BatchesResult(True, run.faults)
            run.wait()
        return BatchesResult(False, run.faults)
    finally:
        run.close()


class BatchRun:
    """The batches of one stage in one run: what is out, what this run has learnt of the models, how long to wait.

    Args:
        runtime: as for `run_batches`, like the others.
        asked: what the stage wants answered.
        modes: how each model is asked.
        faults: of models that get no new batches.
        clock: the time, and waiting.
    """

    def __init__(
        self,
        runtime: Runtime,
        asked: StageRequests,
        modes: Mapping[EndpointKey, Mode],
        faults: Mapping[EndpointKey, str],
        clock: Clock,
    ) -> None:
        self._runtime, self._asked, self._modes, self._clock = runtime, asked, modes, clock
        self._by_batch = _by_batch(modes, asked.endpoints)
        self._desk = BatchContext(runtime, asked.endpoints, os.environ, clock)
        self._poll, self._models = Poll(self._desk), _Models(dict(faults))
        everywhere = batches_of(runtime, is_out=True)
        remove_leftovers(runtime, everywhere)
        self._out = [batch for batch in everywhere if batch.stage == asked.stage]
        self._folded: list[Collected] = []
        self._may_fit = True
        self._quiet_rounds = 0
        self._blind_since: datetime | None = None

    @property
    def faults(self) -> Mapping[EndpointKey, str]:
        """Models that are not asked by batch any more, and why."""
        return self._models.faults

    def step(self) -> bool:
        """Send what is planned, take in what has ended and plan what fits now, until nothing more can be done at once.

        Returns:
            Whether there is something to wait for.
        """
        while True:
            self._out = self._poll.look(submit(self._desk, self._out))
            self._folded = _collect_ended(self._desk, self._out)
            for one in self._folded:
                self._models.note(one)
            self._out = [batch for batch in self._out if batch.state != ENDED]
            self._may_fit = self._may_fit or bool(self._folded)
            # Refused for the queue with nothing of ours in it: it would be refused again at once.
            must_wait = not self._out and any(was_over_queue(one.batch) for one in self._folded)
            if must_wait or not self._plan():
                return bool(self._out) or must_wait

    def _plan(self) -> bool:
        """Plan batches of what is open and fits; whether there are new ones."""
        if not self._may_fit:
            return False
        self._may_fit = False
        models = self._models_asked_now()
        least = {key: 1 if self._modes[key] == "batch" else self._desk.config.min_requests for key in models}
        rows = open_requests(self._runtime, self._asked)
        left = self._runtime.settings.budget.left(self._asked.stage, spent_and_reserved(self._runtime))
        new = plan_batches(self._runtime, self._asked.stage, rows, models, left, self._clock.now(), least)
        self._out += new
        return bool(new)

    def _models_asked_now(self) -> dict[EndpointKey, Endpoint]:
        """The models that may be given new batches."""
        left = timedelta(hours=self._desk.config.deadline_hours) - (self._clock.now() - self._runtime.started_at)
        return {
            key: endpoint
            for key, endpoint in self._by_batch.items()
            if key not in self.faults
            and endpoint.batch is not None
            and (self._modes[key] == "batch" or left >= timedelta(hours=endpoint.batch.window_hours))
        }

    def wait(self) -> None:
        """Wait for the next look, longer each time that nothing has ended.

        Raises:
            ProviderError: no batch could be looked at for an hour.
        """
        self._blind_since = _blind(self._poll, self._out, self._blind_since, self._clock.now())
        config = self._desk.config
        seconds = min(config.poll_seconds * 1.5**self._quiet_rounds, config.longest_poll_seconds)
        self._quiet_rounds = 0 if self._folded else min(self._quiet_rounds + 1, _MOST_ROUNDS)
        self.tell(f"next look in {seconds:,.0f} s")
        self._clock.sleep(seconds)

    def tell(self, then: str) -> None:
        """Show what is out, and what comes next."""
        seen = [replace(batch, done=self._poll.done(batch)) for batch in self._out]
        requests, done = sum(batch.requests for batch in seen), sum(batch.done or 0 for batch in seen)
        faults = self._poll.faults
        trouble = f", {len(faults)} could not be looked at" if faults else ""
        progress = self._runtime.progress
        progress.step(f"batches out: {len(self._out)}, {done:,} of {requests:,} requests answered{trouble}; {then}")
        progress.show_panel(batch_table(seen, self._clock.now()))

    def close(self) -> None:
        """Take the panel away and close all connections."""
        self._runtime.progress.show_panel(None)
        self._desk.close()


def collect_ended(runtime: Runtime) -> list[Collected]:
    """Take in what has ended since the last run, of any stage; waits for nothing.

    Raises:
        ConfigError: a key is missing, or a provider is no longer configured.
        ProviderError: a provider refuses the key, or a file cannot be fetched.
    """
    out = batches_of(runtime, is_out=True)
    if not any(batch.state in (CREATED, ENDED) for batch in out):
        return []
    desk = BatchContext(runtime, {}, os.environ, SystemClock())
    try:
        return _collect_ended(desk, Poll(desk).look(out))
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


def _collect_ended(desk: BatchContext, batches: list[Batch]) -> list[Collected]:
    ended = [batch for batch in batches if batch.state == ENDED]
    if ended:
        desk.runtime.progress.step(f"taking in {len(ended)} batch{'es' if len(ended) > 1 else ''}")
    folded = collect_results(desk, ended)
    for one in folded:
        _tell(desk.runtime, one.batch)
    return folded


def _blind(poll: Poll, out: list[Batch], since: datetime | None, now: datetime) -> datetime | None:
    """Since when no batch could be looked at; null where one could."""
    if not poll.faults or len(poll.faults) < len(out):
        return None
    if since is not None and (now - since).total_seconds() >= _BLIND_SECONDS:
        raise ProviderError(
            f"no batch could be looked at for an hour: {poll.faults[0]}. They go on; run it again later"
        )
    return since or now


def _tell(runtime: Runtime, batch: Batch) -> None:
    odd = "; ".join(text for text in (batch.error, batch.note) if text)
    runtime.progress.line(
        f"batch {batch.batch_id or batch.batch_key} {batch.provider_state}: {batch.answered or 0:,} of "
        f"{batch.requests:,} requests answered, ${batch.cost_usd or 0:,.4f}" + (f"; {odd}" if odd else ""),
        style="yellow" if odd else "",
    )
