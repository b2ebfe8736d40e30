"""The lines of the journal as dicts; their fields are columns of `schemas.calls.JOURNAL`."""

from typing import Any

from udfs.llm.answers import Answer
from udfs.llm.failures import Failure
from udfs.llm.work import Charge, Respond, Work

Record = dict[str, Any]


def sent_record(work: Work, attempt_id: str, sent_at: float, tokens: float) -> Record:
    """A call about to leave, with what it costs at worst.

    Args:
        work: whose attempt it is; already counted.
        attempt_id: of this call.
        sent_at: seconds since the epoch.
        tokens: counted against the tokens a minute.
    """
    return {
        "kind": "sent",
        "attempt_id": attempt_id,
        "request_id": work.request.request_id,
        "attempt_no": work.request.attempts_before + work.attempts,
        "provider": work.request.provider,
        "model": work.request.model,
        "sent_at": round(sent_at, 6),
        "max_tokens": work.max_tokens,
        "tokens": round(tokens, 3),
        "cost_usd": str(work.worst_usd),
    }


def attempt_record(sent: Record, result: Answer | Failure | None, charge: Charge, latency_seconds: float) -> Record:
    """How that call ended; `result` is null where it did not leave after all."""
    usage = result.usage if result is not None else None
    return {
        **sent,
        "kind": "attempt",
        "latency_ms": round(latency_seconds * 1000),
        "status": _status(result),
        "error": result.message if isinstance(result, Failure) else None,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "cost_usd": str(charge.cost_usd),
        "cost_basis": charge.basis,
        "note": charge.note,
    }


def _status(result: Answer | Failure | None) -> str:
    if result is None:
        return "not_sent"
    return result.status if isinstance(result, Answer) else result.kind


def response_record(work: Work, attempt_id: str, step: Respond, at: float) -> Record:
    """The terminal answer of a request, or its final failure."""
    answer = step.answer
    return {
        "kind": "response",
        "attempt_id": attempt_id,
        "request_id": work.request.request_id,
        "provider": work.request.provider,
        "model": work.request.model,
        "answered_at": round(at, 6),
        "status": step.status,
        "error": step.error,
        "text": answer.text if answer else None,
        "reasoning": answer.reasoning if answer else None,
        "finish_reason": answer.finish_reason if answer else None,
        "served_model": answer.served_model if answer else None,
    }
