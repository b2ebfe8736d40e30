"""What a row of the data set is."""

from pyspark.sql import DataFrame

from jobs.workspace.queries import ask_spark, with_parts
from schemas.tables import DATASET

PAIRS_AS_ROWS = """
select
    pairs.pair_id, pairs.example_id, pairs.instruction, pairs.response, pairs.answered_by as source,
    scores.quality_tenths, chosen.category, pairs.source as origin, pairs.licence, pairs.language, pairs.teacher,
    scores.scorer, pairs.system, pairs.history, chosen.reason
from {selection} as chosen
join {pairs} as pairs on pairs.pair_id = chosen.pair_id
join {scores} as scores on scores.pair_id = chosen.pair_id
where {which}
"""
"""SQL: pairs as rows of `DATASET`, with the reason why they were not selected; `source` is who wrote the response, and
the category is that of the selection."""


def build_dataset(selection: DataFrame, pairs: DataFrame, scores: DataFrame) -> DataFrame:
    """The selected pairs with all that the export and its reader need, as rows of `DATASET`."""
    question = with_parts(PAIRS_AS_ROWS, which="chosen.reason is null")
    frames = {"selection": selection, "pairs": pairs, "scores": scores}
    return DATASET.select_from(ask_spark(selection.sparkSession, question, frames))
