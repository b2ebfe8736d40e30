"""Distill stage: decide who answers each prompt, have it answered, and pair prompts with answers.

Reads `examples`, `screen` and `duplicates`, replaces `assignments` and `pairs`. The teacher kind `public` passes the
source's own response on; it asks nobody and costs nothing. Answers of models are screened, as `answer` in `screen`.
"""

import json
from collections import Counter
from collections.abc import Mapping

from pyspark.sql import DataFrame

from jobs.answers.public import assign_public, pair_public_answers
from jobs.answers.requests import pair_answers
from jobs.answers.screened import screen_answers
from jobs.answers.teachers import ask_teachers
from jobs.curation.eligibility import UNIQUE_PROMPTS, clean_examples, unique_prompts
from jobs.curation.unanswered import why_unanswered
from jobs.surrogate.scores import score_with
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.calls import RESPONSES
from schemas.tables import ASSIGNMENTS, CONTAMINATION, DUPLICATES, EXAMPLES, PAIRS, SCREEN


def run(runtime: Runtime) -> StageReport:
    """Assign and answer all open prompts."""
    examples = runtime.read(EXAMPLES)
    prompts = unique_prompts(clean_examples(runtime), runtime.read(SCREEN), runtime.read(DUPLICATES))
    if runtime.settings.distill.models:
        return _ask_models(runtime, examples, prompts)
    runtime.replace(ASSIGNMENTS, assign_public(prompts))
    runtime.progress.step("pairing prompts with the sources' own responses")
    runtime.replace(PAIRS, pair_public_answers(runtime.read(ASSIGNMENTS), examples))
    (counts,) = runtime.query(
        "select (select count(*) from {assignments}) as asked, (select count(*) from {pairs}) as answered"
    )
    asked, answered = counts["asked"], counts["answered"]
    return StageReport(asked, answered, {"no_answer": asked - answered} if asked > answered else {})


def _ask_models(runtime: Runtime, examples: DataFrame, prompts: DataFrame) -> StageReport:
    warnings = ask_teachers(runtime, prompts, _score)
    runtime.progress.step("pairing prompts with answers")
    assignments, responses = runtime.read(ASSIGNMENTS), runtime.read_or_empty(RESPONSES)
    own = pair_public_answers(assignments, examples)
    with_reasoning = runtime.settings.distill.reasoning == "keep"
    answers = pair_answers(assignments, responses, examples, with_reasoning=with_reasoning)
    runtime.replace(PAIRS, own.unionByName(answers))
    screen_answers(runtime)
    reasons = Counter(
        {
            row["why"]: row["count"]
            for row in why_unanswered(prompts, assignments, responses).groupBy("why").count().collect()
        }
    )
    runtime.storage.clear_scratch()
    (counts,) = runtime.query(_COUNTS, (CONTAMINATION,))
    return StageReport(counts["prompts"], counts["pairs"], dict(sorted(reasons.items())), warnings)


_COUNTS = with_parts(
    "select (select count(*) from ({unique_prompts}) as open_prompts) as prompts, "
    "(select count(*) from {pairs}) as pairs",
    unique_prompts=UNIQUE_PROMPTS,
)


def _score(runtime: Runtime, pairs: DataFrame) -> tuple[DataFrame, tuple[str, ...]]:
    """What the scorer of the configuration says of pairs, and its warnings."""
    found = score_with(runtime, pairs)
    return found.scores, found.warnings


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """What else shapes the answers where models give them: who is asked what, and how many."""
    settings = runtime.settings
    if not settings.distill.models:
        return {}
    sections = {"select", "providers"} | ({"score"} if settings.distill.when == "below_threshold" else set())
    said = settings.model_dump(mode="json", include=sections)
    return {"models": json.dumps([said, settings.package.messages], sort_keys=True)}


STAGE: Stage = Stage(
    name="distill",
    title="pair prompts with answers",
    run=run,
    reads=(EXAMPLES, SCREEN, CONTAMINATION, DUPLICATES),
    writes=(ASSIGNMENTS, PAIRS),
    adds_to=(SCREEN,),
    settings=("distill",),
    inputs=inputs,
    after="deduplicate-prompts",
    asks_models=lambda settings: bool(settings.distill.models),
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
