"""The ledger: what was paid, in the table `attempts`, and what came back, in `responses`. Rows are only ever added.

A journal is settled by adding what the ledger does not have yet, looking whether it is there now, and only then
removing the journal; killed between any two of these steps, the next run does the same again.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs.config.paths import literal
from jobs.workspace import files
from jobs.workspace.files import list_files
from jobs.workspace.queries import no_rows
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, JOURNAL, REQUESTS, RESPONSES
from schemas.errors import StoppedError
from schemas.tables import Table
from udfs.column_functions import first_rows
from udfs.llm.journal import journal_folder
from udfs.llm.journal_lines import MARK
from udfs.llm.models import Endpoint
from udfs.llm.wave import EndpointKey, Send

_DAMAGED = "damaged lines"


def spent_usd(runtime: Runtime) -> Decimal:
    """What the ledger says was paid in all."""
    return sum(spent_by_stage(runtime).values(), Decimal(0))


def spent_by_stage(runtime: Runtime) -> dict[str, Decimal]:
    """What the ledger says each stage has paid."""
    rows = runtime.query("select stage, sum(cost_usd) as usd from {attempts} group by stage", (ATTEMPTS,))
    return {row["stage"]: row["usd"] for row in rows}


def recent_sends(runtime: Runtime, endpoints: Iterable[Endpoint], now: float) -> dict[EndpointKey, tuple[Send, ...]]:
    """What each endpoint with a limit was sent in its last window, by any wave, stage or run of the workspace.

    A provider counts a key's requests whoever sends them, so a wave begins with what the last one has used.

    Args:
        runtime: the run.
        endpoints: that are to be called.
        now: seconds since the epoch.
    """
    limited = {one.key: one.limits for one in endpoints if one.limits.rpm is not None or one.limits.tpm is not None}
    if not limited or not runtime.storage.exists(ATTEMPTS):
        return {}
    since = now - max(limits.window_seconds for limits in limited.values())
    # What the prompt had is known where there was an answer; what is lost counts as its most.
    bounds = runtime.read(REQUESTS).select("request_id", "prompt_tokens_bound")
    recent = runtime.read(ATTEMPTS).where(F.col("mode") == "online").withColumn("at", F.col("sent_at").cast("double"))
    rows = (
        recent.where(F.col("at") > since)
        .join(bounds, "request_id", "left")
        .withColumn("tokens", F.coalesce("prompt_tokens", "prompt_tokens_bound", F.lit(0)) + F.col("max_tokens"))
        .select("provider", "model", "at", "tokens")
        .orderBy("at")
        .collect()
    )
    found: dict[EndpointKey, list[Send]] = {key: [] for key in limited}
    for row in rows:
        if (row["provider"], row["model"]) in found:
            found[row["provider"], row["model"]].append((row["at"], 1.0, float(row["tokens"])))
    return {key: tuple(sends) for key, sends in found.items()}


def append_new(runtime: Runtime, table: Table, rows: DataFrame) -> None:
    """Add the rows whose key the table does not have."""
    if runtime.storage.exists(table):
        rows = rows.join(runtime.read(table).select(*table.key), list(table.key), "left_anti")
    runtime.storage.append(table, rows)


def open_journals(workspace: str) -> list[str]:
    """Folders of journals that are not settled yet."""
    return files.list_folders(files.join(workspace, "journal"))


def wave_name(stage: str, epoch: int, number: int) -> str:
    """Name of a wave, which is that of its journal's folder."""
    return f"{stage}-{epoch}-{number:04d}"


def wave_of(folder: str) -> str:
    """Name of the wave whose journal is in a folder."""
    return folder.rstrip("/").rsplit("/", 1)[-1]


def stage_of(wave: str) -> str:
    """The stage in the name of a wave."""
    return wave.partition("-")[0]


