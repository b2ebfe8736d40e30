"""Why a prompt has no answer."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.curation.eligibility import needs_context
from udfs.column_functions import first_rows


def why_unanswered(prompts: DataFrame, assignments: DataFrame, responses: DataFrame) -> DataFrame:
    """Name the reason for each prompt without a single answer.

    Args:
        prompts: rows of `EXAMPLES` that could be asked.
        assignments: rows of `ASSIGNMENTS`.
        responses: rows of `RESPONSES`.

    Returns:
        example_id and why: `not_drawn`, `needs_system` or `needs_history` (nobody was asked), `no_answer` (the source
        has none), `unanswered` (no attempt succeeded), or `answer_` and how it ended, such as `answer_refused`.
    """
    ends = responses.select("request_id", "status")
    asked = assignments.select("example_id", "sample", "request_id").join(ends, "request_id", "left")
    is_not_asked, is_public = F.col("sample").isNull(), F.col("request_id").isNull()
    why = (
        F.when(is_not_asked, F.coalesce(needs_context(), F.lit("not_drawn")))
        .when(is_public & F.col("reference_response").isNotNull(), "answered")
        .when(is_public, "no_answer")
        .when(F.col("status").isNull(), "unanswered")
        .when(F.col("status") == "answered", "answered")
        .otherwise(F.concat(F.lit("answer_"), "status"))
    )
    texts = prompts.select("example_id", "reference_response", "system", "history")
    known = texts.join(asked, "example_id", "left").withColumn("why", why)
    # Of several samples: one answer is enough; else the first name, which is as good as any.
    order = Window.partitionBy("example_id").orderBy((F.col("why") != "answered"), "why")
    return first_rows(known, order).where("why <> 'answered'").select("example_id", "why")
