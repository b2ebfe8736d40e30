"""What a row of the data set is."""

from pyspark.sql import DataFrame

from schemas.tables import DATASET


def build_dataset(selection: DataFrame, pairs: DataFrame, scores: DataFrame) -> DataFrame:
    """The selected pairs with all that the export and its reader need.

    Returns:
        Rows of `DATASET`; `source` is who wrote the response, and the category is that of the selection.
    """
    selected = selection.where("reason is null").select("pair_id", "category")
    return DATASET.select_from(
        selected.join(pairs.drop("category"), "pair_id")
        .join(scores.select("pair_id", "quality_tenths", "scorer"), "pair_id")
        .withColumnRenamed("source", "origin")
        .withColumnRenamed("answered_by", "source")
    )
