"""What it means when not every request was answered: whose fault it is, what to do, and whether to go on."""

from collections.abc import Mapping

from jobs.answers.remarks import read_endings, remarks_on, without_answer
from jobs.ledger.reservations import StageRequests
from jobs.ledger.settle import spent_usd
from jobs.online.waves import CallsResult
from jobs.rendering.money import cents
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
    "unexpected": "answers in a way that nobody understands: see what it says, and whether base_url is right",
}


def require_answers(
    runtime: Runtime, asked: StageRequests, ended: CallsResult, *, is_all: bool = True
) -> tuple[str, ...]:
    """Go on only if next to everything was answered.

    Args:
        runtime: the run.
        asked: what was asked.
        ended: how the calls ended.
        is_all: these are all requests of the stage, so that most of them without an answer is no chance.

    Returns:
        Warnings about requests that stay unanswered, few enough to go on without, and about odd answers.

    Raises:
        StoppedError: an endpoint was given up, or too many requests have failed.
    """
    counts = ended.open
    # A bill over its bound is told even where nothing is left to ask.
    down = {
        key: counts.get(key, 0) for key, (reason, _) in ended.down.items() if key in counts or reason == "over_bound"
    }
    if down:
        lines = [_fault(asked, ended, key, count) for key, count in down.items()]
        raise StoppedError("\n".join([*lines, _kept(runtime)]))
    endings = read_endings(runtime, asked)
    remarks = remarks_on(endings, asked.names)
    lost, all_ended = without_answer(endings)
    if is_all and lost > runtime.settings.calls.max_failed_share * all_ended:
        raise StoppedError(
            "\n".join(
                (
                    f"{asked.stage}: {lost:,} of {all_ended:,} requests have ended without an answer, more than "
                    "calls.max_failed_share allows. Change the model, its max_tokens or the prompts, or allow it with "
                    "--set calls.max_failed_share=1",
                    *remarks,
                    _kept(runtime),
                )
            )
        )
    failed = sum(counts.values())
    if not failed:
        return remarks
    total = asked.requests.select("request_id").distinct().count()
    said = "; ".join(f"{asked.names[key]}: {text}" for key, text in ended.errors.items()) or "nothing more was said"
    text = f"{failed:,} of {total:,} requests failed {runtime.settings.calls.attempts} times ({said})"
    if failed > runtime.settings.calls.max_unanswered_share * total:
        raise StoppedError(f"{asked.stage}: {text}, more than calls.max_unanswered_share allows. {_kept(runtime)}")
    return (f"{text}; they stay without an answer. `phase0 {asked.stage} --force` asks them again", *remarks)


def _fault(asked: StageRequests, ended: CallsResult, key: EndpointKey, count: int) -> str:
    reason, said = ended.down[key]
    open_now = f"{count:,} requests are open." if count else "Nothing is open."
    text = f"{asked.stage}: {asked.names[key]} ({key[0]}) {ADVICE[reason]}. {open_now}"
    return f"{text} It says: {said}" if said else text


def _kept(runtime: Runtime) -> str:
    paid = cents(spent_usd(runtime))
    return f"All that was answered is kept ({paid} paid so far); the same command goes on from there"
