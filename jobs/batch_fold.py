"""Take in a batch that has ended: every answer of its output and error file, by custom_id, into the ledger.

However it ended, what is in its files was paid and is kept; what is in none of them is pending again. Killed between
any two steps, the next run does the same again and adds only what the ledger does not have.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import files
from jobs.batch_book import Batch, write_batches
from jobs.batch_desk import Desk
from jobs.batch_plan import remove_files
from jobs.batch_rows import attempts_of_results, lines_of, responses_of_results, results_of
from jobs.batch_server import BatchCallError
from jobs.runtime import Runtime
from schemas.batches import BATCH_ITEMS, FOLDED
from schemas.calls import ATTEMPTS, RESPONSES
from schemas.errors import ProviderError
from schemas.tables import Table

GONE = "unknown"
"""`provider_state` of a batch that its provider no longer knows."""
_ANSWERS = ("answered", "truncated", "refused", "content_filtered", "empty")
_OF_THE_PROVIDER = ("billing", "auth", "not_found", "unexpected")


@dataclass(frozen=True)
class Folded:
    """What a batch brought."""

    batch: Batch
    answered: int
    """Requests that have their response from it."""
    fault: str | None
    """Why the model should not be asked again in this run; null: nothing is wrong with it."""


@dataclass(frozen=True)
class _Count:
    """What its files hold."""

    known: int = 0  # members with a line
    successes: int = 0  # lines with an answer
    unknown: int = 0
    duplicates: int = 0
    unreadable: int = 0

    def note(self, batch: Batch) -> str | None:
        """What is odd about it."""
        odd = {
            "lines without a custom_id": self.unreadable,
            "custom_ids of no member": self.unknown,
            "lines that repeat a custom_id": self.duplicates,
            "members without a line": batch.requests - self.known if batch.provider_state == "completed" else 0,
        }
        return "; ".join(f"{count:,} {what}" for what, count in odd.items() if count) or None


def fold(desk: Desk, batch: Batch) -> Folded:
    """Bring what an ended batch has answered into the ledger, and let go of what it has not.

    Raises:
        ProviderError: a file cannot be fetched now; it can be resumed.
    """
    runtime = desk.runtime
    folder = files.join(runtime.settings.workspace, "batches", "results", batch.batch_key)
    paths, is_gone = _download(desk, batch, folder)
    lines = lines_of(runtime.spark.read.text(paths)) if paths else None
    members = runtime.read(BATCH_ITEMS).where(F.col("batch_key") == batch.batch_key)
    count = _count(lines, members) if lines is not None else _Count()
    lost = _why_lost(batch, count, is_gone=is_gone)
    answered, cost, fault = 0, Decimal(0), None
    if lines is not None or lost is not None:
        found = lines if lines is not None else runtime.spark.createDataFrame([], "custom_id string, line string")
        prices = desk.endpoint(batch).prices
        rows = results_of(found, members, prices, lost=lost, with_missing=lost is not None)
        results = runtime.storage.materialise(rows, f"results-{batch.batch_key}")
        answered, cost, fault = _settle(runtime, batch, results)
        files.remove_folder(files.join(runtime.storage.scratch, f"results-{batch.batch_key}"))
    folded = replace(batch, state=FOLDED, answered=answered, cost_usd=cost, note=count.note(batch) if paths else lost)
    write_batches(runtime, [folded])
    files.remove_folder(folder)
    remove_files(runtime, [folded])
    return Folded(folded, answered, fault)


def _download(desk: Desk, batch: Batch, folder: str) -> tuple[list[str], bool]:
    """Fetch both files; answers with their paths, and whether one of them is not there any more."""
    paths, is_gone = [], batch.provider_state == GONE
    for name, file_id in (("output", batch.output_file_id), ("errors", batch.error_file_id)):
        if file_id is None:
            continue
        path = files.join(folder, f"{name}.jsonl")
        try:
            desk.patiently(partial(desk.server(batch).download, file_id, path))
        except BatchCallError as error:
            if error.failure.kind != "not_found":
                raise
            is_gone = is_gone or name == "output"
        else:
            paths.append(path)
    return paths, is_gone


def _count(lines: DataFrame, members: DataFrame) -> _Count:
    marked = members.select(F.col("request_id").alias("custom_id"), F.lit(True).alias("is_member"))
    of_id = (
        lines.join(marked, "custom_id", "left")
        .groupBy("custom_id")
        .agg(
            F.count("*").alias("lines"),
            F.first("is_member").alias("is_member"),
            F.max(F.get_json_object("line", "$.response.status_code") == "200").alias("is_success"),
        )
    )
    is_member = F.coalesce("is_member", F.lit(False))
    row = of_id.agg(
        F.count_if(is_member),
        F.count_if(is_member & F.coalesce("is_success", F.lit(False))),
        F.count_if(F.col("custom_id").isNotNull() & ~is_member),
        F.coalesce(F.sum(F.when(is_member, F.col("lines") - 1)), F.lit(0)),
        F.coalesce(F.sum(F.when(F.col("custom_id").isNull(), F.col("lines"))), F.lit(0)),
    ).first()
    return _Count(*row) if row else _Count()


def _why_lost(batch: Batch, count: _Count, *, is_gone: bool) -> str | None:
    """Why members without a line may have been billed; null: they were not."""
    if count.known >= batch.requests:
        return None
    if batch.provider_state == GONE:
        return "the provider does not know the batch any more"
    if is_gone:
        return "the file of its answers is not there any more"
    if batch.provider_state == "completed" or (batch.done or 0) > count.successes:
        return f"the batch is {batch.provider_state} with {batch.done or 0:,} answers, and no file has this one"
    return None


def _settle(runtime: Runtime, batch: Batch, results: DataFrame) -> tuple[int, Decimal, str | None]:
    """Add to the ledger what it lacks; answers with responses, cost, and what is wrong with the model."""
    row = vars(batch)
    is_answer = F.col("status").isin(*_ANSWERS)
    has_answers = results.where(is_answer).limit(1).count() > 0 or _is_proven(runtime, batch)
    responses = responses_of_results(results, row, is_proven=has_answers)
    append_new(runtime, ATTEMPTS, attempts_of_results(results, row))
    append_new(runtime, RESPONSES, responses)
    sums = results.agg(
        F.coalesce(F.sum("cost_usd"), F.lit(0)).cast("decimal(38,12)").alias("cost"),
        F.count_if(F.col("cost_usd") > F.col("reserved_usd")).alias("over"),
        F.min(F.when(F.col("status").isin(*_OF_THE_PROVIDER), F.col("error"))).alias("refusal"),
        F.min(F.when(F.coalesce("is_rejection", F.lit(False)), F.col("error"))).alias("rejection"),
    ).first()
    if sums is None:
        return 0, Decimal(0), None
    fault = sums["refusal"]
    if sums["over"]:
        fault = f"{sums['over']:,} answers were billed more than the most that was reserved"
    elif fault is None and not has_answers:
        fault = sums["rejection"]
    return responses.count(), sums["cost"], fault


def _is_proven(runtime: Runtime, batch: Batch) -> bool:
    """Whether the ledger has an answer of the model."""
    if not runtime.storage.exists(ATTEMPTS):
        return False
    own = (F.col("provider") == batch.provider) & (F.col("model") == batch.model)
    return runtime.read(ATTEMPTS).where(own & F.col("status").isin(*_ANSWERS)).limit(1).count() > 0


def append_new(runtime: Runtime, table: Table, rows: DataFrame) -> None:
    """Add the rows whose key the table does not have."""
    if runtime.storage.exists(table):
        rows = rows.join(runtime.read(table).select(*table.key), list(table.key), "left_anti")
    runtime.storage.append(table, rows)


def give_up(desk: Desk, batch: Batch) -> Folded:
    """Fold in a batch that its provider does not know any more: its members are charged at worst case.

    Raises:
        ProviderError: it knows it after all.
    """
    if batch.batch_id is None:
        raise ProviderError(f"batch {batch.batch_key} was not created yet; run `phase0 run` to go on with it")
    gone = replace(batch, provider_state=GONE, ended_at=desk.clock.now(), output_file_id=None, error_file_id=None)
    return fold(desk, gone)
