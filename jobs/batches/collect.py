"""Take in batches that have ended: every answer of their output and error files, by custom_id, into the ledger.

However a batch ended, what is in its files was paid and is kept; what is in none of them is pending again. Killed
between any two steps, the next run does the same again and adds only what the ledger does not have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import partial, reduce

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.batches.api import BatchCallError
from jobs.batches.context import BatchContext
from jobs.batches.pack import remove_files
from jobs.config.paths import literal
from jobs.ledger.batch_rows import attempts_of_results, count_lines, lines_of, responses_of_results, results_of
from jobs.ledger.batch_table import Batch, write_batches
from jobs.ledger.settle import append_new
from jobs.workspace import files
from jobs.workspace.queries import no_rows
from jobs.workspace.runtime import Runtime
from schemas.batches import BATCH_ITEMS, BATCHES, FOLDED
from schemas.calls import ATTEMPTS, RESPONSES
from schemas.columns import TEXT, columns
from udfs.llm.batch_results import BatchTerms
from udfs.llm.journal_reader import ANSWERED

GONE = "unknown"
"""`provider_state` of a batch that its provider no longer knows."""
_TOGETHER = 20  # batches that are taken in by the same Spark jobs
_OF_THE_PROVIDER = ("billing", "auth", "not_found", "unexpected")
_FEW_REJECTIONS = 4  # beside fewer answers; no account's trouble shows itself in so few
_LINES = columns(("batch_key", TEXT), ("custom_id", TEXT), ("line", TEXT))


@dataclass(frozen=True)
class Collected:
    """What a batch brought."""

    batch: Batch
    fault: str | None
    """Why the model should not be asked again in this run; null: nothing is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class _Count:
    """What its files hold; see `count_lines`."""

    known: int = 0
    successes: int = 0
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


def collect_results(desk: BatchContext, batches: Sequence[Batch]) -> list[Collected]:
    """Bring what ended batches have answered into the ledger, and let go of what they have not.

    Raises:
        ProviderError: a file cannot be fetched now; it can be resumed.
    """
    return [
        folded
        for start in range(0, len(batches), _TOGETHER)
        for folded in _fold_some(desk, batches[start : start + _TOGETHER])
    ]


def _fold_some(desk: BatchContext, batches: Sequence[Batch]) -> list[Collected]:
    runtime = desk.runtime
    paths, gone = _download(desk, batches)
    members = runtime.read(BATCH_ITEMS).where(F.col("batch_key").isin(*[batch.batch_key for batch in batches]))
    lines = _read(runtime, paths)
    rows = [row.asDict() for row in count_lines(lines, members).collect()] if paths else []
    counts = {row.pop("batch_key"): _Count(**row) for row in rows}
    asked, brought = {}, dict[str, Row]()
    for batch in batches:
        lost = _why_lost(batch, counts.get(batch.batch_key, _Count()), is_gone=batch.batch_key in gone)
        asked[batch.batch_key] = BatchTerms(desk.endpoint(batch).prices, lost, desk.redactor(batch))
    if paths or any(one.lost for one in asked.values()):
        brought = _settle(runtime, batches, results_of(lines, members, asked))
    folded = []
    for batch in batches:
        row, count = brought.get(batch.batch_key), counts.get(batch.batch_key, _Count())
        note = "; ".join(text for text in (count.note(batch), asked[batch.batch_key].lost) if text) or None
        answered, cost = (row["answered"], row["cost"]) if row else (0, Decimal(0))
        new = replace(batch, state=FOLDED, answered=answered, cost_usd=cost, note=note)
        # Answers that are paid and lost are not bought again before somebody has looked.
        folded.append(Collected(new, _fault(row) or (None if answered else asked[batch.batch_key].lost)))
    write_batches(runtime, [one.batch for one in folded])
    for batch in batches:
        files.remove_folder(_folder(runtime, batch))
    remove_files(runtime, batches)
    return folded


def _folder(runtime: Runtime, batch: Batch) -> str:
    return files.join(runtime.settings.workspace, "batches", "results", batch.batch_key)


def _download(desk: BatchContext, batches: Sequence[Batch]) -> tuple[dict[str, list[str]], set[str]]:
    """Fetch the files; answers with their URIs by batch, and the batches whose answers are not there any more."""
    paths: dict[str, list[str]] = {}
    gone = {batch.batch_key for batch in batches if batch.provider_state == GONE}
    for batch in batches:
        folder = _folder(desk.runtime, batch)
        for name, file_id in (("output", batch.output_file_id), ("errors", batch.error_file_id)):
            if file_id is None:
                continue
            try:
                desk.patiently(partial(desk.server(batch).download, file_id, files.join(folder, f"{name}.jsonl")))
            except BatchCallError as error:
                if error.failure.kind != "not_found":
                    raise
                gone |= {batch.batch_key} if name == "output" else set()
        # As URIs, so that Spark looks where we have written, whatever its own file system is.
        if found := files.list_files(folder, ".jsonl"):
            paths[batch.batch_key] = found
    return paths, gone


