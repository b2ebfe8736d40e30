"""Frames that are written and read back, as `Storage.materialise` does it."""

from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession


def storing_in(spark: SparkSession, folder: Path) -> Callable[[DataFrame, str], DataFrame]:
    """A `materialise` that keeps its frames in a folder."""

    def materialise(rows: DataFrame, name: str) -> DataFrame:
        rows.write.mode("overwrite").parquet(str(folder / name))
        return spark.read.schema(rows.schema).parquet(str(folder / name))

    return materialise
