"""Executor side of judging: what the judge's replies say, batch by batch."""

from collections.abc import Callable, Sequence

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from schemas.tables import SCORES
from udfs.arrow_groups import Batches
from udfs.scoring.judge import judge_score, read_reply

REPLIES_READ = StructType([*SCORES.schema.fields, StructField("fault", StringType())])
"""Columns of `SCORES`, null but for `pair_id` where `fault` says why the reply gives no score."""

_SCHEMA = to_arrow_schema(REPLIES_READ)


def read_replies(weights: Sequence[int]) -> Callable[[Batches], Batches]:
    """Build the `mapInArrow` function from rows of (pair_id, text) to `REPLIES_READ`.

    Args:
        weights: of the judge's dimensions, in their order.
    """

    def read(batches: Batches) -> Batches:
        for batch in batches:
            rows = []
            for reply in batch.to_pylist():
                judgement = read_reply(reply["text"])
                row = {"pair_id": reply["pair_id"], "fault": judgement.fault}
                if judgement.verdict is not None:
                    found = judge_score(judgement.verdict, weights)
                    row |= {
                        "scorer": found.scorer,
                        "dimensions": list(found.dimensions.items()),
                        "lowest_dimension": min(found.dimensions.values()),
                        "highest_dimension": max(found.dimensions.values()),
                        "quality_tenths": found.quality_tenths,
                        "judge_category": judgement.verdict.category,
                        "reason": found.reason,
                    }
                rows.append(row)
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)

    return read
