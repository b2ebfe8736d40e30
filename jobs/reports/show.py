"""Rows of one fate with their text, so that a person can judge the verdict."""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from jobs.curation.fates import record_fates
from jobs.curation.reviews import latest_verdicts
from jobs.rendering.terminal import EXCERPT_CHARS, excerpt
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import (
    CONTAMINATION,
    DUPLICATES,
    EXAMPLES,
    FATES,
    PAIRS,
    RAW_RECORDS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
)
from udfs.column_functions import first_rows


def sample_examples(
    runtime: Runtime, per_reason: int, reason: str | None = None, source: str | None = None
) -> list[Row]:
    """Examples of each fate, first by id, with text, twin, score and matched span.

    Returns:
        Rows of example_id, source, stage, reason, instruction, response (of the pair that came furthest, else the
        source's own), twin, jaccard, item (of a benchmark), quality_tenths, span.
    """
    fates = _filtered(runtime.read(FATES), reason, source)
    chosen = _first_of_each(fates, per_reason, "example_id")
    examples = runtime.read(EXAMPLES)
    twins = examples.select(F.col("example_id").alias("duplicate_of"), F.col("instruction").alias("twin"))
    pairs = _one_of_each(runtime.read(PAIRS), runtime.read(SELECTION))
    similarity = runtime.read(DUPLICATES).groupBy("id").agg(F.max("jaccard").alias("jaccard"))
    spans = (
        runtime.read(SCREEN)  # a verdict on a model's answer has the id of its pair
        .join(runtime.read(PAIRS).select(F.col("pair_id").alias("id"), "example_id"), "id", "left")
        .groupBy(F.coalesce("example_id", "id").alias("example_id"), F.col("rule").alias("reason"))
        .agg(F.min("span").alias("span"))
    )
    marks = runtime.read_or_empty(CONTAMINATION).where("effect = 'exclude'")
    named = F.concat_ws(" ", "benchmark", "item", "field", F.concat(F.lit("in the "), F.col("side")))
    of_item = F.concat(named, F.lit(": "), F.col("item_text"))
    most = Window.partitionBy("example_id").orderBy(F.desc("share"), F.desc("tokens"), "benchmark", "item", "side")
    items = first_rows(marks, most).select(
        "example_id", F.lit("contaminated").alias("reason"), of_item.alias("item"), F.col("span").alias("shared")
    )
    scores = runtime.read(SCORES).select("pair_id", "quality_tenths", F.col("reason").alias("score_reason"))
    said = F.concat_ws(": ", F.concat_ws(" by ", "verdict", "reviewer"), "note")
    reviews = latest_verdicts(runtime.read_or_empty(REVIEWS)).select("pair_id", said.alias("review"))
    joined = (
        chosen.join(examples.drop("source"), "example_id")
        .join(twins, "duplicate_of", "left")
        .join(pairs, "example_id", "left")
        .withColumn("id", F.when(F.col("reason") == "duplicate_pair", F.col("pair_id")).otherwise(F.col("example_id")))
        .join(similarity, "id", "left")
        .join(spans, ["example_id", "reason"], "left")
        .join(items, ["example_id", "reason"], "left")
        .withColumn("span", F.coalesce("span", "shared"))
        .join(scores, "pair_id", "left")
        .join(reviews, "pair_id", "left")
    )
    response = F.coalesce("answer", "reference_response").alias("response")
    columns = ("example_id", "source", "stage", "reason", "instruction", response, "twin", "duplicate_of")
    more = ("jaccard", "item", "quality_tenths", "score_reason", "review", "span", "category", "system", "history")
    return joined.select(*columns, *more).orderBy("stage", "reason", "example_id").collect()


