"""Which of two near-duplicates stays: text to compare and rank of prompts and of pairs."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from jobs.config.settings import SourceConfig
from jobs.deduplication.near_duplicates import NearDuplicates, find_near_duplicates
from jobs.workspace.runtime import Runtime
from schemas.tables import DUPLICATES
from udfs.column_functions import looked_up

_LAST = "9999"


def prompt_text() -> Column:
    """What a teacher is asked: system prompt, history and instruction, a line each."""
    history = F.transform("history", lambda turn: turn["content"])
    return F.concat_ws("\n", F.col("system"), history, F.col("instruction"))


def pair_text() -> Column:
    """A prompt and its response."""
    return F.concat_ws("\n", prompt_text(), F.col("response"))


def with_rank(rows: DataFrame, sources: Sequence[SourceConfig], threshold: float) -> DataFrame:
    """Add `rank` and `threshold`, as `find_near_duplicates` wants them.

    The better row sorts first: higher human quality (none comes last), then no fault, then the source's
    priority, then id. Length plays no part: it would reward verbosity.

    Args:
        rows: columns id, source, human_quality (0 to 1 or null) and has_fault (boolean).
        sources: their priorities and stricter thresholds.
        threshold: of sources without one of their own.
    """
    quality = F.lpad((1000 - F.round(F.col("human_quality") * 1000)).cast("int").cast("string"), 4, "0")
    priority = _by_source({source.name: f"{source.priority:04d}" for source in sources})
    thresholds = _by_source({source.name: max(threshold, source.deduplicate_threshold or 0.0) for source in sources})
    parts = (
        F.coalesce(quality, F.lit(_LAST)),
        F.when(F.col("has_fault"), "1").otherwise("0"),
        F.coalesce(priority, F.lit(_LAST)),
        F.col("id"),
    )
    return rows.withColumn("rank", F.concat_ws("|", *parts)).withColumn(
        "threshold", F.coalesce(thresholds, F.lit(threshold)).cast("double")
    )


def _by_source(values: Mapping[str, object]) -> Column:
    return looked_up(values, "source")


def id_of(rank: str) -> Column:
    """The id at the end of a rank."""
    return F.substring_index(rank, "|", -1)


def mark_duplicates(runtime: Runtime, name: str, rows: DataFrame) -> NearDuplicates:
    """Search one pass and write its part of `duplicates`.

    Args:
        runtime: the run.
        name: of the pass, `prompt` or `pair`.
        rows: columns id, source, text, human_quality and has_fault.
    """
    config: DeduplicateConfig = runtime.settings.deduplicate
    texts = with_rank(rows, runtime.settings.sources, config.threshold)
    found = find_near_duplicates(
        texts, config, lambda frame, part: runtime.storage.materialise(frame, f"{name}_{part}")
    )
    named = found.duplicates.select(
        F.lit(name).alias("pass"),
        id_of("rank").alias("id"),
        id_of("kept_rank").alias("duplicate_of"),
        "jaccard",
        "numbers_only",
    )
    # What was said of pairs goes with the prompts they were made of: the next stages make and compare pairs anew, and
    # the check of this table, which runs meanwhile, must not find removed pairs that are no more.
    runtime.storage.replace_where(DUPLICATES, named, "true" if name == "prompt" else f"pass = '{name}'")
    runtime.storage.clear_scratch()
    return found
