"""What became of every record and every example: each has exactly one fate.

Counts of neighbouring tables reconcile because nothing is dropped before the export:
records = refused + absorbed + used, and examples = one fate each.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.workspace.queries import Answer, with_parts
from jobs.workspace.runtime import Runtime
from schemas.errors import DataRefusedError
from schemas.tables import CONTAMINATION, DUPLICATES, EXAMPLES, FATES, PAIRS, SCORES, SCREEN, SELECTION, Table
from udfs.column_functions import first_rows

SELECTED = "selected"
STAGE_ORDER = ("screen", "decontaminate", "deduplicate-prompts", "distill", "deduplicate-pairs", "score", "select")
"""Stages that decide a fate, in the order in which a reader meets them."""
VERDICTS_IN = (EXAMPLES, SCREEN, CONTAMINATION, DUPLICATES, PAIRS, SCORES, SELECTION)
"""The tables that a fate is read from."""


def example_fates(tables: Mapping[Table, DataFrame], unanswered: DataFrame) -> DataFrame:
    """The fate of every example.

    Where several rules convict a text the fate names the first by name; `screen` has them all. Of an example with
    several answers it is the fate of the one that came furthest.

    Args:
        tables: the rows of each table of `VERDICTS_IN`.
        unanswered: example_id and why, of prompts without an answer.

    Returns:
        Rows of `FATES`.
    """
    examples, screen, contamination, duplicates, pairs, scores, selection = (tables[one] for one in VERDICTS_IN)
    verdicts = screen.where("effect = 'exclude'").groupBy("id", "target").agg(F.min("rule").alias("rule"))
    prompt_rule = verdicts.where("target = 'prompt'").select(
        F.col("id").alias("example_id"), F.col("rule").alias("prompt_rule")
    )
    response_rule = verdicts.where("target in ('response', 'answer')").select(
        F.col("id").alias("verdict_id"), F.col("rule").alias("response_rule")
    )
    contaminated = contamination.where("effect = 'exclude'").select("example_id").distinct()
    # A row that is published already is nobody's row here.
    named = duplicates.withColumn("is_published", F.col("reference_text").isNotNull())
    prompt_twin = named.where("pass = 'prompt'").select(
        F.col("id").alias("example_id"),
        F.when(~F.col("is_published"), F.col("duplicate_of")).alias("prompt_twin"),
        F.col("is_published").alias("prompt_is_published"),
    )
    pair_twin = named.where("pass = 'pair'").select(
        F.col("id").alias("pair_id"),
        F.when(~F.col("is_published"), F.col("duplicate_of")).alias("twin_pair"),
        F.col("is_published").alias("pair_is_published"),
    )
    twin_owner = pairs.select(F.col("pair_id").alias("twin_pair"), F.col("example_id").alias("pair_twin"))
    scored = scores.select("pair_id", F.lit(True).alias("scored"))
    chosen = selection.select("pair_id", F.col("reason").alias("not_selected"), F.lit(True).alias("considered"))
    verdict_id = F.when(F.col("request_id").isNull(), F.col("example_id")).otherwise(F.col("pair_id"))
    joined = (
        examples.select("example_id", "source")
        .join(prompt_rule, "example_id", "left")
        .join(contaminated.withColumn("contaminated", F.lit(True)), "example_id", "left")
        .join(prompt_twin, "example_id", "left")
        .join(pairs.select("example_id", "pair_id", "request_id"), "example_id", "left")
        .withColumn("verdict_id", verdict_id)
        .join(response_rule, "verdict_id", "left")
        .join(pair_twin, "pair_id", "left")
        .join(twin_owner, "twin_pair", "left")
        .join(scored, "pair_id", "left")
        .join(chosen, "pair_id", "left")
        .join(unanswered, "example_id", "left")
    )
    fate = (
        F.when(F.col("prompt_rule").isNotNull(), _fate("screen", F.col("prompt_rule")))
        .when(F.col("contaminated"), _fate("decontaminate", F.lit("contaminated")))
        .when(F.col("prompt_is_published"), _fate("deduplicate-prompts", F.lit("duplicate_of_reference")))
        .when(F.col("prompt_twin").isNotNull(), _fate("deduplicate-prompts", F.lit("duplicate_prompt"), "prompt_twin"))
        .when(F.col("pair_id").isNull(), _fate("distill", F.coalesce("why", F.lit("no_answer"))))
        .when(F.col("response_rule").isNotNull(), _fate("screen", F.col("response_rule")))
        .when(F.col("pair_is_published"), _fate("deduplicate-pairs", F.lit("duplicate_of_reference")))
        .when(F.col("twin_pair").isNotNull(), _fate("deduplicate-pairs", F.lit("duplicate_pair"), "pair_twin"))
        .when(F.col("scored").isNull(), _fate("score", F.lit("not_scored")))
        .when(F.col("considered").isNull(), _fate("select", F.lit("not_considered")))
        .otherwise(_fate("select", F.coalesce("not_selected", F.lit(SELECTED))))
    )
    fated = joined.select("example_id", "source", "pair_id", fate.alias("fate"))
    return FATES.select_from(_furthest(fated.select("example_id", "source", "pair_id", "fate.*")))


def _furthest(fates: DataFrame) -> DataFrame:
    """One fate for each example: of the pair that came furthest."""
    stage = F.array_position(F.array(*map(F.lit, STAGE_ORDER)), F.col("stage"))
    is_behind = F.when(F.col("reason") == SELECTED, 0).when(F.col("reason") == "worse_sample", 2).otherwise(1)
    order = Window.partitionBy("example_id").orderBy(F.desc(stage), is_behind, "reason", "pair_id")
    return first_rows(fates, order)


def _fate(stage: str, reason: Column, twin: str | None = None) -> Column:
    duplicate_of = F.col(twin) if twin else F.lit(None).cast("string")
    return F.struct(F.lit(stage).alias("stage"), reason.alias("reason"), duplicate_of.alias("duplicate_of"))


RECORD_FATE = "case when outcome = 'refused' then reason else outcome end"
"""SQL: the fate of a record: `used`, `absorbed` or why it was refused."""

# Everything that is counted, in one query. `texts` are drafts of a record, and the drafts that an example stands for.
_COUNTS = with_parts(
    """
