"""Requests on their way into batches: which goes into which file, and its line there."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from schemas.batches import PACKED
from udfs.arrow_groups import ArrowBatches
from udfs.llm.client import body_of
from udfs.llm.cost import worst_case
from udfs.llm.models import Endpoint
from udfs.llm.request import Request
from udfs.llm.wave import EndpointKey

BYTES_PER_TOKEN = 3
"""Of prompts, when their place in a queue is estimated: fewer than English has, about what other scripts have."""
LINE = pa.schema([("batch_key", pa.string()), ("line", pa.string())])
_PACKED = to_arrow_schema(PACKED)
_ROWS_OUT = 10_000
_CHAT_PATH = "/v1/chat/completions"
# Legal inside JSON, but some readers of lines end one there.
_LINE_ENDS = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\u0085\u2028\u2029"}


@dataclass(frozen=True, kw_only=True)
class Room:
    """What may be sent to one endpoint now."""

    endpoint: Endpoint
    max_requests: int
    max_bytes: int
    batch_tokens: int | None
    """Of one batch; null: no limit is known."""
    queue_tokens: int | None
    """Of all new batches together."""
    is_empty: bool
    """Nothing is queued there."""


@dataclass
class _Open:
    """A batch that is being filled."""

    number: int
    requests: int = 0
    size: int = 0
    tokens: int = 0

    def has_room(self, room: Room, size: int, tokens: int) -> bool:
        return (
            self.requests < room.max_requests
            and self.size + size <= room.max_bytes
            and (room.batch_tokens is None or self.tokens + tokens <= room.batch_tokens)
        )


def pack(
    rows: Iterable[Mapping[str, Any]], rooms: Mapping[EndpointKey, Room], left_usd: Decimal | None
) -> Iterator[tuple[str, int, int, int, Decimal]]:
    """Fill batches with requests in their order, for as long as there is room in queues and budget.

    Args:
        rows: request_id, provider, model, line_bytes, prompt_tokens_bound, max_tokens of each request.
        rooms: of the endpoints.
        left_usd: of the budget; null: no cap.

    Yields:
        The columns of `PACKED`. What does not fit is left out: it stays pending.
    """
    filling: dict[EndpointKey, _Open] = {}
    queued: dict[EndpointKey, int] = {}
    batches = 0
    for row in rows:
        key = row["provider"], row["model"]
        room, size = rooms[key], row["line_bytes"]
        tokens = -(-row["prompt_tokens_bound"] // BYTES_PER_TOKEN)
        worst = worst_case(row["prompt_tokens_bound"], row["max_tokens"], room.endpoint.prices, batch=True)
        if size > room.max_bytes or (left_usd is not None and worst > left_usd):
            continue
        already = queued.get(key, 0)
        # A prompt that is larger than the queue is tried alone: the estimate may be wrong.
        is_first = room.is_empty and already == 0
        if room.queue_tokens is not None and already + tokens > room.queue_tokens and not is_first:
            continue
        batch = filling.get(key)
        if batch is None or not batch.has_room(room, size, tokens):
            batch = filling[key] = _Open(batches)
            batches += 1
        batch.requests, batch.size, batch.tokens = batch.requests + 1, batch.size + size, batch.tokens + tokens
        queued[key] = already + tokens
        left_usd = None if left_usd is None else left_usd - worst
        yield row["request_id"], batch.number, size, tokens, worst


def pack_batches(rooms: Mapping[EndpointKey, Room], left_usd: Decimal | None) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function of `pack`; all rows have to be in one partition."""

    def pack_all(batches: ArrowBatches) -> ArrowBatches:
        rows = (row for batch in batches for row in batch.to_pylist())
        packed = pack(rows, rooms, left_usd)
        while some := [dict(zip(_PACKED.names, one, strict=True)) for one in islice(packed, _ROWS_OUT)]:
            yield pa.RecordBatch.from_pylist(some, schema=_PACKED)

    return pack_all


def line_overhead(endpoint: Endpoint) -> int:
    """Bytes of a line, at most, beside its messages and its schema."""
    empty = {"request_id": "x" * 64, "model": endpoint.model, "messages_json": "", "schema_json": None}
    row = {**empty, "temperature": -1.2345678901234567e-300, "max_tokens": 10**9}
    room_for_schema = 200
    return len(request_line(row, endpoint)) + 1 + room_for_schema


def request_line(row: Mapping[str, Any], endpoint: Endpoint) -> str:
    """The line of a request file, as the provider wants it; ASCII but for what its texts hold."""
    body = body_of(_request(row), endpoint, row["max_tokens"]).decode("utf-8").translate(_LINE_ENDS)
    how = "" if endpoint.batch and endpoint.batch.shape == "together" else f'"method":"POST","url":"{_CHAT_PATH}",'
    return f'{{"custom_id":{json.dumps(row["request_id"])},{how}"body":{body}}}'


def _request(row: Mapping[str, Any]) -> Request:
    """As much of a request as its body is made of."""
    return Request(
        request_id=row["request_id"],
        provider="",
        model=row["model"],
        messages_json=row["messages_json"],
        max_tokens=row["max_tokens"],
        max_tokens_cap=row["max_tokens"],
        temperature=row["temperature"],
        schema_json=row["schema_json"],
        prompt_tokens_bound=0,
        reserved_usd=Decimal(0),
    )


def line_batches(endpoints: Mapping[EndpointKey, Endpoint]) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from members of batches, with their requests, to lines of request files."""

    def make_lines(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            rows = batch.to_pylist()
            lines = [request_line(row, endpoints[row["provider"], row["model"]]) for row in rows]
            yield pa.record_batch([[row["batch_key"] for row in rows], lines], schema=LINE)

    return make_lines