def _one_of_each(pairs: DataFrame, selection: DataFrame) -> DataFrame:
    """Of each example the pair that is selected, else the one that came furthest: example_id, pair_id, answer."""
    chosen = selection.select("pair_id", F.col("reason").isNull().alias("is_selected"), "quality_tenths")
    best = Window.partitionBy("example_id").orderBy(
        F.desc_nulls_last("is_selected"), F.desc_nulls_last("quality_tenths"), "sample", "pair_id"
    )
    placed = first_rows(pairs.join(chosen, "pair_id", "left"), best)
    return placed.select("example_id", "pair_id", F.col("response").alias("answer"))


def sample_records(
    runtime: Runtime, per_reason: int, reason: str | None = None, source: str | None = None
) -> list[Row]:
    """Refused records of each reason, first by place.

    Returns:
        Rows of source, file, position, reason, record.
    """
    raw = runtime.read(RAW_RECORDS)
    refused = _filtered(record_fates(raw.where("outcome = 'refused'")), reason, source)
    chosen = _first_of_each(refused, per_reason, "file", "position")
    joined = chosen.join(raw.select("source", "file", "position", "record"), ["source", "file", "position"])
    return joined.orderBy("reason", "file", "position").collect()


def _filtered(fates: DataFrame, reason: str | None, source: str | None) -> DataFrame:
    if reason is not None:
        fates = fates.where(F.col("reason") == reason)
    return fates if source is None else fates.where(F.col("source") == source)


def _first_of_each(fates: DataFrame, count: int, *order: str) -> DataFrame:
    return first_rows(fates, Window.partitionBy("reason").orderBy(*order), count)


def show_rows(runtime: Runtime, reason: str, count: int, source: str | None) -> None:
    """Print rows of one fate.

    Raises:
        ConfigError: no row has that fate; names the fates there are.
    """
    examples = sample_examples(runtime, count, reason, source)
    records = sample_records(runtime, count, reason, source)
    if not examples and not records:
        known = _known_reasons(runtime)
        where = f" of source {source}" if source else ""
        raise ConfigError(f"no row{where} has the fate {reason}; there are: {', '.join(known)}")
    print_examples(runtime.progress.console, examples)
    print_records(runtime.progress.console, records)


def _known_reasons(runtime: Runtime) -> list[str]:
    fates = runtime.read(FATES).select("reason").distinct().collect()
    refused = runtime.read(RAW_RECORDS).where("outcome = 'refused'").select("reason").distinct().collect()
    return sorted({row["reason"] for row in [*fates, *refused]})


def print_examples(console: Console, rows: Sequence[Row]) -> None:
    """Print examples, one panel each."""
    for row in rows:
        parts: list[tuple[str, Any]] = [
            ("system", row["system"]),
            ("history", f"{len(row['history'])} earlier messages" if row["history"] else None),
            ("instruction", row["instruction"]),
            ("response", row["response"]),
            ("twin that stays", row["twin"]),
            ("item of a benchmark", row["item"]),
            ("found", row["span"]),
            ("score", _score(row)),
            ("review", row["review"]),
        ]
        facts = [f"Jaccard {row['jaccard']:.3f}"] if row["duplicate_of"] and row["jaccard"] else []
        title = " · ".join([row["reason"], row["source"], row["category"], row["example_id"], *facts])
        console.print(Panel(_body(parts), title=escape(title), title_align="left"))


def _score(row: Row) -> str | None:
    tenths = row["quality_tenths"]
    return None if tenths is None else f"{tenths / 10:.1f} ({row['score_reason']})"


def print_records(console: Console, rows: Sequence[Row]) -> None:
    """Print refused records, one panel each."""
    for row in rows:
        title = f"{row['reason']} · {row['source']} · {row['file'].rsplit('/', 1)[-1]}, record {row['position']}"
        text = bytes(row["record"][: EXCERPT_CHARS * 4]).decode("utf-8", "replace")
        console.print(Panel(excerpt(text), title=escape(title), title_align="left"))


def _body(parts: Sequence[tuple[str, Any]]) -> str:
    return "\n".join(f"[bold]{name}:[/bold] {excerpt(text)}" for name, text in parts if text)
