"""One endpoint within one task: what waits, what may start, and when the endpoint is given up.

An endpoint is stopped at once when it refuses the key or the bill or does not know the model; after 20 equal rejections
without one answer to a call that was sent later; when it has brought nothing but failures for `max_wait_seconds`, a few
bodies in a row that are no answers, or answers that all end in a way nobody knows; and when it bills more than was
reserved. Its requests are handed back, never failed for good.
"""

import heapq
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import count

from udfs.llm.answers import Answer
from udfs.llm.failures import AGAIN, Failure
from udfs.llm.journal_reader import JournalContents
from udfs.llm.limits import WORTH_HAVING, Concurrency, Grant, RateLimit, share, share_of_history
from udfs.llm.models import Endpoint
from udfs.llm.outcome import Reason
from udfs.llm.request_state import RequestState
from udfs.llm.retries import RetryPolicy
from udfs.llm.wave import EndpointKey, Send, WaveContext

_EQUAL_REJECTIONS = 20
_FEW_REJECTIONS = 4  # of all tasks together, at the end of a wave: no account's trouble stops at so few
_ANSWERS_FOR_ONE = 4  # beside each rejection at the end of a wave, to take it for the request's own
_UNREADABLE_IN_A_ROW, _UNREADABLE_OF_A_PROVEN = 3, 10
_UNKNOWN_ENDS_IN_A_ROW = 10
_PROBES = 5  # calls one by one, before an endpoint that rejects them all is stopped
_FEWEST_FAILURES = 10  # before an endpoint is called unavailable
_REFUSALS_IN_A_ROW = 3  # before all of an endpoint's calls wait for the time one of them was told
_ANSWERS_TO_TRUST = 20  # before prompts are counted by their usual tokens a byte
_ROOM_FOR_CHANCE = 1.1

Grants = tuple[Grant | None, Grant | None]


