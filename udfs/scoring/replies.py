"""Executor side of judging: what the judge's replies say, batch by batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from schemas.tables import SCORES
from udfs.arrow_groups import ArrowBatches
from udfs.scoring.judge import judge_score, read_reply
from udfs.scoring.scorer import score_row

REPLIES_READ = StructType(
    [*SCORES.schema.fields, StructField("ask", IntegerType()), StructField("fault", StringType())]
)
"""Columns of `SCORES`, null but for `pair_id` where `fault` says why the reply to that ask gives no score."""

_SCHEMA = to_arrow_schema(REPLIES_READ)


def read_replies(weights: Sequence[int]) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from rows of (pair_id, ask, text) to `REPLIES_READ`.

    Args:
        weights: of the judge's dimensions, in their order.
    """

    def read(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            rows = [_read(reply, weights) for reply in batch.to_pylist()]
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)

    return read


def _read(reply: Mapping[str, Any], weights: Sequence[int]) -> dict[str, Any]:
    judgement = read_reply(reply["text"])
    known = {"pair_id": reply["pair_id"], "ask": reply["ask"], "fault": judgement.fault}
    if judgement.verdict is None:
        return known
    return {**known, **score_row(reply["pair_id"], judge_score(judgement.verdict, weights), judgement.verdict.category)}
