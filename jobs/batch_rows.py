"""Transforms around batches: who is a member, what a file brings back as rows of the ledger.

Nothing here looks at a table or a clock.
"""

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from schemas.batches import BATCH_ITEMS, FOLDED, RESULTS
from schemas.calls import ATTEMPTS, RESPONSES
from udfs.llm.batch_lines import line_overhead
from udfs.llm.batch_results import result_batches
from udfs.llm.models import Endpoint, Prices
from udfs.llm.wave import EndpointKey


def without_members(requests: DataFrame, batches: DataFrame, batch_items: DataFrame) -> DataFrame:
    """Leave out what is in a batch that is not folded in yet: it is asked, and must not be asked again.

    Args:
        requests: any rows with a request_id.
        batches: rows of `BATCHES`.
        batch_items: rows of `BATCH_ITEMS`.

    Returns:
        The other rows of `requests`.
    """
    is_out = batches.where(F.col("state") != FOLDED).select("batch_key")
    members = batch_items.join(is_out, "batch_key", "left_semi").select("request_id")
    return requests.join(members, "request_id", "left_anti")


def with_room(pending: DataFrame, attempts: DataFrame) -> DataFrame:
    """Add what the next attempt is: its number, whether an answer was cut before, and the room it is given.

    Args:
        pending: rows of `REQUESTS`.
        attempts: rows of `ATTEMPTS`.

    Returns:
        The rows with attempt_no and was_cut; `max_tokens` is all the room there is where an answer was cut.
    """
    known = attempts.groupBy("request_id").agg(
        F.count("*").cast("int").alias("before"), F.max(F.col("status") == "truncated").alias("was_cut")
    )
    joined = pending.join(known, "request_id", "left").fillna({"before": 0, "was_cut": False})
    most = F.greatest("max_tokens", "max_tokens_cap")
    return joined.withColumns(
        {
            "attempt_no": F.col("before") + 1,
            "max_tokens": F.when(F.col("was_cut"), most).otherwise(F.col("max_tokens")),
        }
    ).drop("before")


def with_line_bytes(pending: DataFrame, endpoints: Mapping[EndpointKey, Endpoint]) -> DataFrame:
    """Add `line_bytes`: what a request takes of a file, at most."""
    overhead = F.lit(max((line_overhead(one) for one in endpoints.values()), default=0))
    texts = F.octet_length("messages_json") + F.coalesce(F.octet_length("schema_json"), F.lit(0))
    return pending.withColumn("line_bytes", (texts + overhead).cast("long"))


def members_of(sizes: DataFrame, packed: DataFrame, prefix: str) -> DataFrame:
    """The members of new batches.

    Args:
        sizes: with a request_id.
        packed: rows of `PACKED`.
        prefix: of the keys of these batches.

    Returns:
        The rows of `sizes` that are packed, with `number`, `batch_key`, `prompt_tokens` and `reserved_usd`.
    """
    key = F.concat(F.lit(f"{prefix}-"), F.lpad(F.col("number").cast("string"), 4, "0"))
    return sizes.join(packed.drop("line_bytes").withColumn("batch_key", key), "request_id")


def lines_of(files: DataFrame) -> DataFrame:
    """Lines of output and error files, each with its custom_id; null where a line says none, or is torn.

    Args:
        files: column value, a line each.
    """
    return files.where(F.trim("value") != "").select(
        F.get_json_object("value", "$.custom_id").alias("custom_id"), F.col("value").alias("line")
    )


def results_of(
    lines: DataFrame, members: DataFrame, prices: Prices, *, lost: str | None, with_missing: bool
) -> DataFrame:
    """What the files of a batch say about its members, each once whatever the files repeat.

    Args:
        lines: of `lines_of`.
        members: rows of `BATCH_ITEMS` of that batch.
        prices: of the model.
        lost: why members without a line are charged all the same.
        with_missing: whether members without a line have a row.

    Returns:
        Rows of `RESULTS`.
    """
    # Of two lines for one member the one with an answer counts; they would be equal otherwise.
    has_answer = F.coalesce(F.get_json_object("line", "$.response.status_code") == "200", F.lit(False))
    first = Window.partitionBy("custom_id").orderBy(has_answer.desc(), "line")
    chosen = lines.withColumn("place", F.row_number().over(first)).where(F.col("place") == 1)
    known = chosen.select(F.col("custom_id").alias("request_id"), "line")
    joined = members.join(known, "request_id", "left" if with_missing else "inner")
    return joined.select(*BATCH_ITEMS.schema.fieldNames(), "line").mapInArrow(result_batches(prices, lost), RESULTS)


def attempts_of_results(results: DataFrame, batch: Mapping[str, object]) -> DataFrame:
    """The members' attempts as the ledger has them.

    Args:
        results: rows of `RESULTS`.
        batch: a row of `BATCHES`.

    Returns:
        Rows of `ATTEMPTS`; the same batch always gives the same attempt_id.
    """
    return ATTEMPTS.select_from(
        results.withColumns(
            {
                "attempt_id": F.concat(F.lit(f"{batch['batch_key']}."), F.col("request_id")),
                **{name: F.lit(batch[name]) for name in ("stage", "provider", "model", "batch_id")},
                "mode": F.lit("batch"),
                "sent_at": F.lit(batch["created_at"]).cast("timestamp"),
                "latency_ms": F.lit(None).cast("long"),
            }
        )
    )


def responses_of_results(results: DataFrame, batch: Mapping[str, object], *, is_proven: bool) -> DataFrame:
    """The members' responses.

    Args:
        results: rows of `RESULTS`.
        batch: a row of `BATCHES`.
        is_proven: the model answers others, so that a rejection is the request's own fault.

    Returns:
        Rows of `RESPONSES`.
    """
    final = F.col("response_status").isNotNull() & (F.lit(is_proven) | ~F.coalesce("is_rejection", F.lit(False)))
    answered_at: datetime | object = batch["ended_at"]
    return RESPONSES.select_from(
        results.where(final).select(
            "request_id",
            F.concat(F.lit(f"{batch['batch_key']}."), F.col("request_id")).alias("attempt_id"),
            *(F.lit(batch[name]).alias(name) for name in ("provider", "model")),
            F.lit(answered_at).cast("timestamp").alias("answered_at"),
            F.col("response_status").alias("status"),
            F.col("response_error").alias("error"),
            "text",
            "finish_reason",
            "served_model",
        )
    )
