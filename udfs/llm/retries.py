"""When to try again: exponential backoff with full jitter, but never before the provider says so.

Full jitter (a uniform draw from 0 to the exponential bound) spreads retries best; see "Exponential Backoff And Jitter",
AWS Architecture Blog, 2015.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long.

    A refusal by a rate limit does not count as an attempt. What is asked to wait longer than `max_wait_seconds`, and
    what an endpoint that has answered nothing for so long still has, is handed back instead.
    """

    max_attempts: int = 5  # of one request in one wave, its first included
    base_seconds: float = 0.5
    longest_backoff_seconds: float = 30.0
    max_wait_seconds: float = 120.0

    def backoff(self, failures: int, retry_after: float | None = None) -> float:
        """Seconds to wait after that many failures in a row, at least 1."""
        bound = min(self.longest_backoff_seconds, self.base_seconds * 2.0 ** min(failures - 1, 30))
        drawn = random.uniform(0.0, bound)  # noqa: S311 - spreads load, guards nothing
        if retry_after is None:
            return drawn
        # Everybody was told the same moment, so there is some jitter after it too.
        return max(drawn, retry_after + min(drawn, self.base_seconds))
