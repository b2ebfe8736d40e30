"""What is to be said of how requests ended: which were refused and why, which ends nobody knows, who else answered."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.ledger.reservations import StageRequests
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, RESPONSES
from udfs.llm.served import is_other_model
from udfs.llm.wave import EndpointKey
from udfs.printable import printable

_NAMED = 3  # of reasons, ends and models, the most frequent first
_NOTES: Mapping[str, str] = {
    "odd_usage": "state a usage that cannot be their own",
    "overlong": "are far longer than the room they had",
}


@dataclass(frozen=True)
class Ending:
    """Requests that ended alike."""

    key: EndpointKey
    status: str
    """Of the response, or `odd_usage` or `overlong` of the attempt."""
    said: str | None = None
    """What the provider said, to one of those to which it said the same but for numbers; of `not_whole` the
    finish_reason."""
    served_model: str | None = None
    count: int = 1


def endings_of(responses: DataFrame, attempts: DataFrame, requests: DataFrame) -> DataFrame:
    """Count requests by how they ended.

    Args:
        responses: rows of `RESPONSES`.
        attempts: rows of `ATTEMPTS`.
        requests: column request_id, of which some may be named twice.

    Returns:
        provider, model, status, said, served_model and count, as `Ending` has them.
    """
    asked = requests.select("request_id").distinct()
    end = F.coalesce("finish_reason", F.lit("none"))
    said = F.when(F.col("status") == "not_whole", end).otherwise(F.col("error"))
    columns = ("provider", "model", "status", "said", "served_model")
    ended = responses.join(asked, "request_id", "left_semi").withColumn("said", said).select(*columns)
    nothing = F.lit(None).cast("string")
    noted = attempts.where("note is not null").join(asked, "request_id", "left_semi")
    marks = noted.select("provider", "model", F.col("note").alias("status"), nothing.alias("said"), nothing)
    without_numbers = F.regexp_replace("said", r"\d+", "#").alias("alike")
    counted = ended.union(marks).groupBy("provider", "model", "status", without_numbers, "served_model")
    return counted.agg(F.min("said").alias("said"), F.count("*").alias("count")).select(*columns, "count")


def read_endings(runtime: Runtime, asked: StageRequests) -> tuple[Ending, ...]:
    """How the requests of a stage have ended, as the ledger says."""
    rows = endings_of(runtime.read_or_empty(RESPONSES), runtime.read_or_empty(ATTEMPTS), asked.requests).collect()
    return tuple(
        Ending((row["provider"], row["model"]), row["status"], row["said"], row["served_model"], row["count"])
        for row in rows
    )


def without_answer(endings: Iterable[Ending]) -> tuple[int, int]:
    """Requests that ended without an answer, and all that ended."""
    ended = [one for one in endings if one.status not in _NOTES]
    return sum(one.count for one in ended if one.status != "answered"), sum(one.count for one in ended)


def remarks_on(endings: Iterable[Ending], names: Mapping[EndpointKey, str]) -> tuple[str, ...]:
    """Warnings for the report.

    Args:
        endings: of a stage.
        names: of its endpoints.
    """
    refused: dict[EndpointKey, Counter[str]] = {}
    ends: dict[EndpointKey, Counter[str]] = {}
    others: dict[EndpointKey, Counter[str]] = {}
    notes: Counter[tuple[EndpointKey, str]] = Counter()
    for one in endings:
        if one.status in _NOTES:
            notes[one.key, one.status] += one.count
        elif one.status == "not_whole":
            ends.setdefault(one.key, Counter())[one.said or "none"] += one.count
        elif one.status in ("failed", "content_filtered") and one.said:
            refused.setdefault(one.key, Counter())[one.said] += one.count
        if is_other_model(one.key[1], one.served_model):
            others.setdefault(one.key, Counter())[one.served_model or ""] += one.count

    def told(key: EndpointKey, text: str, counted: Counter[str], more: str) -> str:
        return f"{names.get(key, key[1])}: {counted.total():,} {text} ({_named(counted)}){more}"

    return (
        *(told(key, "prompts are refused for good", counted, "") for key, counted in sorted(refused.items())),
        *(
            told(key, "answers end in a way that no whole answer is known to", counted, "; they are not exported")
            for key, counted in sorted(ends.items())
        ),
        *(
            told(key, f"answers are of another model than {key[1]}", counted, "")
            for key, counted in sorted(others.items())
        ),
        *(
            f"{names.get(key, key[1])}: {count:,} answers {_NOTES[note]}; they are charged at worst"
            for (key, note), count in sorted(notes.items())
        ),
    )


def _named(counted: Counter[str]) -> str:
    most = [f"{count:,} × {printable(text)}" for text, count in counted.most_common(_NAMED)]
    return ", ".join([*most, *([f"and {len(counted) - _NAMED:,} more"] if len(counted) > _NAMED else [])])