def _read(runtime: Runtime, paths: Mapping[str, list[str]]) -> DataFrame:
    """Lines of the files, as `lines_of` gives them."""
    found = [
        runtime.spark.read.text([*map(literal, own)], lineSep="\n").withColumn("batch_key", F.lit(batch_key))
        for batch_key, own in paths.items()
    ]
    return lines_of(reduce(DataFrame.unionByName, found)) if found else no_rows(runtime.spark, _LINES)


def _why_lost(batch: Batch, count: _Count, *, is_gone: bool) -> str | None:
    """Why members without a line may have been billed; null: they were not, or all have one."""
    if count.known >= batch.requests:
        return None
    if batch.provider_state == GONE:
        return "the provider does not know the batch any more"
    if is_gone:
        return "the file of its answers is not there any more"
    if batch.provider_state == "completed" or (batch.done or 0) > count.successes:
        return f"{batch.provider_state} with {batch.done or 0:,} answers, but no file has those of all its requests"
    return None


def _settle(runtime: Runtime, batches: Sequence[Batch], rows: DataFrame) -> dict[str, Row]:
    """Add to the ledger what it lacks.

    Returns:
        By batch: answered, cost, over, refusal, rejection.
    """
    name = f"results-{batches[0].batch_key}"
    results = runtime.storage.materialise(rows, name)
    is_rejection = F.coalesce("is_rejection", F.lit(False))
    sums = results.groupBy("batch_key").agg(
        F.count_if(F.col("status").isin(*ANSWERED)).alias("answers"),
        F.count_if(F.col("response_status").isNotNull() & ~is_rejection).alias("final"),
        F.count_if(is_rejection).alias("rejected"),
        F.sum("cost_usd").cast("decimal(38,12)").alias("cost"),
        F.count_if(F.col("cost_usd") > F.col("reserved_usd")).alias("over"),
        F.min(F.when(F.col("status").isin(*_OF_THE_PROVIDER), F.col("error"))).alias("refusal"),
        F.min(F.when(is_rejection, F.col("error"))).alias("rejection"),
    )
    found = {row["batch_key"]: row for row in sums.collect()}
    proven = _proven(runtime, batches, found)
    of_batches = runtime.storage.frame_of(BATCHES, [asdict(batch) for batch in batches])
    append_new(runtime, ATTEMPTS, attempts_of_results(results, of_batches))
    append_new(runtime, RESPONSES, responses_of_results(results, of_batches, proven))
    files.remove_folder(files.join(runtime.storage.scratch, name))
    return {
        key: Row(
            answered=row["final"] + (row["rejected"] if key in proven else 0),
            cost=row["cost"],
            over=row["over"],
            refusal=row["refusal"],
            rejection=None if key in proven else row["rejection"],
        )
        for key, row in found.items()
    }


def _proven(runtime: Runtime, batches: Sequence[Batch], found: Mapping[str, Row]) -> list[str]:
    """Batches whose model answers: in one of these batches, or as the ledger says."""
    keys = {batch.batch_key: batch.endpoint_key for batch in batches if batch.batch_key in found}
    proven = {keys[key] for key, row in found.items() if row["answers"]}
    doubtful = {keys[key] for key, row in found.items() if row["rejected"]} - proven
    if doubtful and runtime.storage.exists(ATTEMPTS):
        answers = runtime.read(ATTEMPTS).where(F.col("status").isin(*ANSWERED))
        proven |= {(row[0], row[1]) for row in answers.select("provider", "model").distinct().collect()}
    # A model that rejects more than it answers may have begun to in between, for a reason that is none of a request's.
    return [key for key, endpoint in keys.items() if endpoint in proven and not _is_mostly_rejected(found[key])]


def _is_mostly_rejected(row: Row) -> bool:
    return bool(row["rejected"] > max(_FEW_REJECTIONS, row["answers"]))


def _fault(row: Row | None) -> str | None:
    if row is None:
        return None
    if row["over"]:
        return f"{row['over']:,} answers were billed more than the most that was reserved"
    fault: str | None = row["refusal"] or row["rejection"]
    return fault


def give_up(desk: BatchContext, batch: Batch) -> Collected:
    """Fold in a created batch that its provider does not know any more: its members are charged at worst case."""
    gone = replace(batch, provider_state=GONE, ended_at=desk.clock.now(), output_file_id=None, error_file_id=None)
    return collect_results(desk, [gone])[0]
