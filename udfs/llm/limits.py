"""Requests and tokens a minute: never above the limit in any window, and evenly spread.

Two rules admit a call. The *log* of what was admitted in the last window never sums to more than the limit: that is the
guarantee. The *pace* (generic cell rate algorithm, ITU-T I.371) spaces the calls so that a window is used evenly and
not in a burst at its start; a call that comes late may catch up for at most 2 % of a window.

A provider may keep its limits in shorter windows than it says, a second's part of them in a second. Every refusal
halves the window and what it holds, which costs no throughput and takes the bursts away.

The window is taken 2 % longer than the provider's, because calls reach the provider with other delays than they were
sent with. So at most 98 % of a limit is used.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from udfs.llm.models import RateLimits

_LONGER = 1.02
_CATCH_UP = 0.02
_SHORTEST_SECONDS = 1.0
_EPSILON = 1e-9
WORTH_HAVING = 20
"""Of the largest requests, for which there should be room in a window."""


@dataclass(slots=True)
class Grant:
    """An amount admitted at a time."""

    at: float
    amount: float


class RateLimit:
    """Admits amounts (1 for a request, or its tokens) under one limit.

    Args:
        limit: the most in any window.
        window_seconds: of the provider.
        history: (time, amount) admitted before, oldest first, on the clock that `now` is read from.
    """

    def __init__(self, limit: float, window_seconds: float, history: Iterable[tuple[float, float]] = ()) -> None:
        self._log = deque(Grant(at, amount) for at, amount in history)
        self._sum = sum(grant.amount for grant in self._log)
        self._next = float("-inf")  # when the pace admits the next call
        self._set(limit, window_seconds)

    def _set(self, limit: float, window_seconds: float) -> None:
        self.limit, self._window_seconds = limit, window_seconds
        self._window = window_seconds * _LONGER
        self._seconds_each = self._window / limit if limit > 0 else float("inf")
        self._catch_up = window_seconds * _CATCH_UP

    def shorten(self, least: float) -> None:
        """Halve the window and what it holds, but to no less than a second and the least that it has to hold."""
        if self.limit > 0:
            part = max(0.5, least / self.limit, _SHORTEST_SECONDS / self._window_seconds)
            self._set(self.limit * min(1.0, part), self._window_seconds * min(1.0, part))

    def wait(self, now: float, amount: float) -> float:
        """Seconds until the amount may be taken; 0 now, infinite if it exceeds the limit itself."""
        if amount > self.limit + _EPSILON:
            return float("inf")
        self._forget(now)
        return max(0.0, self._next - now, self._room_at(amount) - now)

    def take(self, now: float, amount: float) -> Grant:
        """Admit an amount; `wait` must have said 0."""
        self._forget(now)
        grant = Grant(now, amount)
        self._log.append(grant)
        self._sum += amount
        self._next = max(self._next, now - self._catch_up) + amount * self._seconds_each
        return grant

    def correct(self, grant: Grant, amount: float) -> None:
        """Replace the amount of a grant by what the provider counted in the end."""
        difference = amount - grant.amount
        if self._log and grant.at >= self._log[0].at:  # else it is forgotten already
            grant.amount = amount
            self._sum += difference
            self._next += difference * self._seconds_each

    def _forget(self, now: float) -> None:
        while self._log and self._log[0].at <= now - self._window:
            self._sum -= self._log.popleft().amount
        if not self._log:
            self._sum = 0.0  # no rounding errors are carried on

    def _room_at(self, amount: float) -> float:
        """When enough of the log will have left the window."""
        excess, room_at = self._sum + amount - self.limit, float("-inf")
        for grant in self._log:
            if excess <= _EPSILON * self.limit:
                break
            excess -= grant.amount
            room_at = grant.at + self._window
        return room_at


def share(limit: int, place: int, tasks: int) -> int:
    """What one of `tasks` tasks may use of a limit; the shares of all places sum to the limit."""
    return limit // tasks + (place < limit % tasks)


def tasks_for(limits: RateLimits, slots: int, largest_tokens: int) -> int:
    """How many tasks may share an endpoint so that each share is worth having.

    Every task needs a request a window and a call in flight, and room for some of the largest requests: what is left of
    a window because the next request does not fit is lost.

    Args:
        limits: of the endpoint.
        slots: tasks that run at once.
        largest_tokens: prompt and answer of the largest request, in tokens.
    """
    most = min(slots, limits.max_in_flight)
    if limits.rpm is not None:
        most = min(most, limits.rpm)
    if limits.tpm is not None:
        most = min(most, limits.tpm // (WORTH_HAVING * max(1, largest_tokens)))
    return max(1, most)


def share_of_history(
    history: Sequence[tuple[float, float, float]], tasks: int
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """What one task carries of the (time, requests, tokens) that all sent in the last window: an equal part of each."""
    requests = [(at, count / tasks) for at, count, _ in history]
    tokens = [(at, amount / tasks) for at, _, amount in history]
    return requests, tokens


_RECOVERY = 1 / 20


class Concurrency:
    """The number of calls in flight that one task allows itself at one endpoint."""

    def __init__(self, most: int) -> None:
        self._most = float(max(1, most))
        self._now = self._most

    @property
    def calls(self) -> int:
        """Calls that may be in flight, at least 1."""
        return int(self._now)

    def refused(self) -> None:
        """A call was refused by a rate limit."""
        self._now = max(1.0, self._now - 0.5)

    def answered(self) -> None:
        """A call was answered."""
        self._now = min(self._most, self._now + self._most * _RECOVERY / self._now)
