"""The sources' own responses: assignments and pairs of the teacher `public`."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.teachers import PUBLIC
from schemas.tables import ASSIGNMENTS, PAIRS
from udfs.column_functions import pair_ids


def assign_public(prompts: DataFrame) -> DataFrame:
    """Assign prompts to the teacher `public`, which asks nobody.

    Returns:
        Rows of `ASSIGNMENTS`.
    """
    teacher = F.lit(PUBLIC)
    return ASSIGNMENTS.select_from(
        prompts.withColumns(
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
    return PAIRS.select_from(
        assignments.where("request_id is null")
        .join(examples, "example_id")
        .where(F.col("reference_response").isNotNull())
        .withColumns(
            {
                "pair_id": pair_ids("example_id", F.lit(PUBLIC)),
                "teacher": F.col("actual_teacher"),
                "answered_by": F.col("source"),
                "response": F.col("reference_response"),
            }
        )
    )
