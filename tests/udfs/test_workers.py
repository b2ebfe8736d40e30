"""What our functions do to the Python worker that loads them."""

import gc

import pyarrow as pa

from udfs.arrow_groups import whole_groups


def set_aside(batches):
    assert whole_groups
    for _ in batches:
        yield pa.record_batch([pa.array([gc.get_freeze_count()])], names=["objects"])


def test_a_worker_looks_through_what_is_loaded_once(spark):
    counts = [
        spark.range(1).coalesce(1).mapInArrow(set_aside, "objects bigint").collect()[0]["objects"] for _ in range(6)
    ]

    assert counts[-1] > 10_000, counts


def test_the_garbage_of_a_driver_is_its_own():
    assert gc.get_freeze_count() == 0
