"""The type of Spark ML's vectors, by a name that costs nothing to import.

A Python worker loads the class of each column type that a function returns. `pyspark.ml.linalg` brings all of
`pyspark.ml` and pandas, two seconds and 130 MB in each worker, for a class whose JSON Spark reads and nothing else.
"""

from pyspark.sql.types import (
    ArrayType,
    ByteType,
    DoubleType,
    IntegerType,
    StructField,
    StructType,
    UserDefinedType,
)


class VectorUDT(UserDefinedType):
    """`pyspark.ml.linalg.VectorUDT` for the results of `mapInArrow`, which come as the struct that it stands for."""

    @classmethod
    def sqlType(cls) -> StructType:
        """What a vector is stored as: its kind (0 for sparse), its size, and the indices and values of a sparse one."""
        return StructType(
            [
                StructField("type", ByteType(), nullable=False),
                StructField("size", IntegerType()),
                StructField("indices", ArrayType(IntegerType(), containsNull=False)),
                StructField("values", ArrayType(DoubleType(), containsNull=False)),
            ]
        )

    @classmethod
    def module(cls) -> str:
        """Where Python finds the class that reads such a vector."""
        return "pyspark.ml.linalg"

    @classmethod
    def scalaUDT(cls) -> str:
        """The class in Java."""
        return "org.apache.spark.ml.linalg.VectorUDT"
