"""What it means when not every request was answered: whose fault it is, what to do, and whether to go on."""

from collections.abc import Mapping

from jobs.ledger.reservations import StageRequests
from jobs.ledger.settle import spent_usd
from jobs.online.waves import CallsResult
from jobs.rendering.money import dollars
from jobs.workspace.runtime import Runtime
from schemas.errors import StoppedError
from udfs.llm.wave import EndpointKey

ADVICE: Mapping[str, str] = {
    "billing": "refuses because of the bill: raise the limit or pay in at the provider",
    "auth": "refuses the key: set a valid one (phase0 preflight says which)",
    "not_found": "does not know the model: phase0 preflight names one that it knows",
    "rejected": "rejects every request: see what it says, and the model's profile in conf/providers.yaml",
    "unavailable": "has answered nothing but errors: try again later",
    "max_wait": "asks to wait longer than calls.max_wait_seconds: try again later, or raise it",
    "over_bound": "billed more than any tokenizer makes of a request, so no cap could be kept: ask the provider",
    "batch": "is asked by batch no more in this run: see phase0 batches, or set mode: auto, or online",
    "unexpected": "answered in a way this version does not understand: please report it",
}


def require_answers(runtime: Runtime, asked: StageRequests, ended: CallsResult) -> tuple[str, ...]:
    """Go on only if next to everything was answered.

    Returns:
        Warnings about requests that stay unanswered, few enough to go on without.

    Raises:
        StoppedError: an endpoint was given up, or too many requests have failed.
    """
    counts = ended.open
    down = {key: count for key, count in counts.items() if key in ended.down}
    if down:
        lines = [_fault(asked, ended, key, count) for key, count in down.items()]
        raise StoppedError("\n".join([*lines, _kept(runtime)]))
    failed = sum(counts.values())
    if not failed:
        return ()
    total = asked.requests.select("request_id").distinct().count()
    said = "; ".join(f"{asked.names[key]}: {text}" for key, text in ended.errors.items()) or "nothing more was said"
    text = f"{failed:,} of {total:,} requests failed {runtime.settings.calls.attempts} times ({said})"
    if failed > runtime.settings.calls.max_unanswered_share * total:
        raise StoppedError(f"{asked.stage}: {text}, more than calls.max_unanswered_share allows. {_kept(runtime)}")
    return (f"{text}; they stay without an answer. `phase0 {asked.stage} --force` asks them again",)


def _fault(asked: StageRequests, ended: CallsResult, key: EndpointKey, count: int) -> str:
    reason, said = ended.down[key]
    text = f"{asked.stage}: {asked.names[key]} ({key[0]}) {ADVICE[reason]}. {count:,} requests are open."
    return f"{text} It says: {said}" if said else text


def _kept(runtime: Runtime) -> str:
    paid = dollars(spent_usd(runtime))
    return f"All that was answered is kept ({paid} paid so far); the same command goes on from there"
