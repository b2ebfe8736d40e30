"""The types that columns have, and the shortest way to write a list of columns."""

from pyspark.sql.types import (
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

TEXT, INT, LONG, DOUBLE, FLAG = StringType(), IntegerType(), LongType(), DoubleType(), BooleanType()
TIME, USD = TimestampType(), DecimalType(38, 12)


def columns(*named: tuple[str, DataType]) -> StructType:
    """Columns by name and type, all nullable."""
    return StructType([StructField(name, kind) for name, kind in named])
