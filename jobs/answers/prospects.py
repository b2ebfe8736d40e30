"""Which rows cannot be exported, whatever their twins are: known before the twins are compared, at no cost.

Of two twins the one that can be exported stays (`jobs.deduplication.ranking`), so that no usable row is lost to one
that falls later. Known at no cost is what a row needs besides itself, and, of answers that are here, what the scorer by
rules says. What a model would answer, and what a judge would say, is known only once it is paid for.
"""

import json
from collections.abc import Callable
from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.settings import Settings
from jobs.curation.eligibility import needs_context
from jobs.curation.second_choice import with_passed_over
from jobs.workspace.runtime import Runtime
from udfs.scoring.score_batches import with_quality


def with_prompt_prospects(prompts: DataFrame, settings: Settings) -> DataFrame:
    """Add `is_lost` to prompts.

    Args:
        prompts: columns system, history, instruction, reference_response and has_fault, and others.
        settings: where models are asked, a prompt needs no answer of its own.
    """
    if settings.distill.models:
        return prompts.withColumn("is_lost", needs_context().isNotNull())
    answered = prompts.withColumn("response", F.when(~F.col("has_fault"), F.col("reference_response")))
    return with_pair_prospects(answered, settings).drop("response")


def with_pair_prospects(pairs: DataFrame, settings: Settings) -> DataFrame:
    """Add `is_lost` to pairs: columns system, history, instruction and response, null where there is none, and others.

    What a judge says counts for nothing here, also where it has been paid for: a second run would keep other rows. What
    it drops is passed over by a round of its own (`jobs.curation.second_choice`).
    """
    lost = needs_context().isNotNull() | F.col("response").isNull()
    if settings.score.asks_judge:
        return pairs.withColumn("is_lost", lost)
    schema = pairs.withColumn("quality_tenths", F.lit(None).cast("int")).schema
    scored = pairs.mapInArrow(with_quality(settings.score.weights), schema)
    low = F.coalesce(F.col("quality_tenths") <= settings.select.min_score_tenths, F.lit(False))
    return scored.withColumn("is_lost", lost | low).drop("quality_tenths")


def lost_among(rows: DataFrame, runtime: Runtime, name: Literal["prompt", "pair"]) -> Callable[[DataFrame], DataFrame]:
    """What `mark_duplicates` asks of a pass: from rows of (id) those that cannot be exported, as far as is known.

    Args:
        rows: prompts or pairs, with the columns that their prospects are read from.
        runtime: the run.
        name: of the pass.
    """
    key, with_prospects = _OF_PASS[name]

    def lost(ids: DataFrame) -> DataFrame:
        asked = rows.join(ids.withColumnRenamed("id", key), key, "left_semi")
        found = with_prospects(asked, runtime.settings).select(F.col(key).alias("id"), "is_lost")
        return with_passed_over(found, runtime, name).where("is_lost").select("id")

    return lost


_OF_PASS = {"prompt": ("example_id", with_prompt_prospects), "pair": ("pair_id", with_pair_prospects)}


def prospects_state(settings: Settings, *, of_answers: bool) -> dict[str, str]:
    """What `is_lost` depends on besides the rows, for a stage's fingerprint.

    Args:
        settings: of the run.
        of_answers: whether the answers are looked at, and not only the prompts.
    """
    if not of_answers:
        return {}
    score = settings.score
    said = ["judge"] if score.asks_judge else [score.kind, score.weights, settings.select.min_score_tenths]
    return {"prospects": json.dumps(said)}
