"""Score stage: four dimensions and a quality for every pair that is neither convicted nor a twin.

Reads `pairs`, `screen` and `duplicates`, replaces `scores`.
"""

import json
from collections.abc import Mapping

from pyspark.sql import DataFrame

from jobs.answers.sampling import askable_prompts
from jobs.curation.eligibility import UNIQUE_PAIRS, unique_pairs
from jobs.surrogate.held_out import spared_lines
from jobs.surrogate.scores import score_with
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import DUPLICATES, PAIRS, SCORES, SCREEN


def run(runtime: Runtime) -> StageReport:
    """Score all open pairs."""
    all_pairs = runtime.read(PAIRS)
    pairs = unique_pairs(all_pairs, runtime.read(SCREEN), runtime.read(DUPLICATES))
    runtime.progress.step(f"scoring with {runtime.settings.score.kind}")
    if runtime.settings.score.asks_judge:
        pairs = runtime.storage.materialise(askable_prompts(pairs, runtime.settings.package), "pairs-to-judge")
    found = score_with(runtime, pairs)
    runtime.replace(SCORES, found.scores)
    for line in spared_lines(runtime):
        runtime.progress.line(line)
    warnings = (*found.warnings, *_without_score(found.replies))
    runtime.storage.clear_scratch()
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


def _without_score(replies: DataFrame | None) -> tuple[str, ...]:
    """How many replies of a judge give no valid score: their pairs have no row, and are never exported."""
    if replies is None:
        return ()
    faults = replies.where("fault is not null").groupBy("fault").count().orderBy("fault").collect()
    named = ", ".join(f"{row['fault']} {row['count']:,}" for row in faults)
    return (f"replies of the judge that give no score, so their pairs are not exported: {named}",) if named else ()


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
