"""What our functions do to the Python worker that loads them."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyspark
import pytest

from udfs.arrow_groups import whole_groups
from udfs.worker_daemon import without_zips


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


def origins(batches):
    """The command of the process that a worker was forked from, and where its PySpark lies."""
    for _ in batches:
        command = Path(f"/proc/{os.getppid()}/cmdline").read_text()
        yield pa.record_batch([pa.array([command]), pa.array([pyspark.__file__])], names=["parent", "pyspark"])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not say what threads a process has")
def test_a_worker_of_this_machine_is_forked_from_a_process_that_has_loaded_all(spark):
    row = spark.range(1).coalesce(1).mapInArrow(origins, "parent string, pyspark string").collect()[0]

    assert "udfs.worker_daemon" in row["parent"] and row["pyspark"] == pyspark.__file__


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system does not say what threads a process has")
@pytest.mark.parametrize(("threads", "module"), [("1", "udfs.worker_daemon"), ("2", "pyspark.daemon")])
def test_a_process_with_threads_gives_way_to_the_daemon_of_spark(threads, module):
    if threads != "1" and (os.cpu_count() or 1) < 2:
        pytest.skip("one core, so no library starts a thread")
    command = [sys.executable, "-m", "udfs.worker_daemon", "pyspark.worker"]
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    assert process.stdout and int.from_bytes(process.stdout.read(4), "big") > 0
    assert module in Path(f"/proc/{process.pid}/cmdline").read_text()
    process.communicate()


def test_zips_of_spark_are_passed_over_only_where_it_is_installed(tmp_path):
    zips = ["/spark/python/lib/pyspark.zip", "/spark/python/lib/py4j-0.10.9.9-src.zip", "/job/ours.zip"]
    (tmp_path / "pyspark").mkdir()
    assert without_zips([*zips, str(tmp_path)]) == [*zips, str(tmp_path)]

    (tmp_path / "pyspark" / "daemon.py").touch()
    assert without_zips([*zips, str(tmp_path)]) == ["/job/ours.zip", str(tmp_path)]
