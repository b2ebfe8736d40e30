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
from jobs.surrogate.scores import score_by_surrogate
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import DUPLICATES, PAIRS, SCORES, SCREEN


def run(runtime: Runtime) -> StageReport:
    """Score all open pairs."""
    all_pairs = runtime.read(PAIRS)
    pairs = unique_pairs(all_pairs, runtime.read(SCREEN), runtime.read(DUPLICATES))
    runtime.progress.step(f"scoring with {runtime.settings.score.kind}")
    warnings: tuple[str, ...] = ()
    if runtime.settings.score.asks_judge:
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
    """Have the judge score the pairs, or what a model of it leaves to it.

    A pair whose reply gives no valid score has no row, and is never exported.
    """
    open_pairs = runtime.storage.materialise(pairs, "pairs-to-judge")
    if runtime.settings.score.kind == "distilled":
        scores, read, warnings = score_by_surrogate(runtime, open_pairs)
    else:
        read, warnings = judge_pairs(runtime, open_pairs)
        scores = scores_of(read)
    runtime.replace(SCORES, scores)
    faults = read.where("fault is not null").groupBy("fault").count().orderBy("fault").collect()
    if faults:
        named = ", ".join(f"{row['fault']} {row['count']:,}" for row in faults)
        warnings += (f"replies of the judge that give no score, so their pairs are not exported: {named}",)
    runtime.storage.clear_scratch()
    return warnings


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """What else shapes the scores of a judge."""
    settings = runtime.settings
    if not settings.score.asks_judge:
        return {}
    providers = settings.model_dump(mode="json", include={"providers"})
    # The judge is asked about what a prediction leaves on both sides of the threshold.
    threshold = [settings.select.min_score_tenths] if settings.score.kind == "distilled" else []
    return {"models": json.dumps([providers, settings.package.messages, *threshold], sort_keys=True)}


STAGE: Stage = Stage(
    name="score",
    title="score the pairs",
    run=run,
    reads=(PAIRS, SCREEN, DUPLICATES),
    writes=(SCORES,),
    settings=("score",),
    inputs=inputs,
    after="deduplicate-pairs",
    asks_models=lambda settings: settings.score.asks_judge,
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
