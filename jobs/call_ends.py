"""What it means when not every request was answered: whose fault it is, what to do, and whether to go on."""

from collections.abc import Mapping

from jobs.ledger import spent_usd
from jobs.plan_costs import dollars
from jobs.reservations import pending_requests
from jobs.runtime import Runtime
from jobs.waves import Asked, Ended
from schemas.calls import REQUESTS, RESPONSES
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
    "unexpected": "answered in a way this version does not understand: please report it",
}


def open_counts(runtime: Runtime, asked: Asked) -> dict[EndpointKey, int]:
    """Requests without an answer, by endpoint."""
    responses = runtime.read_or_empty(RESPONSES)
    pending = pending_requests(runtime.read(REQUESTS), asked.requests, responses, asked.endpoints.keys())
    rows = pending.groupBy("provider", "model").count().collect()
    return {(row["provider"], row["model"]): row["count"] for row in rows}


def require_answers(runtime: Runtime, asked: Asked, ended: Ended) -> tuple[int, tuple[str, ...]]:
    """Go on only if next to everything was answered.

    Returns:
        Requests that stay unanswered, few enough to go on without, and the warnings about them.

    Raises:
        StoppedError: an endpoint was given up, or too many requests have failed.
    """
    counts = open_counts(runtime, asked)
    down = {key: count for key, count in counts.items() if key in ended.down}
    if down:
        lines = [_fault(asked, ended, key, count) for key, count in down.items()]
        raise StoppedError("\n".join([*lines, _kept(runtime)]))
    failed, total = sum(counts.values()), asked.requests.select("request_id").distinct().count()
    if not failed:
        return 0, ()
    said = "; ".join(f"{asked.names[key]}: {text}" for key, text in ended.errors.items()) or "nothing more was said"
    text = f"{failed:,} of {total:,} requests failed {runtime.settings.calls.attempts} times ({said})"
    if failed > runtime.settings.calls.max_unanswered_share * total:
        raise StoppedError(f"{asked.stage}: {text}, more than calls.max_unanswered_share allows. {_kept(runtime)}")
    return failed, (f"{text}; they stay without an answer. `phase0 {asked.stage} --force` asks them again",)


def _fault(asked: Asked, ended: Ended, key: EndpointKey, count: int) -> str:
    reason, said = ended.down[key]
    text = f"{asked.stage}: {asked.names[key]} ({key[0]}) {ADVICE[reason]}. {count:,} requests are open."
    return f"{text} It says: {said}" if said else text


def _kept(runtime: Runtime) -> str:
    paid = dollars(spent_usd(runtime))
    return f"All that was answered is kept ({paid} paid so far); the same command goes on from there"
