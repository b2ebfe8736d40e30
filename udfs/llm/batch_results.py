"""Read the lines of a batch's output and error files, and decide about its members as about online calls.

A line holds either a response with an HTTP status and a body, or an error with a code; Together's error lines have no
more than the latter. An answer was billed at batch prices, and an error that a gateway states may have been.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from schemas.batches import RESULTS
from udfs.arrow_groups import ArrowBatches
from udfs.llm.answers import Answer, answer_of
from udfs.llm.classify import status_failure
from udfs.llm.failures import Failure, short_message
from udfs.llm.models import Prices
from udfs.llm.redaction import Redact, keep
from udfs.llm.request import Request
from udfs.llm.request_state import Charge, RequestState, Respond
from udfs.llm.retries import RetryPolicy

_RESULTS = to_arrow_schema(RESULTS)
_OF_MEMBER = ("batch_key", "request_id", "attempt_no", "max_tokens", "reserved_usd")
# The provider did not come to it: nothing was billed and nothing is wrong with the request.
_EXPIRED = re.compile(r"completion window|batch (?:has |was )?(?:expired|cancell?ed)", re.IGNORECASE)
_NOT_RUN = {"batch_expired": "expired", "batch_cancelled": "cancelled", "batch_canceled": "cancelled"}


class BatchTerms(NamedTuple):
    """How the members of a batch were asked."""

    prices: Prices
    lost: str | None
    """Why members without a line may have been billed; null: they were not."""
    redact: Redact = keep
    """Blots out the key; for all that is stored of a line."""


@dataclass(frozen=True)
class NotRun:
    """The batch ended before this request was answered."""

    status: str
    message: str


def read_result_line(line: str, redact: Redact = keep) -> Answer | Failure | NotRun:
    """What a line says about its request; never raises."""
    try:
        content = json.loads(line)
        response, error = content.get("response"), content.get("error")
        if isinstance(response, Mapping) and (response or not error):
            return _read_response(response, redact)
        return _read_error(error if isinstance(error, Mapping) else {"message": error}, redact)
    except Exception as error:
        # It has an id, so it is about a request, which may well have been answered.
        said = redact(f"unreadable line: {type(error).__name__} {error}")
        return Failure("unreadable", short_message(said), billed=True)


def _read_response(response: Mapping[str, Any], redact: Redact) -> Answer | Failure:
    status, body = response.get("status_code", 200), response.get("body", response)
    if isinstance(body, str):
        with suppress(ValueError):  # some gateways write the body as a text, and the status too
            body = json.loads(body)
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3:
        status = int(status)
    if isinstance(status, int | float) and status >= 400:
        return status_failure(int(status), body, {}, redact)
    return answer_of(body, redact)


def _read_error(error: Mapping[str, Any], redact: Redact) -> Failure | NotRun:
    codes = [str(error[name]).lower() for name in ("code", "type") if error.get(name) is not None]
    for code in codes:
        if code in _NOT_RUN:
            return NotRun(_NOT_RUN[code], short_message(redact(f"{code} - {error.get('message') or 'no message'}")))
    said = str(error.get("message"))
    if not codes and (expired := _EXPIRED.search(said)):
        return NotRun("cancelled" if "cancel" in expired[0].lower() else "expired", short_message(redact(said)))
    return status_failure(None, error, {}, redact, is_http=False)


def result_of(
    line: str | None, member: Mapping[str, Any], prices: Prices, lost: str | None = None, redact: Redact = keep
) -> dict[str, Any]:
    """A row of `RESULTS`.

    Args:
        line: of a file of the batch; null where no file has one for the member.
        member: a row of `BATCH_ITEMS`.
        prices: of the model.
        lost: without a line: why it may have been billed all the same.
        redact: blots out the key.
    """
    # Whether a rejection is the request's own fault is seen from the whole batch; see `is_rejection`.
    work = RequestState(
        _request(member), prices, is_batch=True, attempts=1, is_cut=member["was_cut"], is_confirmed=True
    )
    work.blanks = 1 if member["attempt_no"] > 1 else 0
    found = Failure("transient", lost or "", billed=True) if line is None else read_result_line(line, redact)
    row: dict[str, Any] = {name: member[name] for name in _OF_MEMBER}
    if isinstance(found, NotRun):
        return {**row, "status": found.status, "error": found.message, **_cost(Charge(Decimal(0), "none"))}
    row |= _cost(work.charge(found))
    if isinstance(found, Answer):
        row |= {"status": found.status}
    else:
        row |= {"status": "lost" if line is None else found.kind, "error": found.message}
    row |= vars(found.usage) if found.usage else {}
    step = work.decide(found, RetryPolicy(), is_proven=True)
    if isinstance(step, Respond):
        answer = step.answer
        row |= {
            "response_status": step.status,
            "response_error": step.error,
            "is_rejection": step.status == "failed",
            "text": answer.text if answer else None,
            "reasoning": answer.reasoning if answer else None,
            "finish_reason": answer.finish_reason if answer else None,
            "served_model": answer.served_model if answer else None,
        }
    return row


def _cost(charge: Charge) -> dict[str, Any]:
    return {"cost_usd": charge.cost_usd, "cost_basis": charge.basis, "note": charge.note}


def _request(member: Mapping[str, Any]) -> Request:
    return Request(
        request_id=member["request_id"],
        provider="",
        model="",
        messages_json="",
        max_tokens=member["max_tokens"],
        max_tokens_cap=member["max_tokens_cap"],
        temperature=None,
        schema_json=None,
        prompt_tokens_bound=member["prompt_tokens_bound"],
        reserved_usd=member["reserved_usd"],
    )


def result_batches(batches: Mapping[str, BatchTerms]) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from members, each with its `line` or null, to rows of `RESULTS`.

    Args:
        batches: batch_key -> how its members were asked.
    """

    def read(arrow: ArrowBatches) -> ArrowBatches:
        for batch in arrow:
            rows = [result_of(row["line"], row, *batches[row["batch_key"]]) for row in batch.to_pylist()]
            yield pa.RecordBatch.from_pylist(rows, schema=_RESULTS)

    return read
