"""Second deduplication: prompt and response together, before any score is paid for.

Reads `pairs` and `screen`, writes the `pair` pass of `duplicates`. Pairs whose response the screen keeps
out take no part.
"""

from collections.abc import Mapping

from pyspark.sql import functions as F

from jobs.answers.prospects import lost_among, prospects_state
from jobs.curation.eligibility import CLEAN_PAIRS, clean_pairs
from jobs.curation.second_choice import passed_over_state
from jobs.deduplication.figures import count_published
from jobs.deduplication.ranking import mark_duplicates, pair_text, turn_start
from jobs.deduplication.reference import reference_state
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import DUPLICATES, PAIRS, SCREEN

_COUNTS = with_parts(
    """
select
    (select count(*) from ({clean_pairs}) as clean) as total,
    (select count(*) from {duplicates} where pass = 'pair') as lost
""",
    clean_pairs=CLEAN_PAIRS,
)


def run(runtime: Runtime) -> StageReport:
    """Find near-duplicate pairs among those with a clean response."""
    pairs = clean_pairs(runtime.read(PAIRS), runtime.read(SCREEN))
    texts = pairs.select(
        F.col("pair_id").alias("id"),
        "source",
        pair_text().alias("text"),
        turn_start(pair_text(), "instruction", "response").alias("turn_start"),
        "human_quality",
        F.lit(False).alias("has_fault"),
    )
    runtime.progress.step("comparing pairs")
    found = mark_duplicates(runtime, "pair", texts, ("instruction", "response"), lost_among(pairs, runtime, "pair"))
    (counts,) = runtime.query(_COUNTS)
    total, removed = counts["total"], counts["lost"]
    published = count_published(runtime, "pair")
    reasons = {
        "duplicate_pair": removed - published,
        "duplicate_of_reference": published,
        "numbers_only_pairs": found.numbers_only,
    }
    return StageReport(total, total - removed, {name: count for name, count in reasons.items() if count})


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """What else decides which of two twins stays."""
    prospects = prospects_state(runtime.settings, of_answers=True)
    passed_over = passed_over_state(runtime, "pair")
    return {**prospects, **passed_over, **reference_state(runtime.settings.deduplicate.against)}


STAGE: Stage = Stage(
    name="deduplicate-pairs",
    title="find near-duplicate pairs",
    run=run,
    reads=(PAIRS, SCREEN),
    writes=(DUPLICATES,),
    settings=("deduplicate", "sources"),
    inputs=inputs,
    after="distill",
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
