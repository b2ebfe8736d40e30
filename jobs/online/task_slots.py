"""How many tasks run at once: paid calls are dealt to that many, since limits are divided among them."""

import os
import re
from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from udfs.llm.limits import tasks_for
from udfs.llm.models import Endpoint
from udfs.llm.wave import EndpointKey

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


def tasks_of(
    endpoints: Sequence[Endpoint], slots: int, largest_tokens: Mapping[EndpointKey, int]
) -> dict[EndpointKey, tuple[int, ...]]:
    """Which tasks call which endpoint; those that take only a few tasks are spread over all of them.

    Args:
        endpoints: of the wave.
        slots: tasks that run at once.
        largest_tokens: prompt and answer of each endpoint's largest request, in tokens.
    """
    tasks: dict[EndpointKey, tuple[int, ...]] = {}
    start = 0
    for endpoint in endpoints:
        count = tasks_for(endpoint.limits, slots, largest_tokens.get(endpoint.key, 0))
        tasks[endpoint.key] = tuple(sorted((start + number) % slots for number in range(count)))
        start = (start + count) % slots
    return tasks


def with_task(requests: DataFrame, tasks: Mapping[EndpointKey, tuple[int, ...]]) -> DataFrame:
    """Add `task`: each endpoint's requests in turns over its tasks, so that their numbers differ by one at most.

    Requests of an endpoint that is not in `tasks` go to task 0, which hands them back.
    """
    order = Window.partitionBy("provider", "model").orderBy(F.xxhash64("request_id"), "request_id")
    turn = F.row_number().over(order)
    task: Column = F.lit(0)
    for (provider, model), own in tasks.items():
        is_its = (F.col("provider") == provider) & (F.col("model") == model)
        taken = F.element_at(F.array(*map(F.lit, own)), F.pmod(turn, F.lit(len(own))) + 1)
        task = F.when(is_its, taken).otherwise(task)
    return requests.withColumn("task", task.cast("int"))
