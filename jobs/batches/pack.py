"""New batches: which requests go, in which files, as intents in the table. Nothing is sent here.

The files are written by Spark, a task a file; the driver sees a row for each batch and no request. Files come first,
then the members, then the intents: a run that ends in between leaves files and members that mean nothing.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.batches.api import is_queue_refusal
from jobs.ledger.batch_rows import members_of, with_line_bytes, with_room
from jobs.ledger.batch_table import Batch, batches_of, write_batches
from jobs.ledger.reservations import to_endpoints
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.batches import BATCH_ITEMS, BATCHES, INTENT, PACKED
from schemas.calls import ATTEMPTS
from udfs.llm.batch_lines import Room, line_batches, pack_batches
from udfs.llm.models import BatchApi, Endpoint
from udfs.llm.wave import EndpointKey

REFUSED = "refused"
"""`provider_state` of a batch that was not even created."""
_MEMORY = timedelta(hours=24)  # after which a refusal says nothing about the queue any more
_LINES = "batch_key string, line string"
_SIZES = (
    "request_id",
    "provider",
    "model",
    "line_bytes",
    "prompt_tokens_bound",
    "max_tokens",
    "max_tokens_cap",
    "was_cut",
    "attempt_no",
)


def plan_batches(
    runtime: Runtime,
    stage: str,
    pending: DataFrame,
    endpoints: Mapping[EndpointKey, Endpoint],
    left_usd: Decimal | None,
    now: datetime,
    least: Mapping[EndpointKey, int],
) -> list[Batch]:
    """Write files and intents for as many pending requests as queues and budget have room for.

    Args:
        runtime: of the workspace.
        stage: that pays.
        pending: rows of `REQUESTS`, none of them in a batch that is out.
        endpoints: those that are asked by batch; rows of others are left alone.
        left_usd: of the budget, with nothing reserved twice; null: no cap.
        now: the time of the intents.
        least: with fewer pending requests a model is left alone.

    Returns:
        The intents.
    """
    rooms = find_rooms(endpoints, batches_of(runtime), now)
    if not rooms:
        return []
    prefix = f"phase0-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    storage = runtime.storage
    candidates = with_line_bytes(with_room(to_endpoints(pending, rooms), runtime.read_or_empty(ATTEMPTS)), endpoints)
    # Without their texts, and written down before anything is made of it: all that follows is about the same rows.
    sizes = storage.materialise(candidates.select(*_SIZES), f"{prefix}-sizes")
    counts = {(row[0], row[1]): row[2] for row in sizes.groupBy("provider", "model").count().collect()}
    rooms = {key: room for key, room in rooms.items() if counts.get(key, 0) >= least[key]}
    intents: list[Batch] = []
    if rooms:
        ordered = to_endpoints(sizes, rooms).repartition(1).sortWithinPartitions("request_id")
        packed = storage.materialise(ordered.mapInArrow(pack_batches(rooms, left_usd), PACKED), f"{prefix}-packed")
        placed = members_of(sizes, packed, prefix)
        intents = _intents(placed, stage, now)
    if intents:
        texts = pending.select("request_id", "messages_json", "temperature", "schema_json")
        _write_files(runtime, placed.join(texts, "request_id"), endpoints, len(intents))
        storage.append(BATCH_ITEMS, placed)
        write_batches(runtime, intents)
    for name in ("sizes", "packed"):
        files.remove_folder(files.join(storage.scratch, f"{prefix}-{name}"))
    return intents


def find_rooms(
    endpoints: Mapping[EndpointKey, Endpoint], batches: Iterable[Batch], now: datetime
) -> dict[EndpointKey, Room]:
    """What each endpoint has room for, from what is out there and what was refused of late."""
    rooms = {}
    known = list(batches)
    for key, endpoint in endpoints.items():
        api = endpoint.batch
        if api is None:
            continue
        own = [batch for batch in known if batch.endpoint_key == key]
        queued = sum(batch.prompt_tokens for batch in own if batch.ended_at is None)
        is_empty = not any(batch.ended_at is None for batch in own)
        limit = queue_limit(api, own, now)
        room = None if limit is None else limit - queued
        if room is None or room > 0 or is_empty:
            rooms[key] = Room(
                endpoint=endpoint,
                max_requests=api.max_requests,
                max_bytes=api.max_bytes,
                batch_tokens=limit,
                queue_tokens=room,
                is_empty=is_empty,
            )
    return rooms


def queue_limit(api: BatchApi, batches: Iterable[Batch], now: datetime) -> int | None:
    """Prompt tokens that may be queued: as configured, and less where the provider has lately refused more.

    After a refusal it is what was queued beside the refused batch, or half of that batch, or what a later batch has
    shown to go, whichever is most.

    Args:
        api: of the model.
        batches: all of the model.
        now: the time.

    Returns:
        The limit; null where none is known.
    """
    recent = [batch for batch in batches if batch.intent_at > now - _MEMORY]
    refused = [batch for batch in recent if was_over_queue(batch)]
    if not refused:
        return api.queue_tokens
    last = max(batch.intent_at for batch in refused)
    of_last = [batch for batch in refused if batch.intent_at == last]
    refused_at = min(batch.ended_at or now for batch in of_last)
    taken = [batch for batch in recent if not was_over_queue(batch)]
    beside = sum(one.prompt_tokens for one in taken if one.intent_at <= last and (one.ended_at or now) >= refused_at)
    later = [one.prompt_tokens for one in taken if one.intent_at > last and one.answered]
    found = max(min(batch.prompt_tokens for batch in of_last) // 2, beside, *later, 1)
    return found if api.queue_tokens is None else min(found, api.queue_tokens)


def was_over_queue(batch: Batch) -> bool:
    """Whether it was refused for what else was queued."""
    return batch.provider_state in (REFUSED, "failed") and is_queue_refusal(batch.error or "")


def request_file(runtime: Runtime, batch: Batch) -> str:
    """The file of a batch, as it is uploaded.

    Raises:
        FileNotFoundError: it is not there.
    """
    folder = files.join(_folder(runtime), f"batch_key={batch.batch_key}")
    found = files.list_files(folder, ".txt")
    if len(found) != 1:
        raise FileNotFoundError(f"{folder} has {len(found)} files, wanted 1")
    return found[0]


def remove_files(runtime: Runtime, batches: Iterable[Batch]) -> None:
    """Remove the request files of batches that need them no longer."""
    for batch in batches:
        files.remove_folder(files.join(_folder(runtime), f"batch_key={batch.batch_key}"))


def remove_leftovers(runtime: Runtime, out: Iterable[Batch]) -> None:
    """Remove request files that no batch needs: of plans that a run did not come to the end of."""
    needed = {f"batch_key={batch.batch_key}" for batch in out}
    for folder in files.list_folders(_folder(runtime)):
        if folder.rstrip("/").rsplit("/", 1)[-1] not in needed:
            files.remove_folder(folder)


def _folder(runtime: Runtime) -> str:
    return files.join(runtime.settings.workspace, "batches", "requests")


def _intents(members: DataFrame, stage: str, now: datetime) -> list[Batch]:
    sums = members.groupBy("batch_key", "provider", "model").agg(
        F.count("*").alias("requests"),
        F.sum("line_bytes").alias("file_bytes"),
        F.sum("prompt_tokens").alias("prompt_tokens"),
        F.sum("reserved_usd").cast(BATCHES.schema["reserved_usd"].dataType).alias("reserved_usd"),
    )
    return [
        Batch(stage=stage, state=INTENT, intent_at=now, **row.asDict()) for row in sums.orderBy("batch_key").collect()
    ]


def _write_files(runtime: Runtime, members: DataFrame, endpoints: Mapping[EndpointKey, Endpoint], batches: int) -> None:
    """Write the request files: a partition holds the lines of one batch, so that a batch is one file."""
    dealt = members.repartitionById(batches, "number")
    lines = dealt.mapInArrow(line_batches(endpoints), _LINES)
    lines.write.mode("append").partitionBy("batch_key").text(_folder(runtime))
