"""Select stage: which scored pairs make the data set, and why each other one does not.

Reads `pairs` and `scores`, and `reviews` where people have written any; replaces `selection` (a reason for every
scored pair), `dataset`, and, now that all verdicts are known, `fates`. Not called
`select.py`: a script of that name would hide the standard library's `select` from everything it imports.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.deduplicate import config_for
from jobs.config.settings import SelectConfig
from jobs.curation.dataset import build_dataset
from jobs.curation.eligibility import needs_context
from jobs.curation.fates import VERDICTS_IN, example_fates
from jobs.curation.quotas import category_quotas
from jobs.curation.reviews import rejected_pairs, rejections_state
from jobs.curation.unanswered import why_unanswered
from jobs.deduplication.near_duplicates import find_near_duplicates
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.calls import RESPONSES
from schemas.tables import (
    ASSIGNMENTS,
    CONTAMINATION,
    DATASET,
    DUPLICATES,
    EXAMPLES,
    FATES,
    PAIRS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
)
from udfs.column_functions import looked_up

ALIKE = 0.5
"""Jaccard similarity from which on prompts are alike, as for the split of a package."""


def qualify_pairs(pairs: DataFrame, scores: DataFrame, rejected: DataFrame, config: SelectConfig) -> DataFrame:
    """Give every scored pair the reason why it cannot be exported, or null.

    The category is the judge's where it names one: it has read the pair, and rules have read its wording.

    A person's word goes first, but only against a pair: nobody can lift one over the threshold. A pair that
    needs its system prompt or its history to make sense is never exported bare.

    Args:
        pairs: rows of `PAIRS`.
        scores: rows of `SCORES`.
        rejected: column `pair_id`, each once: what reviewers reject.
        config: the threshold.

    Returns:
        Rows of `SELECTION`, before quotas.
    """
    reason = (
        F.when(F.col("is_rejected"), "rejected_by_reviewer")
        .when(F.col("quality_tenths") <= config.min_score_tenths, "low_score")
        .otherwise(needs_context())
    )
    scored = scores.join(pairs, "pair_id").withColumn("category", F.coalesce("judge_category", "category"))
    scored = scored.join(rejected.withColumn("is_rejected", F.lit(True)), "pair_id", "left")
    judged = scored.withColumn("reason", reason)
    # Of several samples one is kept, the best; of equal ones the first that was asked for.
    best = Window.partitionBy("example_id").orderBy(
        F.col("reason").isNotNull(), F.desc("quality_tenths"), "sample", "pair_id"
    )
    is_worse = (F.row_number().over(best) > 1) & F.col("reason").isNull()
    return SELECTION.select_from(
        judged.withColumn("reason", F.when(is_worse, "worse_sample").otherwise(F.col("reason")))
    )


def fill_quotas(qualified: DataFrame, quotas: Mapping[str, int], groups: DataFrame, config: SelectConfig) -> DataFrame:
    """Mark what exceeds its category's quota, with the reason why just this row.

    The best score goes first. Of a group of rows with prompts alike, and of a source, no more than the configuration
    allows are taken before all others; what is beyond that only fills what would stay empty. Among equal scores, which
    is what rules give, groups take turns, then sources, and then the id decides, which is a hash and favours nothing.

    Args:
        qualified: rows of `SELECTION`, reason null for those that may be taken.
        quotas: category -> rows to take.
        groups: columns pair_id, source and alike: the source of each open row, and the id of the group of rows with
            prompts like its own.
        config: the limits.

    Returns:
        The same rows.
    """
    quota = F.coalesce(looked_up(quotas, "category"), F.lit(0))
    best = (F.desc("quality_tenths"), "example_id", "pair_id")
    alike = Window.partitionBy("category", "alike").orderBy(*best)
    open_rows = qualified.where("reason is null").join(groups, "pair_id")
    open_rows = open_rows.withColumn("turn", F.row_number().over(alike))
    is_alike = F.col("turn") > config.max_alike
    of_source = Window.partitionBy("category", "source").orderBy(is_alike, best[0], "turn", *best[1:])
    open_rows = open_rows.withColumn("source_turn", F.row_number().over(of_source))
    share = config.max_source_share
    is_crowding = F.col("source_turn") > F.ceil(quota * F.lit(share)) if share < 1 else F.lit(False)
    in_turn = Window.partitionBy("category").orderBy(is_alike | is_crowding, best[0], "turn", "source_turn", *best[1:])
    within = F.row_number().over(in_turn) <= quota
    why = F.when(is_alike, "alike_over_quota").when(is_crowding, "source_over_quota").otherwise("over_quota")
    taken = SELECTION.select_from(open_rows.withColumn("reason", F.when(~within, why)))
    return qualified.where("reason is not null").unionByName(taken)


def find_alike(runtime: Runtime, open_rows: DataFrame) -> DataFrame:
    """Which open rows have prompts alike: the best of them, and those that resemble it by Jaccard 0.5 or more.

    Args:
        runtime: the run, for scratch tables.
        open_rows: columns pair_id, example_id, quality_tenths, source and instruction.

    Returns:
        pair_id, source and alike, the rank of the best row of the group; see `fill_quotas`.
    """
    # Of two rows alike the better one leads; the rank sorts as the scores do, best first.
    rank = F.concat_ws(" ", F.lpad(100 - F.col("quality_tenths"), 3, "0"), "example_id", "pair_id")
    ranked = runtime.storage.materialise(open_rows.withColumn("rank", rank), "open-rows")
    texts = ranked.select("rank", F.col("instruction").alias("text"), F.lit(ALIKE).alias("threshold"))
    found = find_near_duplicates(texts, config_for(ALIKE), runtime.storage.materialise).duplicates
    led = ranked.join(found.select("rank", "kept_rank"), "rank", "left")
    return led.select("pair_id", "source", F.coalesce("kept_rank", "rank").alias("alike"))


def run(runtime: Runtime) -> StageReport:
    """Select from all scored pairs."""
    config = runtime.settings.select
    pairs, scores = runtime.read(PAIRS), runtime.read(SCORES)
    selection = qualify_pairs(pairs, scores, _rejected(runtime), config)
    if config.rows is not None:
        supply = {
            row["category"]: row["count"]
            for row in selection.where("reason is null").groupBy("category").count().collect()
        }
        quotas = category_quotas(supply, config.rows, config.composition, config.when_short)
        runtime.progress.step("quotas: " + ", ".join(f"{name} {count:,}" for name, count in quotas.items()))
        selection = fill_quotas(selection, quotas, _groups(runtime, selection, pairs, supply, quotas), config)
    runtime.replace(SELECTION, selection)
    stored = runtime.read(SELECTION)
    runtime.replace(DATASET, build_dataset(stored, pairs, scores))
    runtime.storage.clear_scratch()
    runtime.progress.step("naming the fate of every example")
    # A workspace of an older version has looked for no benchmark.
    tables = {one: runtime.read_or_empty(one) if one is CONTAMINATION else runtime.read(one) for one in VERDICTS_IN}
    assignments, responses = runtime.read(ASSIGNMENTS), runtime.read_or_empty(RESPONSES)
    unanswered = why_unanswered(tables[EXAMPLES], assignments, responses)
    runtime.replace(FATES, example_fates(tables, unanswered))
    found = runtime.query("select reason, count(*) as rows from {selection} group by reason")
    counts = {row["reason"]: row["rows"] for row in found}
    selected = counts.pop(None, 0)
    rows = selected + sum(counts.values())
    return StageReport(rows, selected, dict(sorted(counts.items())), disagreements(runtime.query(_DISAGREEMENTS)))


_DISAGREEMENTS = """
select pairs.category as rules, scores.judge_category as judge, count(*) as rows
from {pairs} as pairs join {scores} as scores on scores.pair_id = pairs.pair_id
where scores.judge_category is not null
group by 1, 2
order by 3 desc, 1, 2
"""
_NAMED = 3


def disagreements(counts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """How often the judge takes a pair for another category than the rules or its source do, as a warning.

    Args:
        counts: rules, judge and rows, the most frequent first.
    """
    other = [row for row in counts if row["rules"] != row["judge"]]
    if not other:
        return ()
    named = [f"{row['rules']} to {row['judge']} {row['rows']:,}" for row in other[:_NAMED]]
    more = ["..."] if len(other) > _NAMED else []
    moved, judged = (sum(row["rows"] for row in rows) for rows in (other, counts))
    return (f"the judge files {moved:,} of {judged:,} pairs under another category: {', '.join([*named, *more])}",)


def _groups(
    runtime: Runtime, selection: DataFrame, pairs: DataFrame, supply: Mapping[str, int], quotas: Mapping[str, int]
) -> DataFrame:
    """Groups of the open rows. Nothing is searched in a category that is taken whole: each row is one of its own."""
    open_rows = selection.where("reason is null").join(pairs.select("pair_id", "source", "instruction"), "pair_id")
    full = [name for name, rows in supply.items() if rows > quotas.get(name, 0) > 0]
    is_full = F.col("category").isin(full)
    whole = open_rows.where(~is_full).select("pair_id", "source", F.col("pair_id").alias("alike"))
    if not full:
        return whole
    runtime.progress.step("finding prompts alike")
    return whole.unionByName(find_alike(runtime, open_rows.where(is_full)))


def _rejected(runtime: Runtime) -> DataFrame:
    return runtime.spark.createDataFrame([(one,) for one in rejected_pairs(runtime)], "pair_id string")


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """State of the reviewers' rejections."""
    return {"reviews": rejections_state(rejected_pairs(runtime))}


STAGE: Stage = Stage(
    name="select",
    title="select the data set",
    run=run,
    reads=(EXAMPLES, SCREEN, CONTAMINATION, DUPLICATES, ASSIGNMENTS, PAIRS, SCORES),
    writes=(SELECTION, DATASET, FATES),
    settings=("select",),
    inputs=inputs,
    given=(REVIEWS,),
    after="score",
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
