"""Deal the requests of a wave to tasks, so that each endpoint's limits are used evenly and by as many as make sense."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from udfs.llm.limits import tasks_for
from udfs.llm.models import Endpoint
from udfs.llm.wave import EndpointKey


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
