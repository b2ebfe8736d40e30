"""How long a provider asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, 10.2.3)."""

import math
import re
import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime


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
