"""Have requests answered, by batch where that is wanted and online otherwise.

Batches go out first, since they take hours; what is asked online is asked meanwhile; then the batches are waited for,
and what a model of mode auto has left is asked online.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from jobs.answers.specs import teacher_modes
from jobs.batches.clock import SystemClock
from jobs.batches.run import BatchesResult, collect_ended, run_batches
from jobs.config.calls import Mode
from jobs.ledger.batch_table import batches_of
from jobs.ledger.reservations import StageRequests, count_by_endpoint, open_requests, spent_and_reserved, to_endpoints
from jobs.online.waves import CallsResult, call_all
from jobs.workspace.runtime import Runtime
from jobs.workspace.stopping import is_stopped, stop_on_signal
from schemas.errors import ConfigError, ProviderError, StoppedError
from udfs.llm.wave import EndpointKey


def answer_all(runtime: Runtime, asked: StageRequests) -> CallsResult:
    """Answer requests until none is left that can be; as `jobs.online.waves.call_all`, with batches.

    Raises:
        StoppedError: the budget is spent, a provider does not answer, batches are out that are not waited for, or
            somebody asked to stop; all that was paid is in the ledger, and batches go on at their providers.
    """
    modes = _modes(runtime, asked)
    by_batch = {key for key, mode in modes.items() if mode != "online"}
    if not by_batch and not _out(runtime, asked):
        return call_all(runtime, asked)
    begun = _batches(runtime, asked, modes, {}, wait=False)
    ended = _online(runtime, asked, modes.keys() - by_batch)
    batched = _batches(runtime, asked, modes, begun.faults, wait=runtime.settings.calls.batch.wait)
    if batched.is_out:
        raise StoppedError(
            f"{asked.stage}: batches are out, and nobody waits for them. `phase0 batches` shows them; the same command "
            "takes in what has ended"
        )
    later = {key for key, mode in modes.items() if mode == "auto"}
    if later:
        ended = _joined(ended, _online(runtime, asked, later))
    return _with_left(runtime, asked, ended, batched, [key for key, mode in modes.items() if mode == "batch"])


def take_in_batches(runtime: Runtime) -> None:
    """Take in what has ended since the last run; a provider that cannot be asked now does not keep others waiting."""
    if not batches_of(runtime, is_out=True):
        return
    try:
        collect_ended(runtime)
    except (ConfigError, ProviderError) as error:
        runtime.progress.line(f"batches are out and could not be looked at: {error}", style="yellow")


def _modes(runtime: Runtime, asked: StageRequests) -> dict[EndpointKey, Mode]:
    settings = runtime.settings
    if asked.stage == "score":
        return dict.fromkeys(asked.endpoints, settings.score.mode)
    found = teacher_modes(settings)
    return {key: found[key] for key in asked.endpoints}


def _out(runtime: Runtime, asked: StageRequests) -> bool:
    return any(batch.stage == asked.stage for batch in batches_of(runtime, is_out=True))


def _online(runtime: Runtime, asked: StageRequests, keys: Collection[EndpointKey]) -> CallsResult:
    endpoints = {key: endpoint for key, endpoint in asked.endpoints.items() if key in keys}
    return call_all(runtime, replace(asked, endpoints=endpoints)) if endpoints else CallsResult()


def _batches(
    runtime: Runtime,
    asked: StageRequests,
    modes: Mapping[EndpointKey, Mode],
    faults: Mapping[EndpointKey, str],
    *,
    wait: bool,
) -> BatchesResult:
    workspace = runtime.settings.workspace

    def check() -> None:
        if runtime.lease is not None:
            runtime.lease.check()
        if is_stopped(workspace):
            raise StoppedError("stopped; batches go on at their providers, the same command takes in what has ended")

    try:
        with stop_on_signal(workspace, runtime.progress.line):
            return run_batches(runtime, asked, modes, wait=wait, faults=faults, clock=SystemClock(check))
    except ProviderError as error:
        raise StoppedError(
            f"{asked.stage}: {error}. Batches that are out go on, and so does the same command"
        ) from None


def _joined(first: CallsResult, second: CallsResult) -> CallsResult:
    return CallsResult(
        down={**first.down, **second.down},
        errors={**first.errors, **second.errors},
        open={**first.open, **second.open},
    )


def _with_left(
    runtime: Runtime, asked: StageRequests, ended: CallsResult, batched: BatchesResult, keys: Iterable[EndpointKey]
) -> CallsResult:
    """Add what models of mode batch have left open.

    Raises:
        StoppedError: the budget has no room for it, or no file.
    """
    own = set(keys)
    left = count_by_endpoint(to_endpoints(open_requests(runtime, asked), own)) if own else {}
    down = {key: ("batch", batched.faults[key]) for key in left if key in batched.faults}
    unsent = sum(count for key, count in left.items() if key not in down)
    if unsent:
        cap = runtime.settings.budget.left(asked.stage, spent_and_reserved(runtime))
        raise StoppedError(
            f"{asked.stage}: {unsent:,} requests fit into no batch"
            + (f": ${cap:f} of the budget are left. To go on, raise it" if cap is not None else ": they are too large")
            + " and type the same command; what is paid is kept"
        )
    return _joined(ended, CallsResult(down=down, open=left))
