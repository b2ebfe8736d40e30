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
from udfs.scoring.judge_object import object_of, objects_in
from udfs.scoring.scorer import Score, weighted_tenths

JUDGE = "judge"

DIMENSIONS: tuple[str, ...] = ("accuracy", "helpfulness", "completeness", "clarity")
"""Names of the dimensions, in the order of the weights."""

_NAMES = frozenset(DIMENSIONS)

FAULTS: tuple[str, ...] = (
    "no_json",
    "not_alone",
    "repeated_key",
    "missing_dimension",
    "not_an_integer",
    "out_of_range",
    "contradiction",
)
"""Why a reply gives no score, as stored."""

_REASON_CHARS = 300
_NO_REASON = "The judge gave no reason."


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """What a usable reply says."""

    dimensions: tuple[int, ...]
    """1..10 each, in the order of `DIMENSIONS`."""
    category: str | None
    """Null where the judge named none of ours."""
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """One reply, read: a verdict or the fault that it has."""

    verdict: JudgeVerdict | None = None
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

    Only a reply that is the object counts, reasoning and a fence around it aside: an object inside a sentence may be
    quoted. A rating may be written 8 or 8.0, never 8.5, "8" or true. The ratings may stand in an object of their own.
    """
    found = object_of(text or "")
    if found == "not_alone" and _contradicts_itself(text or ""):
        return Judgement(fault="contradiction")
    return Judgement(fault=found) if isinstance(found, str) else _read_object(found)


def _contradicts_itself(text: str) -> bool:
    """Whether several objects of a text rate differently."""
    read = (_read_object({str(key).lower(): value for key, value in one.items()}) for one in objects_in(text))
    return len({one.verdict.dimensions for one in read if one.verdict is not None}) > 1


def judge_score(verdict: JudgeVerdict, weights: Sequence[int]) -> Score:
    """The score that a verdict gives: the weighted mean in integer tenths, a half rounded up."""
    return Score(
        JUDGE,
        dict(zip(DIMENSIONS, verdict.dimensions, strict=True)),
        weighted_tenths(verdict.dimensions, weights),
        verdict.reason,
    )


def _read_object(value: Mapping[str, Any]) -> Judgement:
    places = [one for one in (value, *value.values()) if isinstance(one, Mapping) and not _NAMES.isdisjoint(one)]
    if len(places) > 1:
        return Judgement(fault="repeated_key")
    rated = places[0] if places else value
    ratings = []
    for name in DIMENSIONS:
        if name not in rated:
            return Judgement(fault="missing_dimension")
        rating = _integer(rated[name])
        if rating is None:
            return Judgement(fault="not_an_integer")
        if not MIN_SCORE <= rating <= MAX_SCORE:
            return Judgement(fault="out_of_range")
        ratings.append(rating)
    category, reason = ({**rated, **value}.get(name) for name in ("category", "reason"))
    category = category.strip().lower() if isinstance(category, str) else None
    return Judgement(JudgeVerdict(tuple(ratings), category if category in CATEGORIES else None, _reason(reason)))


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _reason(value: object) -> str:
    text = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", value).split()) if isinstance(value, str) else ""
    return text[:_REASON_CHARS] or _NO_REASON
