"""From the journal of a wave to rows of the ledger: what was paid, and what was answered.

These transforms say what the lines mean; when a journal may be settled, and that only what the ledger lacks is
appended, is their caller's business. A journal read again gives the same rows with the same `attempt_id`.
"""

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs.workspace.files import list_files
from schemas.calls import ATTEMPTS, JOURNAL, RESPONSES


def read_journal_rows(spark: SparkSession, folder: str) -> DataFrame:
    """Whole lines of the journal in a folder; none where there is no journal. Torn lines are left out."""
    paths = list_files(folder, ".jsonl")
    if not paths:
        return spark.createDataFrame([], JOURNAL)
    return spark.read.schema(JOURNAL).json(paths).where(F.col("kind").isNotNull())


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
    ends = (
        journal.where(F.col("kind").isin("sent", "attempt"))
        .withColumn("place", F.row_number().over(newest))
        .where(F.col("place") == 1)
    )
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
    found = (
        journal.where(F.col("kind") == "response")
        .withColumn("place", F.row_number().over(first))
        .where(F.col("place") == 1)
    )
    return RESPONSES.select_from(found.withColumn("answered_at", F.timestamp_seconds("answered_at")))
