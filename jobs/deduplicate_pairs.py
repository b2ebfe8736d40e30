"""Second deduplication: prompt and response together, before any score is paid for.

Reads `pairs` and `screen`, writes the `pair` pass of `duplicates`. Pairs whose response the screen keeps
out take no part.
"""

from pyspark.sql import functions as F

from jobs.curation.eligibility import CLEAN_PAIRS, clean_pairs
from jobs.deduplication.ranking import mark_duplicates, pair_text
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
        "human_quality",
        F.lit(False).alias("has_fault"),
    )
    runtime.progress.step("comparing pairs")
    found = mark_duplicates(runtime, "pair", texts)
    (counts,) = runtime.query(_COUNTS)
    total, lost = counts["total"], counts["lost"]
    reasons = {"duplicate_pair": lost, "numbers_only_pairs": found.numbers_only}
    return StageReport(total, total - lost, {name: count for name, count in reasons.items() if count})


STAGE: Stage = Stage(
    name="deduplicate-pairs",
    title="find near-duplicate pairs",
    run=run,
    reads=(PAIRS, SCREEN),
    writes=(DUPLICATES,),
    settings=("deduplicate", "sources"),
    after="distill",
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
