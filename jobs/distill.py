"""Distill stage: decide who answers each prompt, have it answered, and pair prompts with answers.

Reads `examples`, `screen` and `duplicates`, replaces `assignments` and `pairs`. The teacher kind `public` passes the
source's own response on; it asks nobody and costs nothing. Answers of models are screened, as `answer` in `screen`.
"""

import json
from collections import Counter
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from jobs.answer_requests import pair_answers
from jobs.ask_teachers import ask_teachers
from jobs.runtime import Runtime, Stage, StageReport
from jobs.screened_answers import screen_answers
from jobs.settings_paid import PUBLIC, DistillConfig
from jobs.unanswered import why_unanswered
from jobs.verdicts import open_prompts, without_duplicates
from schemas.calls import RESPONSES
from schemas.tables import ASSIGNMENTS, DUPLICATES, EXAMPLES, PAIRS, SCREEN
from udfs.ids import pair_id


def assign_teachers(examples: DataFrame, screen: DataFrame, duplicates: DataFrame, config: DistillConfig) -> DataFrame:
    """Assign the one teacher to every prompt that may be asked: neither screened out nor a twin.

    Returns:
        Rows of `ASSIGNMENTS`.
    """
    teacher = F.lit(config.teachers[0].name)
    unmarked = open_prompts(examples, screen).select("example_id")
    return ASSIGNMENTS.select_from(
        without_duplicates(unmarked, duplicates, "prompt", "example_id").withColumns(
            {
                "stage": F.lit("distill"),
                "sample": F.lit(0),
                "requested_teacher": teacher,
                "actual_teacher": teacher,
                "request_id": F.lit(None).cast("string"),
            }
        )
    )


def pair_public_answers(assignments: DataFrame, examples: DataFrame) -> DataFrame:
    """Pair each prompt assigned to the public teacher with the source's own response, where there is one.

    Returns:
        Rows of `PAIRS`; `answered_by` is the source's name, never a model that did not write it.
    """
    pair_ids = F.udf(lambda example: pair_id(example, PUBLIC), StringType())
    return PAIRS.select_from(
        assignments.where("request_id is null")
        .join(examples, "example_id")
        .where(F.col("reference_response").isNotNull())
        .withColumns(
            {
                "pair_id": pair_ids("example_id"),
                "teacher": F.col("actual_teacher"),
                "answered_by": F.col("source"),
                "response": F.col("reference_response"),
            }
        )
    )


def run(runtime: Runtime) -> StageReport:
    """Assign and answer all open prompts."""
    examples = runtime.read(EXAMPLES)
    if runtime.settings.distill.models:
        return _ask_models(runtime, examples)
    assigned = assign_teachers(examples, runtime.read(SCREEN), runtime.read(DUPLICATES), runtime.settings.distill)
    runtime.replace(ASSIGNMENTS, assigned)
    runtime.progress.step("pairing prompts with the sources' own responses")
    runtime.replace(PAIRS, pair_public_answers(runtime.read(ASSIGNMENTS), examples))
    asked, answered = runtime.read(ASSIGNMENTS).count(), runtime.read(PAIRS).count()
    return StageReport(asked, answered, {"no_answer": asked - answered} if asked > answered else {})


def _ask_models(runtime: Runtime, examples: DataFrame) -> StageReport:
    unmarked = open_prompts(examples, runtime.read(SCREEN))
    prompts = without_duplicates(unmarked, runtime.read(DUPLICATES), "prompt", "example_id")
    warnings = ask_teachers(runtime, prompts)
    runtime.progress.step("pairing prompts with answers")
    assignments, responses = runtime.read(ASSIGNMENTS), runtime.read_or_empty(RESPONSES)
    own = pair_public_answers(assignments, examples)
    runtime.replace(PAIRS, own.unionByName(pair_answers(assignments, responses, examples)))
    screen_answers(runtime)
    reasons = Counter(
        {
            row["why"]: row["count"]
            for row in why_unanswered(prompts, assignments, responses).groupBy("why").count().collect()
        }
    )
    runtime.storage.clear_scratch()
    return StageReport(prompts.count(), runtime.read(PAIRS).count(), dict(sorted(reasons.items())), warnings)


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
    reads=(EXAMPLES, SCREEN, DUPLICATES),
    writes=(ASSIGNMENTS, PAIRS),
    adds_to=(SCREEN,),
    settings=("distill",),
    inputs=inputs,
)

if __name__ == "__main__":
    from jobs.cli import run_command

    run_command(STAGE.name)
