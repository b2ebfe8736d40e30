"""How many tasks run at once: paid calls are dealt to that many, since limits are divided among them."""

import os
import re
from collections.abc import Callable

from pyspark.sql import SparkSession

_LOCAL = re.compile(r"local(?:\[(\d+|\*)(?:,.*)?\])?$")
_UNKNOWN = 2
_LOCAL_CLUSTER = re.compile(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,.*\]$")


def task_slots(spark: SparkSession, configured: int | None) -> int:
    """Tasks that run at the same time.

    Args:
        spark: the session, also one of Spark Connect; only confs are read.
        configured: `calls.tasks`; null: as the confs say, and 2 where they do not.
    """
    return configured or slots_of(lambda name: spark.conf.get(name, "") or "")


def slots_of(conf: Callable[[str], str]) -> int:
    """Tasks that the confs of a session make room for.

    Args:
        conf: name -> value, empty where it is not set.
    """
    master = conf("spark.master")
    if local := _LOCAL.match(master):
        return (os.cpu_count() or 1) if local[1] == "*" else int(local[1] or 1)
    if cluster := _LOCAL_CLUSTER.match(master):
        return int(cluster[1]) * int(cluster[2])
    # Executors may come and go; the number that is there from the start is there for all of a wave.
    executors = conf("spark.executor.instances") or conf("spark.dynamicAllocation.minExecutors")
    cores = conf("spark.executor.cores")
    if executors.isdigit() and int(executors) and cores.isdigit():
        return int(executors) * int(cores)
    most = conf("spark.cores.max")
    return int(most) if most.isdigit() else _UNKNOWN
