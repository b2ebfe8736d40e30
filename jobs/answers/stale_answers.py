"""What a changed configuration would have answered a second time: never bought silently."""

from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.rendering.money import cents
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, RESPONSES
from schemas.errors import ConfigError

Decision = Literal["nothing", "keep", "rebuy"]


def decide_paid_again(runtime: Runtime, asked: DataFrame, what: str) -> Decision:
    """Whether answers that are paid would be asked for anew, and what the configuration says about that.

    Args:
        runtime: the run.
        asked: columns request_id and old_request_id, null where there is no answer.
        what: they are called, such as answers.

    Raises:
        ConfigError: they would, and nobody has said what to do about it.
    """
    if not runtime.storage.exists(RESPONSES):
        return "nothing"
    orphans = asked.where("old_request_id is not null and old_request_id <> request_id")
    bought = runtime.read(RESPONSES).select("request_id")
    orphans = orphans.join(bought, "request_id", "left_anti")
    costs = runtime.read_or_empty(ATTEMPTS).select(F.col("request_id").alias("old_request_id"), "cost_usd")
    found = (
        orphans.select("old_request_id")
        .distinct()
        .join(costs, "old_request_id")
        .agg(F.count_distinct("old_request_id"), F.sum("cost_usd"))
        .first()
    )
    count, cost = (found[0], found[1]) if found else (0, None)
    if not count or not cost:  # what cost nothing may be asked again
        return "nothing"
    decision = runtime.settings.calls.paid_answers
    if decision == "refuse":
        raise ConfigError(
            f"{count:,} {what} ({cents(cost)}) are paid and no longer match the configuration. Type the same command "
            "with --keep-answers to use them as they are, or with --rebuy to pay for new ones"
        )
    return decision
