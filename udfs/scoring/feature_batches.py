"""Executor side of the distilled scorer: features of pairs, batch by batch."""

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ArrayType, BooleanType, DoubleType, StringType, StructField, StructType

from udfs.arrow_groups import ArrowBatches
from udfs.scoring.bait import row_speaks_to_judge
from udfs.scoring.features import features_of, findings_of

FEATURED = StructType(
    [
        StructField("pair_id", StringType()),
        StructField("source", StringType()),
        StructField("category", StringType()),
        StructField("findings", StringType()),
        StructField("is_marked", BooleanType()),
        StructField("features", ArrayType(DoubleType())),
    ]
)
"""A pair as the model of the judge sees it; `is_marked`: it holds words meant for a judge."""

_ARROW = to_arrow_schema(FEATURED)


def with_features(batches: ArrowBatches) -> ArrowBatches:
    """From rows of (pair_id, source, category, system, history, instruction, response) to `FEATURED`."""
    for batch in batches:
        rows = []
        for pair in batch.to_pylist():
            features = features_of(pair["instruction"], pair["response"], pair["system"])
            rows.append(
                {
                    **{name: pair[name] for name in ("pair_id", "source", "category")},
                    "findings": findings_of(features),
                    "is_marked": row_speaks_to_judge(pair),
                    "features": features,
                }
            )
        yield pa.RecordBatch.from_pylist(rows, schema=_ARROW)
