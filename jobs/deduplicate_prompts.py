"""First deduplication: prompts, before any call is paid for.

Reads `examples`, `screen` and `contamination`, writes the `prompt` pass of `duplicates`. Prompts that the screen keeps
out or that hold an item of a benchmark take no part: a prompt that will never be asked must not remove its clean twin.
"""

from collections.abc import Mapping

from pyspark.sql import functions as F

from jobs.answers.prospects import lost_among, prospects_state
from jobs.curation.eligibility import OPEN_PROMPTS, open_prompts, without_contaminated
from jobs.curation.second_choice import passed_over_state
from jobs.deduplication.figures import SourceDuplication, count_published, count_source_duplication
from jobs.deduplication.ranking import mark_duplicates, prompt_text, turn_start
from jobs.deduplication.reference import reference_state
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import CONTAMINATION, DUPLICATES, EXAMPLES, SCREEN


def run(runtime: Runtime) -> StageReport:
    """Find near-duplicate prompts among those that may be asked."""
    examples = without_contaminated(runtime.read(EXAMPLES), runtime.read(CONTAMINATION))
    prompts = open_prompts(examples, runtime.read(SCREEN))
    texts = prompts.select(
        F.col("example_id").alias("id"),
        "source",
        prompt_text().alias("text"),
        turn_start(prompt_text(), "instruction").alias("turn_start"),
        "human_quality",
        "has_fault",
    )
    runtime.progress.step("comparing prompts")
    found = mark_duplicates(runtime, "prompt", texts, ("instruction",), lost_among(prompts, runtime, "prompt"))
    losses = count_source_duplication(runtime, OPEN_PROMPTS)
    total, removed = sum(loss.prompts for loss in losses), sum(loss.removed for loss in losses)
    published = count_published(runtime, "prompt")
    reasons = {
        "duplicate_prompt": removed - published,
        "duplicate_of_reference": published,
        "numbers_only_pairs": found.numbers_only,
    }
    warnings = tuple(_advice(loss) for loss in losses if loss.is_heavy)
    return StageReport(total, total - removed, {name: count for name, count in reasons.items() if count}, warnings)


def _advice(loss: SourceDuplication) -> str:
    return (
        f"{loss.source}: {loss.near:,} of {loss.distinct:,} distinct prompts ({loss.near / loss.distinct:.0%}) fall as "
        "near-duplicates; long shared openings do this. Look at some with `phase0 show --reason duplicate_prompt "
        f"--source {loss.source}`; to keep more, set deduplicate.common_shingle_share to 0.1, or deduplicate_threshold "
        "of this source"
    )


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """What else decides which of two twins stays, where the sources' own answers are exported."""
    prospects = prospects_state(runtime.settings, of_answers=not runtime.settings.distill.models)
    passed_over = passed_over_state(runtime, "prompt")
    return {**prospects, **passed_over, **reference_state(runtime.settings.deduplicate.against)}


STAGE: Stage = Stage(
    name="deduplicate-prompts",
    title="find near-duplicate prompts",
    run=run,
    reads=(EXAMPLES, SCREEN, CONTAMINATION),
    writes=(DUPLICATES,),
    settings=("deduplicate", "sources"),
    inputs=inputs,
    after="decontaminate",
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
