"""A request on its way: what it has spent, and what to do after each attempt. No clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from udfs.llm.answers import ODD_USAGE, OVERLONG, Answer
from udfs.llm.cost import cost_of, worst_case
from udfs.llm.failures import AGAIN, HELD, Failure, Kind
from udfs.llm.models import Prices
from udfs.llm.outcome import Outcome, Reason, Terminal
from udfs.llm.request import Request
from udfs.llm.retries import RetryPolicy

# Whose trouble it is when nobody of these endpoints is asked any more.
_STOPS: Mapping[Kind, Reason] = {
    "billing": "billing",
    "auth": "auth",
    "not_found": "not_found",
    "unexpected": "unexpected",
}
_BLANKS = 2  # after which a prompt that is answered with nothing counts as filtered
# English has about 4 bytes a token, Chinese and Hindi up to 12; what is far above was not counted, or not asked for.
_BYTES_PER_TOKEN = 16
_BYTES_FREE = 1_000


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
class Park:
    """Rejected: whose fault it is will be seen from what the endpoint says to calls that are sent afterwards."""

    failure: Failure


@dataclass(frozen=True)
class Requeue:
    """The request stays pending."""

    reason: Reason


Step = Respond | Again | Park | Requeue


@dataclass(frozen=True)
class Charge:
    """What an attempt cost."""

    cost_usd: Decimal
    basis: str
    """`usage`, `assumed` (may have been billed, at worst case) or `none`."""
    note: str | None = None
    """Why the usage is not believed: `odd_usage` or `overlong`."""


@dataclass
class RequestState:
    """A request and its account for this wave."""

    request: Request
    prices: Prices
    is_batch: bool = False
    """Asked at the prices of the Batch API."""
    attempts: int = 0
    failures: int = 0
    """Failures that count as attempts."""
    refusals: int = 0
    """By rate limits, in a row."""
    refused_seconds: float = 0.0
    """Waited because of them."""
    spent_usd: Decimal = Decimal(0)
    blanks: int = 0
    """HTTP 200 without an answer or an error."""
    is_confirmed: bool = False
    """Rejected once, and the endpoint has answered others since: it is this request's fault."""
    over_bound: str | None = None
    """What is to be said where it was billed more than its worst case."""
    is_cut: bool = False
    """An answer was cut: the next attempt has all the room there is."""
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
        charge = self._charge(result)
        self.spent_usd += charge.cost_usd
        return charge

    def _charge(self, result: Answer | Failure) -> Charge:
        answer = result if isinstance(result, Answer) else None
        if isinstance(result, Failure) and not result.billed:
            return Charge(Decimal(0), "none")
        if result.usage is None:
            return Charge(self.worst_usd, "assumed", answer.note if answer else None)
        cost = cost_of(result.usage, self.prices, batch=self.is_batch)
        if answer and (note := self._disbelief(answer)):
            return Charge(max(cost, self.worst_usd), "assumed", note)
        return Charge(cost, "usage")

    def _disbelief(self, answer: Answer) -> str | None:
        """Why the usage of an answer is not believed; null: it is."""
        texts = (answer.text or "", answer.reasoning or "")
        size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
        if size > _BYTES_PER_TOKEN * self.max_tokens + _BYTES_FREE:
            return OVERLONG
        tokens = answer.usage.completion_tokens if answer.usage else 0
        return ODD_USAGE if size > 2 * _BYTES_PER_TOKEN * tokens + _BYTES_FREE else None

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
        self.error, kind = result.message, result.kind
        if kind == "filtered":
            return Respond("content_filtered", error=result.message)
        if kind == "truncated":
            return self._more_room(None, result.message)
        if kind in ("rejected", "too_large") and self.is_cut:  # it was answered with less room, so that is rejected
            return Respond("truncated", self.cut, result.message)
        if kind in HELD:
            return Respond("failed", error=result.message) if self.is_confirmed else Park(result)
        if kind in ("too_large", "odd_answer"):
            return Respond("failed", error=result.message) if is_proven or self.is_confirmed else Park(result)
        if kind == "no_answer":
            return self._decide_blank(result, policy, is_proven=is_proven)
        if kind == "broken_off" and is_proven and self._always_breaks_off(policy):
            return Respond("failed", error=f"{result.message}, {self.request.attempts_before + self.attempts} times")
        if kind in AGAIN or kind == "rate_limited":
            return self._retry(result, policy)
        return Requeue(_STOPS[kind])

    def _always_breaks_off(self, policy: RetryPolicy) -> bool:
        """Whether the answer broke off in all attempts of this wave, and others before it were of no use either.

        A provider in trouble breaks off many answers at once and is over it by the next run; an answer that breaks off
        then too does so for a reason of its own, and is billed each time.
        """
        return self.failures + 1 >= policy.max_attempts <= self.request.attempts_before

    def _decide_answer(self, answer: Answer) -> Step:
        return self._more_room(answer) if answer.status == "truncated" else Respond(answer.status, answer)

    def _more_room(self, answer: Answer | None, error: str | None = None) -> Step:
        """An answer ran out of room: once more with all there is, then it stays cut."""
        if self.is_cut or self.request.most_tokens <= self.request.max_tokens:
            return Respond("truncated", answer or self.cut, error)
        self.is_cut, self.cut = True, answer
        return Again() if self.is_affordable else Requeue("reservation_spent")

    def _decide_blank(self, failure: Failure, policy: RetryPolicy, *, is_proven: bool) -> Step:
        """Nothing at all came back, which is what a blocked prompt looks like at some providers."""
        self.blanks += 1
        if self.blanks < _BLANKS:
            return self._retry(failure, policy)
        if is_proven or self.is_confirmed:
            return Respond("content_filtered", error=f"{failure.message}, {self.blanks} times")
        return Park(failure)

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
            return Requeue("reservation_spent")
        if self.failures >= policy.max_attempts:
            return Requeue("attempts_exhausted")
        waits_too_long = max(seconds, self.refused_seconds) > policy.max_wait_seconds
        return Requeue("max_wait") if waits_too_long else Again(seconds)

    def outcome(self, *, state: Terminal | None = None, reason: Reason | None = None) -> Outcome:
        """The end of it."""
        return Outcome(
            request_id=self.request.request_id,
            provider=self.request.provider,
            model=self.request.model,
            state=state or "returned",
            reason="over_bound" if self.over_bound else reason,
            error=self.over_bound or (None if state == "answered" else self.error),
            attempts=self.attempts,
            cost_usd=self.spent_usd,
        )
