"""Which of two near-duplicates stays: text to compare and rank of prompts and of pairs."""

from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from jobs.config.settings import SourceConfig
from jobs.deduplication.near_duplicates import NearDuplicates, find_near_duplicates
from jobs.deduplication.reference import open_reference
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.tables import DUPLICATES
from udfs.column_functions import looked_up

_LAST = "9999"
_PROOF = ("jaccard", "numbers_only", "turn_jaccard", "own_jaccard")
_EXCERPT_CHARS = 2_000


def prompt_text() -> Column:
    """What a teacher is asked: system prompt, history and instruction, a line each."""
    history = F.transform("history", lambda turn: turn["content"])
    return F.concat_ws("\n", F.col("system"), history, F.col("instruction"))


def pair_text() -> Column:
    """A prompt and its response."""
    return F.concat_ws("\n", prompt_text(), F.col("response"))


def turn_start(text: Column, *last: str) -> Column:
    """How many characters of a text stand before its last turn, which is these columns, a line each."""
    return (F.length(text) - F.length(F.concat_ws("\n", *last))).cast("int")


def with_rank(rows: DataFrame, sources: Sequence[SourceConfig], threshold: float) -> DataFrame:
    """Add `rank` and `threshold`, as `find_near_duplicates` wants them.

    The better row sorts first: higher human quality (none comes last), then no fault, then the source's priority, then
    id. Length plays no part: it would reward verbosity.

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


def mark_duplicates(
    runtime: Runtime, name: str, rows: DataFrame, columns: Sequence[str], lost: Callable[[DataFrame], DataFrame]
) -> NearDuplicates:
    """Search one pass and write its part of `duplicates`.

    Args:
        runtime: the run.
        name: of the pass, `prompt` or `pair`.
        rows: columns id, source, text, turn_start, human_quality and has_fault.
        columns: what is compared of a row that is published already.
        lost: from rows of (id) those that cannot be exported. So what can be exported comes before what cannot, as far
            as that is known, and no row takes its twin with it. It is asked about rows that have a twin, because what
            the scorer says of an answer costs as much as all the rest of the search.
    """
    config: DeduplicateConfig = runtime.settings.deduplicate
    texts = with_rank(rows, runtime.settings.sources, config.threshold)
    reference = None
    if config.against:
        runtime.progress.step("reading what is published")
        kept_in = files.join(runtime.settings.workspace, "reference")
        reference = open_reference(runtime.spark, config.against, columns, config, kept_in)
    found = find_near_duplicates(
        texts,
        config,
        lambda frame, part: runtime.storage.materialise(frame, f"{name}_{part}"),
        reference,
        lambda ranks: _lost_ranks(ranks, lost),
    )
    named = found.duplicates.select(
        id_of("rank").alias("id"),
        id_of("kept_rank").alias("duplicate_of"),
        *_PROOF,
        F.lit(None).cast("string").alias("reference_text"),
    )
    if found.of_reference is not None:
        named = named.unionByName(
            found.of_reference.select(
                id_of("rank").alias("id"),
                F.col("kept_rank").alias("duplicate_of"),
                *_PROOF,
                F.substring("twin_text", 1, _EXCERPT_CHARS).alias("reference_text"),
            )
        )
    named = DUPLICATES.select_from(named.withColumn("pass", F.lit(name)))
    # What was said of pairs goes with the prompts they were made of: the next stages make and compare pairs anew, and
    # the check of this table, which runs meanwhile, must not find removed pairs that are no more.
    runtime.storage.replace_where(DUPLICATES, named, "true" if name == "prompt" else f"pass = '{name}'")
    runtime.storage.clear_scratch()
    return found


def _lost_ranks(ranks: DataFrame, lost: Callable[[DataFrame], DataFrame]) -> DataFrame:
    with_ids = ranks.select("rank", id_of("rank").alias("id"))
    return with_ids.join(lost(with_ids.select("id")), "id", "left_semi").select("rank")