select 'record' as kind, source, cast(null as string) as stage, reason, count(*) as rows, sum(texts) as texts
from (
    select source, {fate} as reason, cast(cardinality(drafts) as bigint) as texts from {raw_records}
) as records
group by source, reason
union all
select 'example' as kind, source, cast(null as string) as stage, cast(null as string) as reason, count(*) as rows,
    sum(cast(copies as bigint)) as texts
from {examples} group by source
union all
select 'fate' as kind, source, stage, reason, count(*) as rows, cast(0 as bigint) as texts
from {fates} group by source, stage, reason
""",
    fate=RECORD_FATE,
)


@dataclass(frozen=True)
class Funnel:
    """Counts of all fates."""

    records: Mapping[str, int]
    """reason -> records; `used` and `absorbed` among them."""
    exact_copies: int
    """Drafts that fold into an example that says the same."""
    examples: Mapping[tuple[str, str], int]
    """(stage, reason) -> examples."""
    by_source: Mapping[str, "Funnel"] = field(default_factory=dict)
    """The same counts of each source, by name; empty in the funnel of one source."""


def count_fates(runtime: Runtime) -> Funnel:
    """Count every fate, and prove that the counts reconcile.

    Raises:
        DataRefusedError: an example has no fate or two; a stage lost or doubled rows.
    """
    rows = runtime.query(_COUNTS)
    funnel = _funnel(rows)
    examples, drafts, copies = (
        sum(row[column] or 0 for row in rows if row["kind"] == kind)
        for kind, column in (("example", "rows"), ("record", "texts"), ("example", "texts"))
    )
    counted = sum(funnel.examples.values())
    if counted != examples or drafts != copies:
        raise DataRefusedError(
            f"the tables do not reconcile: {examples:,} examples have {counted:,} fates and stand for {copies:,} of "
            f"{drafts:,} drafts. Run `phase0 run --force`; if it stays, this is a bug"
        )
    names = sorted({row["source"] for row in rows})
    return replace(funnel, by_source={name: _funnel([row for row in rows if row["source"] == name]) for name in names})


def _funnel(counts: Sequence[Answer]) -> Funnel:
    """Add up rows of `_COUNTS`."""
    outcomes: Counter[str] = Counter()
    for row in sorted((row for row in counts if row["kind"] == "record"), key=lambda row: row["reason"]):
        outcomes[row["reason"]] += row["rows"]
    decided: Counter[tuple[str, str]] = Counter()
    fates = (row for row in counts if row["kind"] == "fate")
    for row in sorted(fates, key=lambda row: (STAGE_ORDER.index(row["stage"]), row["reason"])):
        decided[row["stage"], row["reason"]] += row["rows"]
    copies = sum(row["texts"] - row["rows"] for row in counts if row["kind"] == "example")
    return Funnel(dict(outcomes), copies, dict(decided))
