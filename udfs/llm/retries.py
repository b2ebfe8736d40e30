"""When to try again: exponential backoff with full jitter, but never before the provider says so.

Full jitter (a uniform draw from 0 to the exponential bound) spreads retries best; see "Exponential Backoff And Jitter",
AWS Architecture Blog, 2015.
"""

import math
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
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
    now = time.time() if now is None else now
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = (headers.get("retry-after") or "").strip().strip("\"'")
    asked = [seconds for one in value.split(",") if (seconds := _asked_seconds(one.strip(), now)) is not None]
    # A date has a comma in it; several headers of the same name are joined by one.
    return _until_date(value, now) if not asked else max(asked)


def _asked_seconds(value: str, now: float) -> float | None:
    seconds = _number(value)
    if seconds is None:
        seconds = _duration_of(value)
    if seconds is None:
        return None
    for unit in (1_000, 1):  # a moment, in milliseconds or seconds since 1970
        if seconds >= _FIRST_MOMENT * unit:
            return max(0.0, seconds / unit - now)
    return seconds


def _duration_of(value: str) -> float | None:
    """Seconds of `1m30s`, `30 seconds` or `00:01:30`."""
    if _UNITS.fullmatch(value):
        return _sum_of(value)
    clock = _CLOCK.fullmatch(value)
    return None if clock is None else 3600.0 * int(clock[1]) + 60.0 * int(clock[2]) + float(clock[3])


def _until_date(value: str, now: float) -> float | None:
    at = _date_of(parsedate_to_datetime, value) or _date_of(datetime.fromisoformat, value.replace("Z", "+00:00"))
    if at is None:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return max(0.0, at.timestamp() - now)


def _date_of(parse: Callable[[str], datetime], value: str) -> datetime | None:
    try:
        return parse(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


_FIRST_MOMENT = 1_000_000_000
"""So many seconds are 31 years, which nobody is asked to wait; they are September 2001."""
_CLOCK = re.compile(r"(\d{1,3}):([0-5]?\d):([0-5]?\d(?:\.\d+)?)")
_UNIT = (
    r"(?:\d+(?:\.\d+)? ?|\b(?:an?|one) )"
    r"(?:ms|milliseconds?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?|秒|分钟|小时)(?![a-z])"
)
_UNITS = re.compile(rf"{_UNIT}(?:(?:,| and)? ?{_UNIT})*", re.IGNORECASE)
_SAID = re.compile(
    rf"(?:try again|retry|available|reset\w*|wait|cool-?down|back off)\D{{0,20}}?(?<![a-z])({_UNITS.pattern})"
    rf"|retry[-_ ]after\W{{1,4}}(?P<bare>\d+(?:\.\d+)?)(?![\d.:]*\d|:| ?[a-z%])"
    rf"|(?P<chinese>\d+(?:\.\d+)? ?(?:秒|分钟|小时))钟?之?后",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:\.\d+)? ?|\b(?:an?|one) )(ms|mil|d|h|m|s|秒|分钟|小时)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "mil": 0.001, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0} | {
    "秒": 1.0,
    "分钟": 60.0,
    "小时": 3600.0,
}


def said_seconds(message: str) -> float | None:
    """Seconds to wait as a message says it, such as `Please try again in 1m2.5s`; null where it does not."""
    said = _SAID.search(message[:2_000])
    if said is None:
        return None
    return float(said["bare"]) if said["bare"] else _sum_of(said["chinese"] or said[1])


def _sum_of(text: str) -> float:
    parts = _PART.findall(text)
    return sum(_SECONDS[unit.lower()] * (float(number) if number[0].isdigit() else 1) for number, unit in parts)
