"""Transforms around batches: who is a member, what a file brings back as rows of the ledger.

Nothing here looks at a table or a clock.
"""

from collections.abc import Collection, Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from schemas.batches import BATCH_ITEMS, FOLDED, RESULTS
from schemas.calls import ATTEMPTS, RESPONSES
from udfs.column_functions import first_rows
from udfs.llm.batch_lines import line_overhead
from udfs.llm.batch_results import BatchTerms, result_batches
from udfs.llm.models import Endpoint
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
        files: columns batch_key and value, a line each.

    Returns:
        batch_key, custom_id, line.
    """
    # A byte order mark hides the first line from a reader of JSON, and CRLF leaves a mark at the end of each.
    line = F.regexp_replace("value", r"^[\ufeff\s]+|\s+$", "")
    custom_id = F.get_json_object("line", "$.custom_id").alias("custom_id")
    return files.select("batch_key", line.alias("line")).where("line <> ''").select("batch_key", custom_id, "line")


def count_lines(lines: DataFrame, members: DataFrame) -> DataFrame:
    """What the files of each batch hold.

    Args:
        lines: of `lines_of`.
        members: rows of `BATCH_ITEMS` of these batches.

    Returns:
        A row for each batch with a line: batch_key, known (members with a line), successes (those with an answer),
        unknown (ids of no member), duplicates (lines that repeat an id), unreadable (lines without an id).
    """
    marked = members.select("batch_key", F.col("request_id").alias("custom_id"), F.lit(True).alias("marked"))
    of_id = (
        lines.join(marked, ["batch_key", "custom_id"], "left")
        .groupBy("batch_key", "custom_id")
        .agg(
            F.count("*").alias("lines"),
            F.coalesce(F.first("marked"), F.lit(False)).alias("is_member"),
            F.coalesce(F.max(_has_answer()), F.lit(False)).alias("is_success"),
        )
    )
    is_member = F.col("is_member")
    has_id = F.col("custom_id").isNotNull()
    return of_id.groupBy("batch_key").agg(
        F.count_if(is_member).alias("known"),
        F.count_if(is_member & F.col("is_success")).alias("successes"),
        F.count_if(has_id & ~is_member).alias("unknown"),
        F.coalesce(F.sum(F.when(is_member, F.col("lines") - 1)), F.lit(0)).alias("duplicates"),
        F.coalesce(F.sum(F.when(~has_id, F.col("lines"))), F.lit(0)).alias("unreadable"),
    )


def results_of(lines: DataFrame, members: DataFrame, batches: Mapping[str, BatchTerms]) -> DataFrame:
    """What the files of batches say about their members, each once whatever the files repeat.

    Args:
        lines: of `lines_of`.
        members: rows of `BATCH_ITEMS` of these batches.
        batches: batch_key -> how its members were asked; where it says why, members without a line are lost.

    Returns:
        Rows of `RESULTS`.
    """
    # Of two lines for one member the one with an answer counts; where both have one they are equal, or should be.
    first = Window.partitionBy("batch_key", "custom_id").orderBy(_has_answer().desc(), "line")
    chosen = first_rows(lines, first)
    found = chosen.select("batch_key", F.col("custom_id").alias("request_id"), "line")
    with_lost = F.col("batch_key").isin(*[key for key, asked in batches.items() if asked.lost is not None], "")
    told = members.join(found, ["batch_key", "request_id"], "left").where(F.col("line").isNotNull() | with_lost)
    return told.select(*BATCH_ITEMS.schema.fieldNames(), "line").mapInArrow(result_batches(batches), RESULTS)


def _has_answer() -> Column:
    return F.coalesce(F.get_json_object("line", "$.response.status_code") == "200", F.lit(False))


def attempts_of_results(results: DataFrame, batches: DataFrame) -> DataFrame:
    """The members' attempts as the ledger has them.

    Args:
        results: rows of `RESULTS`.
        batches: rows of `BATCHES`, those of the results.

    Returns:
        Rows of `ATTEMPTS`; the same batch always gives the same attempt_id.
    """
    of_batch = batches.select(
        "batch_key", "stage", "provider", "model", "batch_id", F.col("created_at").alias("sent_at")
    )
    return ATTEMPTS.select_from(
        results.join(F.broadcast(of_batch), "batch_key").withColumns(
            {"attempt_id": _attempt_id(), "mode": F.lit("batch"), "latency_ms": F.lit(None).cast("long")}
        )
    )


def responses_of_results(results: DataFrame, batches: DataFrame, proven: Collection[str]) -> DataFrame:
    """The members' responses.

    Args:
        results: rows of `RESULTS`.
        batches: rows of `BATCHES`, those of the results.
        proven: keys of batches whose model answers others, so that a rejection is the request's own fault.

    Returns:
        Rows of `RESPONSES`.
    """
    is_rejection = F.coalesce("is_rejection", F.lit(False))
    is_final = F.col("response_status").isNotNull() & (~is_rejection | F.col("batch_key").isin(*proven, ""))
    of_batch = batches.select("batch_key", "provider", "model", F.col("ended_at").alias("answered_at"))
    rows = results.where(is_final).drop("status", "error").join(F.broadcast(of_batch), "batch_key")
    renamed = rows.withColumnsRenamed({"response_status": "status", "response_error": "error"})
    return RESPONSES.select_from(renamed.withColumn("attempt_id", _attempt_id()))


def _attempt_id() -> Column:
    return F.concat_ws(".", "batch_key", "request_id")