def settle_wave(runtime: Runtime, wave: str) -> None:
    """Bring the journal of a wave into the ledger and remove it.

    Raises:
        StoppedError: the ledger does not have all of it; the journal stays.
    """
    folder = journal_folder(runtime.settings.workspace, wave)
    lines = read_journal_lines(runtime.spark, folder)
    journal = lines.where(F.col("kind").isNotNull()).drop("is_damaged")
    rows = {ATTEMPTS: attempts_of(journal, stage_of(wave)), RESPONSES: responses_of(journal)}
    for table, new in rows.items():
        append_new(runtime, table, new)
    lacking = [
        new.join(runtime.read(table).select(*table.key), list(table.key), "left_anti").select(F.lit(table.name))
        for table, new in rows.items()
    ]
    damaged = lines.where("is_damaged").select(F.lit(_DAMAGED))
    counted = reduce(DataFrame.union, [*lacking, damaged]).toDF("name").groupBy("name").count().collect()
    counts = {row["name"]: row["count"] for row in counted}
    if count := counts.pop(_DAMAGED, 0):
        runtime.progress.line(
            f"{count:,} damaged lines in {folder}: their calls count as lost, are charged at worst and asked again",
            style="yellow",
        )
    if missing := sum(counts.values()):
        raise StoppedError(f"{missing:,} rows of {folder} are not in the ledger; the journal stays, run it again")
    files.remove_folder(folder)


def settle_all(runtime: Runtime) -> int:
    """Settle what runs that died have left; says how many journals there were. The lease must be held."""
    folders = open_journals(runtime.settings.workspace)
    for folder in folders:
        settle_wave(runtime, wave_of(folder))
    return len(folders)


def read_journal_lines(spark: SparkSession, folder: str) -> DataFrame:
    """All lines of the journal in a folder; none where there is no journal.

    Returns:
        The columns of `JOURNAL`, null where a line is torn or damaged, and `is_damaged`: it has an end, and does not
        match its checksum or is no record. A torn line is the last that a killed process wrote.
    """
    paths = list_files(folder, ".jsonl")
    if not paths:
        return no_rows(spark, JOURNAL).withColumn("is_damaged", F.lit(False))
    end = F.substring_index("value", MARK, -1)  # what follows the last of these marks
    body = F.left("value", F.length("value") - F.length(end) - len(MARK))
    matches = F.concat(F.crc32(body.cast("binary")).cast("string"), F.lit("}")) == end
    is_whole = ~F.contains("value", F.lit(MARK)) | matches
    lines = spark.read.text([*map(literal, paths)], lineSep="\n").where("value <> ''")
    read = lines.select("value", F.when(is_whole, F.from_json("value", JOURNAL)).alias("record"))
    is_damaged = F.col("record.kind").isNull() & F.col("value").endswith("}")
    return read.select("record.*", is_damaged.alias("is_damaged"))


def read_journal_rows(spark: SparkSession, folder: str) -> DataFrame:
    """Records of the journal in a folder: rows of `JOURNAL`. Torn and damaged lines are left out."""
    return read_journal_lines(spark, folder).where(F.col("kind").isNotNull()).drop("is_damaged")


def attempts_of(journal: DataFrame, stage: str) -> DataFrame:
    """Every call that left, once; one whose end is not known is `lost` and costs its worst case, `assumed`.

    Args:
        journal: rows of `JOURNAL`.
        stage: that the calls were made for.

    Returns:
        Rows of `ATTEMPTS`.
    """
    is_end = F.col("kind") == "attempt"
    newest = Window.partitionBy("attempt_id").orderBy(is_end.desc())
    ends = first_rows(journal.where(F.col("kind").isin("sent", "attempt")), newest)
    lost = F.col("kind") == "sent"
    calls = ends.where(lost | (F.col("status") != "not_sent")).select(
        "*",
        F.lit(stage).alias("stage"),
        F.lit("online").alias("mode"),
        F.lit(None).cast("string").alias("batch_id"),
    )
    return ATTEMPTS.select_from(
        calls.withColumn("sent_at", F.timestamp_seconds("sent_at"))
        .withColumn("status", F.when(lost, "lost").otherwise(F.col("status")))
        .withColumn("cost_basis", F.when(lost, "assumed").otherwise(F.col("cost_basis")))
    )


def responses_of(journal: DataFrame) -> DataFrame:
    """The one answer, or final failure, of each request: the first, where two tasks came to one.

    Args:
        journal: rows of `JOURNAL`.

    Returns:
        Rows of `RESPONSES`.
    """
    first = Window.partitionBy("request_id").orderBy("answered_at", "attempt_id")
    found = first_rows(journal.where(F.col("kind") == "response"), first)
    return RESPONSES.select_from(found.withColumn("answered_at", F.timestamp_seconds("answered_at")))
