"""Score stage: four dimensions and a quality for every pair that is neither convicted nor a twin.

Reads `pairs`, `screen` and `duplicates`, replaces `scores`.
"""

import json
from collections.abc import Mapping

from pyspark.sql import DataFrame

from jobs.answers.heuristic import score_pairs
from jobs.answers.judge import judge_pairs, scores_of
from jobs.answers.sampling import askable_prompts
from jobs.curation.eligibility import UNIQUE_PAIRS, unique_pairs
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import DUPLICATES, PAIRS, SCORES, SCREEN


def run(runtime: Runtime) -> StageReport:
    """Score all open pairs."""
    all_pairs = runtime.read(PAIRS)
    pairs = unique_pairs(all_pairs, runtime.read(SCREEN), runtime.read(DUPLICATES))
    runtime.progress.step(f"scoring with {runtime.settings.score.kind}")
    warnings: tuple[str, ...] = ()
    if runtime.settings.score.kind == "judge":
        warnings = _judge(runtime, askable_prompts(pairs, runtime.settings.package))
    else:
        runtime.replace(SCORES, score_pairs(pairs, runtime.settings.score))
    (counts,) = runtime.query(_COUNTS, limit=runtime.settings.select.min_score_tenths)
    scored = counts["scored"]
    reasons = {"low_score": counts["low"], "not_scored": counts["unique_pairs"] - scored}
    return StageReport(counts["total"], scored, {name: count for name, count in reasons.items() if count}, warnings)


_COUNTS = with_parts(
    """
select
    (select count(*) from {pairs}) as total,
    (select count(*) from ({unique_pairs}) as open_pairs) as unique_pairs,
    (select count(*) from {scores}) as scored,
    (select count(*) from {scores} where quality_tenths <= :limit) as low
""",
    unique_pairs=UNIQUE_PAIRS,
)


def _judge(runtime: Runtime, pairs: DataFrame) -> tuple[str, ...]:
    """Have the judge score the pairs; one whose answer gives no valid score has no row, and is never exported."""
    open_pairs = runtime.storage.materialise(pairs, "pairs-to-judge")
    read, warnings = judge_pairs(runtime, open_pairs)
    runtime.replace(SCORES, scores_of(read))
    faults = read.where("fault is not null").groupBy("fault").count().orderBy("fault").collect()
    if faults:
        named = ", ".join(f"{row['fault']} {row['count']:,}" for row in faults)
        warnings += (f"replies of the judge that give no score, so their pairs are not exported: {named}",)
    runtime.storage.clear_scratch()
    return warnings


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """What else shapes the scores of a judge."""
    settings = runtime.settings
    if settings.score.kind != "judge":
        return {}
    providers = settings.model_dump(mode="json", include={"providers"})
    return {"models": json.dumps([providers, settings.package.messages], sort_keys=True)}


STAGE: Stage = Stage(
    name="score",
    title="score the pairs",
    run=run,
    reads=(PAIRS, SCREEN, DUPLICATES),
    writes=(SCORES,),
    settings=("score",),
    inputs=inputs,
    after="deduplicate-pairs",
    asks_models=lambda settings: settings.score.kind == "judge",
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
