"""Requests, endpoints and contexts for tests, with one complete default each."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from schemas.calls import WAVE
from udfs.llm.cost import prompt_tokens_bound
from udfs.llm.map_calls import drive_calls
from udfs.llm.models import Endpoint, Prices, RateLimits
from udfs.llm.outcome import Outcome
from udfs.llm.request import Request
from udfs.llm.retries import RetryPolicy
from udfs.llm.wave import WaveContext

PRICES = Prices(input_usd_per_mtok=Decimal("2.5"), output_usd_per_mtok=Decimal("10"))
QUICK = RetryPolicy(max_attempts=5, base_seconds=0.01, longest_backoff_seconds=0.05, max_wait_seconds=20.0)


def endpoint(base_url: str, **changes: Any) -> Endpoint:
    fields: dict[str, Any] = {
        "provider": "test",
        "model": "m",
        "base_url": base_url,
        "api_key_env": None,
        "prices": PRICES,
        "limits": RateLimits(max_in_flight=16),
        "timeout_seconds": 20.0,
    }
    return Endpoint(**{**fields, **changes})


def request(token: str, **changes: Any) -> Request:
    messages = json.dumps([{"role": "user", "content": f"Say something of #{token}#, please."}])
    fields: dict[str, Any] = {
        "request_id": token,
        "provider": "test",
        "model": "m",
        "messages_json": messages,
        "max_tokens": 100,
        "max_tokens_cap": 100,
        "temperature": None,
        "schema_json": None,
        "prompt_tokens_bound": prompt_tokens_bound(messages),
        "reserved_usd": Decimal(1),
    }
    return Request(**{**fields, **changes})


def context(folder: Path, endpoints: Iterable[Endpoint], **changes: Any) -> WaveContext:
    fields: dict[str, Any] = {"journal": str(folder / "wave"), "endpoints": tuple(endpoints), "retries": QUICK}
    return WaveContext(**{**fields, **changes})


def drive(requests: Sequence[Request], wave: WaveContext) -> dict[str, Outcome]:
    """Outcomes by request; fails where one has none or two."""
    outcomes = list(drive_calls(requests, wave))
    assert sorted(outcome.request_id for outcome in outcomes) == sorted(request.request_id for request in requests)
    return {outcome.request_id: outcome for outcome in outcomes}


def words(token: str, count: int = 100) -> str:
    """A prompt of so many words."""
    return f"#{token}# " + " ".join(f"word{number}" for number in range(count - 1))


def asked_at_length(token: str, **changes: Any) -> Request:
    """A request of 100 words."""
    messages = json.dumps([{"role": "user", "content": words(token)}])
    bound = prompt_tokens_bound(messages)
    return request(token, messages_json=messages, prompt_tokens_bound=bound, max_tokens=300, **changes)


def wave_rows(spark: SparkSession, requests: Sequence[Request]) -> DataFrame:
    """Rows of `WAVE` that are not dealt yet."""
    fields = [field for field in WAVE.schema if field.name != "task"]
    rows = [tuple(getattr(one, field.name) for field in fields) for one in requests]
    return spark.createDataFrame(rows, StructType(fields))
