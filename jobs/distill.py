"""Distill stage: decide who answers each prompt, and pair prompts with answers.

Reads `examples`, `screen` and `duplicates`, replaces `assignments` and `pairs`. The teacher kind `public`
passes the source's own response on; it asks nobody and costs nothing.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from jobs.runtime import Runtime, Stage, StageReport
from jobs.settings import Settings
from jobs.settings_paid import PUBLIC, DistillConfig
from jobs.verdicts import open_prompts, without_duplicates
from schemas.tables import ASSIGNMENTS, DUPLICATES, EXAMPLES, PAIRS, SCREEN
from udfs.ids import pair_id


def assign_teachers(examples: DataFrame, screen: DataFrame, duplicates: DataFrame, config: DistillConfig) -> DataFrame:
    """Assign a teacher to every prompt that may be asked: neither screened out nor a twin.

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
        assignments.join(examples, "example_id")
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
    assigned = assign_teachers(examples, runtime.read(SCREEN), runtime.read(DUPLICATES), runtime.settings.distill)
    runtime.replace(ASSIGNMENTS, assigned)
    runtime.progress.step("pairing prompts with the sources' own responses")
    runtime.replace(PAIRS, pair_public_answers(runtime.read(ASSIGNMENTS), examples))
    asked, answered = runtime.read(ASSIGNMENTS).count(), runtime.read(PAIRS).count()
    return StageReport(asked, answered, {"no_answer": asked - answered} if asked > answered else {})


def _not_available(settings: Settings) -> str | None:
    names = ", ".join(teacher.name for teacher in settings.distill.models)
    return (
        f"distill: asking models ({names}) is not available in this version; phase0 plan, preflight and ask work with "
        "them, and run --to deduplicate-prompts"
        if names
        else None
    )


STAGE: Stage = Stage(
    name="distill",
    title="pair prompts with answers",
    run=run,
    reads=(EXAMPLES, SCREEN, DUPLICATES),
    writes=(ASSIGNMENTS, PAIRS),
    settings=("distill",),
    not_available=_not_available,
)

if __name__ == "__main__":
    from jobs.cli import run_command

    run_command(STAGE.name)
