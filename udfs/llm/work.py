"""A request on its way: what it has spent, and what to do after each attempt. No clock, no I/O."""

from dataclasses import dataclass, field
from decimal import Decimal

from udfs.llm.answers import Answer
from udfs.llm.cost import cost_of, worst_case
from udfs.llm.failures import Failure
from udfs.llm.models import Prices
from udfs.llm.outcome import Outcome, Reason, Terminal
from udfs.llm.request import Request
from udfs.llm.retries import RetryPolicy


@dataclass(frozen=True)
class Respond:
    """The request is done."""

    status: Terminal
    answer: Answer | None = None
    error: str | None = None


@dataclass(frozen=True)
class Again:
    """Another attempt, after some seconds."""

    seconds: float = 0.0


@dataclass(frozen=True)
class Hold:
    """Rejected by an endpoint that has answered nothing yet: whose fault it is will be seen from the others."""

    failure: Failure


@dataclass(frozen=True)
class HandBack:
    """The request stays pending."""

    reason: Reason


Step = Respond | Again | Hold | HandBack


@dataclass(frozen=True)
class Charge:
    """What an attempt cost."""

    cost_usd: Decimal
    basis: str  # usage, assumed (may have been billed, at worst case) or none


@dataclass
class Work:
    """A request and its account for this wave."""

    request: Request
    prices: Prices
    is_batch: bool = False  # asked at the prices of the Batch API
    attempts: int = 0
    failures: int = 0  # that count as attempts
    refusals: int = 0  # by rate limits, in a row
    refused_seconds: float = 0.0  # waited because of them
    spent_usd: Decimal = Decimal(0)
    is_cut: bool = False  # an answer was cut: the next attempt has all the room there is
    cut: Answer | None = field(default=None, repr=False)
    error: str | None = None

    @property
    def max_tokens(self) -> int:
        """Room of the next attempt."""
        return self.request.most_tokens if self.is_cut else self.request.max_tokens

    @property
    def worst_usd(self) -> Decimal:
        """What the next attempt may cost."""
        return worst_case(self.request.prompt_tokens_bound, self.max_tokens, self.prices, batch=self.is_batch)

    @property
    def is_affordable(self) -> bool:
        """Whether the next attempt fits into what is left of the reservation."""
        return self.spent_usd + self.worst_usd <= self.request.reserved_usd

    def charge(self, result: Answer | Failure) -> Charge:
        """Account for an attempt that has ended."""
        if isinstance(result, Answer) and result.usage is not None:
            charge = Charge(cost_of(result.usage, self.prices, batch=self.is_batch), "usage")
        elif isinstance(result, Answer) or result.billed:
            charge = Charge(self.worst_usd, "assumed")
        else:
            charge = Charge(Decimal(0), "none")
        self.spent_usd += charge.cost_usd
        return charge

    def charge_lost(self) -> None:
        """Account for an attempt that was abandoned in flight."""
        self.spent_usd += self.worst_usd

    def decide(self, result: Answer | Failure, policy: RetryPolicy, *, is_proven: bool) -> Step:
        """What comes next.

        Args:
            result: of the attempt, already charged.
            policy: of retries.
            is_proven: the endpoint has answered others, so that a rejection is this request's own fault.
        """
        if isinstance(result, Answer):
            return self._decide_answer(result)
        self.error = result.message
        if result.kind == "filtered":
            return Respond("content_filtered", error=result.message)
        if result.kind == "rejected":
            if self.is_cut:  # it was answered with less room, so the room is what is rejected
                return Respond("truncated", self.cut, result.message)
            return Respond("failed", error=result.message) if is_proven else Hold(result)
        if result.kind == "transient" or result.kind == "rate_limited":
            return self._retry(result, policy)
        return HandBack(result.kind)

    def _decide_answer(self, answer: Answer) -> Step:
        if answer.status != "truncated" or self.is_cut or self.request.most_tokens <= self.request.max_tokens:
            return Respond(answer.status, answer)
        self.is_cut, self.cut = True, answer
        return Again() if self.is_affordable else HandBack("reservation_spent")

    def _retry(self, failure: Failure, policy: RetryPolicy) -> Step:
        if failure.kind == "rate_limited":
            self.refusals += 1
            seconds = policy.backoff(self.refusals, failure.retry_after)
            self.refused_seconds += seconds
        else:
            self.failures += 1
            self.refusals, self.refused_seconds = 0, 0.0
            seconds = policy.backoff(self.failures, failure.retry_after)
        if not self.is_affordable:
            return HandBack("reservation_spent")
        if self.failures >= policy.max_attempts:
            return HandBack("attempts_exhausted")
        waits_too_long = max(seconds, self.refused_seconds) > policy.max_wait_seconds
        return HandBack("max_wait") if waits_too_long else Again(seconds)

    def outcome(self, *, state: Terminal | None = None, reason: Reason | None = None) -> Outcome:
        """The end of it."""
        return Outcome(
            request_id=self.request.request_id,
            provider=self.request.provider,
            model=self.request.model,
            state=state or "returned",
            reason=reason,
            error=None if state == "answered" else self.error,
            attempts=self.attempts,
            cost_usd=self.spent_usd,
        )