class EndpointQueue:
    """The calls of one task to one endpoint.

    Args:
        endpoint: the model.
        place, tasks: which of how many equal shares of its limits is this task's.
        history: (time, requests, tokens) that all tasks sent in the last window, on the clock of `now`.
        own_history: the same of an earlier attempt of this task alone.
        is_proven: it has answered before.
        policy: of retries.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        place: int,
        tasks: int,
        policy: RetryPolicy,
        *,
        history: Sequence[Send] = (),
        own_history: Sequence[Send] = (),
        is_proven: bool = False,
    ) -> None:
        limits = endpoint.limits
        requests, tokens = share_of_history(history, tasks)
        requests += [(at, number) for at, number, _ in own_history]
        tokens += [(at, amount) for at, _, amount in own_history]
        self.endpoint, self._policy = endpoint, policy
        self.most_in_flight = share(limits.max_in_flight, place, tasks)
        self._concurrency = Concurrency(self.most_in_flight)
        self._requests = self._tokens = None
        if limits.rpm is not None:
            self._requests = RateLimit(share(limits.rpm, place, tasks), limits.window_seconds, sorted(requests))
        if limits.tpm is not None:
            self._tokens = RateLimit(share(limits.tpm, place, tasks), limits.window_seconds, sorted(tokens))
        self.stopped: tuple[Reason, str] | None = None
        self.is_proven = is_proven
        self.in_flight = 0
        self._ready: deque[RequestState] = deque()
        self._most_tokens = 0  # of any request
        self._delayed: list[tuple[float, int, RequestState]] = []
        self._number = count()
        self._few = max(1, _FEW_REJECTIONS // tasks)
        self._held: list[tuple[float, RequestState, Failure]] = []  # when it was rejected
        self._rejections: Counter[str] = Counter()  # of these, by what was said
        self._answers_since_held = self._probes = 0
        self._unreadable = 0  # in a row
        self._unknown_ends: Counter[str | None] = Counter()  # since the last answer that ended as one does
        self._paused_until = float("-inf")
        self._refusals = self._failures = 0
        self._failing_since: float | None = None
        self._answers, self._tokens_per_byte = 0, 0.0

    @property
    def waiting(self) -> int:
        """Requests that are to be called yet."""
        return len(self._ready) + len(self._delayed)

    def add(self, work: RequestState, due: float | None = None) -> None:
        """Queue a request, to start at a time or at once."""
        self._most_tokens = max(self._most_tokens, work.request.most_tokens)
        if due is None:
            self._ready.append(work)
        else:
            heapq.heappush(self._delayed, (due, next(self._number), work))

    def next_start(self, now: float) -> RequestState | float:
        """The request to start now, or the seconds until there may be one (infinite: not before something ends)."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.appendleft(heapq.heappop(self._delayed)[2])
        is_probe = self._is_in_doubt()
        if self.stopped or self.in_flight >= (1 if is_probe else self._concurrency.calls):
            return float("inf")
        if not self._ready:
            return self._delayed[0][0] - now if self._delayed else float("inf")
        seconds = max(self._paused_until - now, self._wait(now, self._ready[0]))
        if seconds > 0:
            return seconds
        self._probes += is_probe
        return self._ready.popleft()

    def fits(self, work: RequestState) -> bool:
        """Whether this task's share of the limits has room for the request at all."""
        if self._requests is not None and self._requests.limit < 1:
            return False
        return self._tokens is None or work.request.most_tokens <= self._tokens.limit

    def admit(self, now: float, work: RequestState) -> Grants:
        """Count a request that starts now."""
        self.in_flight += 1
        return (
            self._requests.take(now, 1) if self._requests else None,
            self._tokens.take(now, self.tokens_of(work)) if self._tokens else None,
        )

    def tokens_of(self, work: RequestState) -> float:
        """What an attempt counts against the tokens a minute when it is admitted: prompt and all room there is.

        The prompt counts with its bytes until 20 answers have told how many tokens this model makes of a byte.
        """
        is_known = self._answers >= _ANSWERS_TO_TRUST
        usual = min(1.0, self._tokens_per_byte * _ROOM_FOR_CHANCE) if is_known else 1.0
        counted = work.request.prompt_tokens_bound * usual + work.max_tokens
        # A long prompt's bytes may exceed a limit that its tokens do not; it has the window to itself.
        return min(counted, self._tokens.limit) if self._tokens else counted

    def note(
        self,
        now: float,
        work: RequestState,
        max_tokens: int,
        grants: Grants,
        result: Answer | Failure,
        started: float = float("inf"),
    ) -> None:
        """Learn from how a call ended.

        Args:
            now: when it ended.
            work: whose call it was.
            max_tokens: room it had.
            grants: what it was admitted with.
            result: of the call.
            started: when it was sent; infinite: just now.
        """
        if isinstance(result, Answer):
            self._note_answer(work, max_tokens, grants, result, started)
        elif result.kind == "rate_limited":
            self._refusals += 1
            self._concurrency.refused()
            self._shorten_windows()
            if self._refusals >= _REFUSALS_IN_A_ROW:
                self._pause(now, result)
            self._note_failure(now, result)
        elif result.kind in AGAIN:
            self._note_failure(now, result)
            if result.kind == "unreadable":
                self._note_unreadable(result)
        elif result.kind == "truncated":  # it has generated, only not enough
            self._note_life(started)
        elif result.kind in ("billing", "auth", "not_found", "unexpected"):
            self.stop(result.kind, result.message)

    def _shorten_windows(self) -> None:
        if self._requests is not None:
            self._requests.shorten(least=1)
        if self._tokens is not None:
            self._tokens.shorten(least=WORTH_HAVING * self._most_tokens)

    def _note_life(self, started: float) -> None:
        """The endpoint has answered a call that was sent then."""
        self.is_proven = True
        self._refusals = self._failures = self._unreadable = 0
        self._failing_since = None
        if self._held:
            self._answers_since_held += 1
            # An answer to a call that was sent before says nothing: the account may have run out in between.
            self._confirm([held for held in self._held if held[0] <= started])

    def _note_answer(
        self, work: RequestState, max_tokens: int, grants: Grants, answer: Answer, started: float = float("inf")
    ) -> None:
        self._note_life(started)
        self._note_end(answer)
        self._concurrency.answered()
        if answer.usage is None:
            return
        self._answers += 1
        spent = answer.usage.prompt_tokens
        self._tokens_per_byte = max(self._tokens_per_byte, spent / max(1, work.request.prompt_tokens_bound))
        if self._tokens and grants[1]:
            self._tokens.correct(grants[1], spent + max_tokens)

    def _note_failure(self, now: float, failure: Failure) -> None:
        self._failures += 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        if self._failures >= _FEWEST_FAILURES and now - self._failing_since > self._policy.max_wait_seconds:
            self.stop("unavailable", failure.message)

    def _note_unreadable(self, failure: Failure) -> None:
        self._unreadable += 1
        most = _UNREADABLE_OF_A_PROVEN if self.is_proven else _UNREADABLE_IN_A_ROW
        if self._unreadable >= most:
            self.stop("unexpected", f"{self._unreadable} answers in a row are none: {failure.message}")

    def _note_end(self, answer: Answer) -> None:
        if answer.status != "not_whole":
            self._unknown_ends.clear()
            return
        self._unknown_ends[answer.finish_reason] += 1
        if self._unknown_ends[answer.finish_reason] >= _UNKNOWN_ENDS_IN_A_ROW:
            said = f"finish_reason {answer.finish_reason!r}" if answer.finish_reason else "no finish_reason"
            self.stop("unexpected", f"its answers end with {said}, so nobody knows whether they are whole")

    def _pause(self, now: float, failure: Failure) -> None:
        seconds = self._policy.backoff(self._refusals - _REFUSALS_IN_A_ROW + 1, failure.retry_after)
        if seconds > self._policy.max_wait_seconds:
            self.stop("unavailable", f"{failure.message}; asks to wait {seconds:.0f} s")
        self._paused_until = max(self._paused_until, now + seconds)

    def hold(self, work: RequestState, failure: Failure, now: float = 0.0) -> None:
        """Keep a rejected request until the endpoint answers a later call, or stop an endpoint that answers none."""
        if not self._held:
            self._answers_since_held = self._probes = 0
        self._held.append((now, work, failure))
        self._rejections[failure.signature] += 1
        self._is_in_doubt()

    def _is_in_doubt(self) -> bool:
        """Whether so many equal rejections are kept that calls leave one by one, to see whether one is answered.

        The endpoint is stopped where a few of them are not, or where it has answered nothing at all.
        """
        if max(self._rejections.values(), default=0) < _EQUAL_REJECTIONS:
            return False
        if self.in_flight <= 0 and (self._probes >= _PROBES or not self._answers_since_held):
            self.stop(*self._why(self._held[-1][2]))
        return True

    @staticmethod
    def _why(failure: Failure) -> tuple[Reason, str]:
        return "auth" if failure.kind == "forbidden" else "rejected", failure.message

    def _confirm(self, held: Sequence[tuple[float, RequestState, Failure]]) -> None:
        """Ask again what was rejected while others were not: whoever is rejected once more is so for its own fault."""
        if not held:
            return
        for _, work, _ in held:
            work.is_confirmed = True
            self._ready.append(work)
        self._held = [one for one in self._held if not one[1].is_confirmed]
        self._rejections = Counter(failure.signature for _, _, failure in self._held)
        self._probes = 0

    def confirm_rest(self) -> bool:
        """Whether, at the end of a wave, the requests that are kept are so few that they are at fault themselves."""
        if not self._held or self.stopped or not self.is_proven:
            return False
        is_few = len(self._held) <= self._few or len(self._held) * _ANSWERS_FOR_ONE <= self._answers_since_held
        if is_few:
            self._confirm(list(self._held))
        return is_few

    def take_held(self) -> list[tuple[RequestState, Reason]]:
        """Take out the requests that were kept, each with the reason to hand it back for."""
        held, self._held = self._held, []
        self._rejections.clear()
        return [(work, self._why(failure)[0]) for _, work, failure in held]

    def stop(self, reason: Reason, message: str) -> None:
        """Start nothing more here. The first reason stays."""
        self.stopped = self.stopped or (reason, message)

    def drain(self) -> Iterator[RequestState]:
        """Take out all that waits or was kept."""
        yield from self._ready
        yield from (work for work, _ in self.take_held())
        self._ready.clear()
        while self._delayed:
            yield heapq.heappop(self._delayed)[2]

    def _wait(self, now: float, work: RequestState) -> float:
        requests = self._requests.wait(now, 1) if self._requests else 0.0
        return max(requests, self._tokens.wait(now, self.tokens_of(work)) if self._tokens else 0.0)


def open_queues(
    context: WaveContext, task: int, before: JournalContents, own_prefix: str
) -> dict[EndpointKey, EndpointQueue]:
    """A queue for each endpoint that this task calls.

    Args:
        context: of the wave.
        task: number of the task.
        before: the wave's journal so far.
        own_prefix: what the attempt ids of this task's earlier attempts begin with.
    """
    queues = {}
    for endpoint in context.endpoints:
        place = context.place(endpoint.key, task)
        if place is None:
            continue
        own = [
            _monotonic((sent["sent_at"], 1, sent["tokens"]))
            for sent in before.sends
            if sent["attempt_id"].startswith(own_prefix) and (sent["provider"], sent["model"]) == endpoint.key
        ]
        queues[endpoint.key] = EndpointQueue(
            endpoint,
            *place,
            context.retries,
            history=[_monotonic(send) for send in context.sends.get(endpoint.key, ())],
            own_history=own,
            is_proven=endpoint.key in context.proven or endpoint.key in before.answered_by,
        )
    return queues


def _monotonic(send: Send) -> Send:
    return send[0] - time.time() + time.monotonic(), send[1], send[2]
