"""When to try again: exponential backoff with full jitter, but never before the provider says so.

Full jitter (a uniform draw from 0 to the exponential bound) spreads retries best; see "Exponential Backoff And Jitter",
AWS Architecture Blog, 2015.
"""

import math
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long.

    A refusal by a rate limit does not count as an attempt. What is asked to wait longer than `max_wait_seconds`, and
    what an endpoint that has answered nothing for so long still has, is handed back instead.
    """

    max_attempts: int = 5
    """Of one request in one wave, its first included."""
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


def retry_after_seconds(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait, never negative, or None where nothing intelligible is asked.

    Args:
        headers: of the response, names in lower case or case-insensitive.
        now: seconds since the epoch, for dates; null: the clock.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return max(0.0, at.timestamp() - (time.time() if now is None else now))


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


_UNIT = r"\d+(?:\.\d+)? ?(?:ms|milliseconds?|h|hours?|m|minutes?|s|seconds?)\s?"


_SAID = re.compile(rf"(?:try again|retry|available|reset\w*|wait)\D{{0,20}}?((?:{_UNIT})+)", re.IGNORECASE)


_PART = re.compile(r"(\d+(?:\.\d+)?) ?(ms|mil|h|m|s)", re.IGNORECASE)


_SECONDS = {"ms": 0.001, "mil": 0.001, "h": 3600.0, "m": 60.0, "s": 1.0}


def said_seconds(message: str) -> float | None:
    """Seconds to wait as a message says it, such as `Please try again in 1m2.5s`; null where it does not."""
    said = _SAID.search(message[:2_000])
    if said is None:
        return None
    return sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(said[1]))
