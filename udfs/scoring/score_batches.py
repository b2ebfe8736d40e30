"""Executor side of the score stage: scores for batches of pairs."""

from collections.abc import Callable, Sequence

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from schemas.tables import SCORES
from udfs.arrow_groups import ArrowBatches
from udfs.scoring.heuristic import HeuristicScorer
from udfs.scoring.scorer import Scorer, score_row

_SCHEMA = to_arrow_schema(SCORES.schema)


def score_batches(weights: Sequence[int]) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from (pair_id, system, instruction, response) to rows of `SCORES`.

    Args:
        weights: of the dimensions, in the order of the heuristic scorer's `DIMENSIONS`.
    """
    scorer: Scorer = HeuristicScorer(tuple(weights))

    def score(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            rows = [
                score_row(pair["pair_id"], scorer.score(pair["instruction"], pair["response"], pair["system"]))
                for pair in batch.to_pylist()
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)

    return score


def with_quality(weights: Sequence[int]) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function that appends `quality_tenths`, null where there is no response.

    Args:
        weights: of the dimensions, in the order of the heuristic scorer's `DIMENSIONS`.
    """
    scorer: Scorer = HeuristicScorer(tuple(weights))

    def score(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            texts = (batch.column(name).to_pylist() for name in ("instruction", "response", "system"))
            tenths = [
                None if response is None else scorer.score(instruction, response, system).quality_tenths
                for instruction, response, system in zip(*texts, strict=True)
            ]
            yield batch.append_column("quality_tenths", pa.array(tenths, pa.int32()))

    return score
