"""Who is asked for which answer, and the requests that makes: transforms only.

An example keeps the answer it has: where the teacher that the weights choose is the same as before, whoever answered in
its place answers still. What a changed configuration would have answered again is told apart, and never asked silently.
"""

from collections.abc import Collection, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.answers.routing import with_teachers
from jobs.config.teachers import DistillConfig
from schemas.calls import REQUESTS
from schemas.tables import ASSIGNMENTS, PAIRS
from udfs.column_functions import pair_ids
from udfs.llm.building import ANSWERS_ASKED, answer_requests
from udfs.llm.generation_spec import GenerationSpec
from udfs.llm.prompts import AnswerPrompt


def assign_models(drawn: DataFrame, config: DistillConfig, answered: DataFrame, down: Collection[str]) -> DataFrame:
    """Assign every sample of the drawn prompts to a model.

    Args:
        drawn: rows of `EXAMPLES`.
        config: the teachers.
        answered: rows of `answered_assignments`.
        down: teachers that cannot be asked in this run.

    Returns:
        example_id, sample, requested_teacher, actual_teacher, the texts of the prompt, and `old_*` of its answer, null
        where it has none.
    """
    samples = F.explode(F.array(*map(F.lit, range(config.samples_per_prompt))))
    texts = drawn.select("example_id", "category", "system", "history", "instruction")
    routed = with_teachers(texts, config, down).withColumn("sample", samples)
    known = routed.join(answered, ["example_id", "sample"], "left")
    names = [teacher.name for teacher in config.models]
    still_answers = (F.col("old_requested") == F.col("requested_teacher")) & F.col("old_actual").isin(*names)
    return known.withColumn(
        "actual_teacher",
        # With everybody down the requested teacher keeps it, to be asked in another run.
        F.when(still_answers, F.col("old_actual")).otherwise(F.coalesce("actual_teacher", "requested_teacher")),
    )


def answered_assignments(assignments: DataFrame, responses: DataFrame) -> DataFrame:
    """Assignments to models that were answered: example_id, sample, old_requested, old_actual, old_request_id."""
    answers = responses.where("status = 'answered'").select("request_id")
    return assignments.join(answers, "request_id", "left_semi").select(
        "example_id",
        "sample",
        F.col("requested_teacher").alias("old_requested"),
        F.col("actual_teacher").alias("old_actual"),
        F.col("request_id").alias("old_request_id"),
    )


def with_requests(assigned: DataFrame, specs: Mapping[str, GenerationSpec], prompt: AnswerPrompt) -> DataFrame:
    """Add the request of each assignment, with all columns of `REQUESTS`."""
    texts = assigned.withColumnRenamed("actual_teacher", "teacher")
    texts = texts.select("example_id", "sample", "teacher", "system", "history", "instruction")
    built = texts.mapInArrow(answer_requests(specs, prompt), ANSWERS_ASKED)
    columns = ("requested_teacher", "actual_teacher", "old_requested", "old_actual", "old_request_id")
    return assigned.select("example_id", "sample", *columns).join(built, ["example_id", "sample"])


def keep_old_answers(asked: DataFrame) -> DataFrame:
    """Give assignments that were answered their old request back, whatever the configuration says now."""
    for name, old in (("request_id", "old_request_id"), ("requested_teacher", "old_requested")):
        asked = asked.withColumn(name, F.coalesce(old, name))
    return asked.withColumn("actual_teacher", F.coalesce("old_actual", "actual_teacher"))


def assignments_of(asked: DataFrame) -> DataFrame:
    """Rows of `ASSIGNMENTS` for requests."""
    return ASSIGNMENTS.select_from(asked.withColumn("stage", F.lit("distill")))


def new_requests(asked: DataFrame) -> DataFrame:
    """Rows of `REQUESTS` for what has no answer yet, each once: two that ask the same thing share one request.

    Args:
        asked: columns of `REQUESTS`, and old_request_id, null where there is no answer.
    """
    new = asked.where("old_request_id is null or old_request_id <> request_id")
    return REQUESTS.select_from(new).dropDuplicates(["request_id"])


def pair_answers(
    assignments: DataFrame, responses: DataFrame, examples: DataFrame, *, with_reasoning: bool = False
) -> DataFrame:
    """Pair prompts with the answers of models.

    Args:
        assignments: rows of `ASSIGNMENTS`.
        responses: rows of `RESPONSES`.
        examples: rows of `EXAMPLES`.
        with_reasoning: put what the model thought in front of its answer, as one `<think>` block.

    Returns:
        Rows of `PAIRS`; `answered_by` is the teacher that was asked in the end.
    """
    thought = F.concat(F.lit("<think>\n"), "reasoning", F.lit("\n</think>\n\n"))
    text = F.concat(F.coalesce(thought, F.lit("")), "text") if with_reasoning else F.col("text")
    answers = responses.where("status = 'answered'").select("request_id", text.alias("response"))
    paired = assignments.where("request_id is not null").join(answers, "request_id").join(examples, "example_id")
    return PAIRS.select_from(
        paired.withColumns(
            {
                "pair_id": pair_ids("example_id", "request_id"),
                "teacher": F.col("actual_teacher"),
                "answered_by": F.col("actual_teacher"),
            }
        )
    )
