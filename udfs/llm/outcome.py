"""What became of each request of a wave: exactly one of these comes out for each that goes in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from udfs.llm.answers import Status
from udfs.llm.request import Request

# The terminal ones, which are stored in `responses`; `failed`: the provider refuses this request for what it says.
Terminal = Status | Literal["failed"]
# Why a request is handed back, to stay pending. It is not final: money, a key or time will answer it.
Reason = Literal[
    # the provider or the model was stopped
    "billing",
    "auth",
    "not_found",
    "rejected",  # the same 400 again and again, and not one answer
    "unavailable",  # nothing but failures for `max_wait_seconds`
    "over_bound",  # it billed more than any tokenizer can make of the request
    "unexpected",  # an error of this program
    # the wave was stopped
    "stopped",
    "lease_lost",
    "superseded",
    # this request could not go on
    "attempts_exhausted",
    "reservation_spent",
    "max_wait",
    "larger_than_limit",  # of tokens a minute of this task
    "not_dealt",  # the endpoint is unknown, or not to be called by this task
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One request at the end of the wave."""

    request_id: str
    provider: str
    model: str
    state: Terminal | Literal["returned"]
    reason: Reason | None = None
    """Of a returned one; `over_bound` also of one that was answered, and billed so."""
    error: str | None = None
    """What the provider said last."""
    attempts: int
    """In this wave."""
    cost_usd: Decimal
    """Of this wave's attempts."""


def not_dealt(request: Request) -> Outcome:
    """Of a request that this task has nothing to do with."""
    return Outcome(
        request_id=request.request_id,
        provider=request.provider,
        model=request.model,
        state="returned",
        reason="not_dealt",
        attempts=0,
        cost_usd=Decimal(0),
    )
