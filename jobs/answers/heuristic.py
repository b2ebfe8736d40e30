"""Scores by rules, offline and at no cost."""

from pyspark.sql import DataFrame

from jobs.config.teachers import ScorerConfig
from schemas.tables import SCORES
from udfs.scoring.score_batches import score_batches


def score_pairs(pairs: DataFrame, config: ScorerConfig) -> DataFrame:
    """Score every pair.

    Args:
        pairs: rows of `PAIRS`.
        config: scorer and weights of its dimensions.

    Returns:
        Rows of `SCORES`, one for each pair.
    """
    texts = pairs.select("pair_id", "system", "instruction", "response")
    return SCORES.select_from(texts.mapInArrow(score_batches(config.weights), SCORES.schema))
