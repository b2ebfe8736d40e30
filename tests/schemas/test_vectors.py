"""The type of a vector: the same to Spark as that of `pyspark.ml`, and free of it."""

import pickle
import subprocess
import sys

from schemas.vectors import VectorUDT


def test_spark_is_told_what_spark_ml_would_tell_it():
    from pyspark.ml.linalg import VectorUDT as OfSparkMl

    assert VectorUDT().jsonValue() == OfSparkMl().jsonValue()


def test_a_worker_that_is_sent_the_type_loads_neither_spark_ml_nor_pandas():
    program = (
        "import pickle, sys; pickle.loads(sys.stdin.buffer.read()); "
        "print([name for name in ('pyspark.ml', 'pandas') if name in sys.modules])"
    )

    said = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(VectorUDT()), capture_output=True, check=True
    )

    assert said.stdout.decode().strip() == "[]"
