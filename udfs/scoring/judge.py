"""The judge's side of scoring: what its reply must look like, and what a reply says. Fails closed.

A reply is used only where it gives one integer from 1 to 10 for each dimension and does not contradict itself;
everything else is a fault with a name, and a pair without a score is never exported.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.records import CATEGORIES, MAX_SCORE, MIN_SCORE
from udfs.scoring.scorer import Score, weighted_tenths

JUDGE = "judge"

DIMENSIONS: tuple[str, ...] = ("accuracy", "helpfulness", "completeness", "clarity")
"""Names of the dimensions, in the order of the weights."""

FAULTS: tuple[str, ...] = ("no_json", "missing_dimension", "not_an_integer", "out_of_range", "contradiction")
"""Why a reply gives no score, as stored."""

_REASON_CHARS = 300
_NO_REASON = "The judge gave no reason."
# A reply of the room that is asked for is far below; what is longer is no verdict, and must not cost time.
_REPLY_CHARS = 20_000
_MOST_OBJECTS = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a usable reply says."""

    dimensions: tuple[int, ...]
    """1..10 each, in the order of `DIMENSIONS`."""
    category: str | None
    """Null where the judge named none of ours."""
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """One reply, read: a verdict or the fault that it has."""

    verdict: Verdict | None = None
    fault: str | None = None
    """One of `FAULTS`."""


def judge_schema() -> dict[str, Any]:
    """JSON schema of a reply, strict: every key required, none added. The reason comes first, to be thought first."""
    # An enumeration and not minimum and maximum, which not every provider's strict mode takes.
    rating = {"type": "integer", "enum": list(range(MIN_SCORE, MAX_SCORE + 1))}
    properties: dict[str, Any] = {
        "reason": {"type": "string"},
        **{name: rating for name in DIMENSIONS},
        "category": {"type": "string", "enum": list(CATEGORIES)},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def judge_schema_json() -> str:
    """The schema as a request carries it."""
    return json.dumps(judge_schema(), separators=(",", ":"))


def read_reply(text: str | None) -> Judgement:
    """Read the judge's reply; never raises, whatever the text.

    Prose and code fences around the object are passed over, since a provider without schemas adds them. A rating may be
    written 8 or 8.0, never 8.5, "8" or true. Several objects with ratings must agree: a reply that quotes the example
    must not be taken for one that rates it.
    """
    found = [_read_object(one) for one in _objects(text or "")]
    if not found:
        return Judgement(fault="no_json")
    verdicts = {one.verdict.dimensions: one for one in found if one.verdict is not None}
    if len(verdicts) > 1:
        return Judgement(fault="contradiction")
    return next(iter(verdicts.values()), found[-1])


def judge_score(verdict: Verdict, weights: Sequence[int]) -> Score:
    """The score that a verdict gives: the weighted mean in integer tenths, a half rounded up."""
    return Score(
        JUDGE,
        dict(zip(DIMENSIONS, verdict.dimensions, strict=True)),
        weighted_tenths(verdict.dimensions, weights),
        verdict.reason,
    )


def _objects(text: str) -> list[Mapping[str, Any]]:
    """JSON objects of a text, from the outside: those inside another one are part of it."""
    decoder, start = json.JSONDecoder(), 0
    found: list[Mapping[str, Any]] = []
    text = text[:_REPLY_CHARS]
    for _ in range(_MOST_OBJECTS):
        start = text.find("{", start)
        if start < 0:
            break
        try:
            value, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start += 1
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _read_object(value: Mapping[str, Any]) -> Judgement:
    ratings = []
    for name in DIMENSIONS:
        if name not in value:
            return Judgement(fault="missing_dimension")
        rating = _integer(value[name])
        if rating is None:
            return Judgement(fault="not_an_integer")
        if not MIN_SCORE <= rating <= MAX_SCORE:
            return Judgement(fault="out_of_range")
        ratings.append(rating)
    category = value.get("category")
    return Judgement(
        Verdict(tuple(ratings), category if category in CATEGORIES else None, _reason(value.get("reason")))
    )


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _reason(value: object) -> str:
    text = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", value).split()) if isinstance(value, str) else ""
    return text[:_REASON_CHARS] or _NO_REASON
