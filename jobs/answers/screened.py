"""The screen's rules on what models answered: the same as on the sources' own responses."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.settings import Settings
from jobs.curation.screen_rules import rules_by_source
from jobs.workspace.runtime import Runtime
from schemas.tables import PAIRS, SCREEN
from udfs.screening import RulesBySource, screen_texts

ANSWER = "answer"
"""`target` of a verdict on a model's answer; its `id` is the pair's."""
_REASONING_RULE = "reasoning_block"


def answer_verdicts(pairs: DataFrame, rules: RulesBySource) -> DataFrame:
    """Mark the answers of models.

    Args:
        pairs: rows of `PAIRS`; those of the sources' own responses are passed over.
        rules: source -> its rules.

    Returns:
        Rows of `SCREEN`.
    """
    texts = pairs.where("request_id is not null").select(
        F.col("pair_id").alias("id"),
        "source",
        "system",
        (F.size("history") > 0).alias("has_history"),
        "instruction",
        "response",
    )
    found = texts.mapInArrow(screen_texts(rules, prompts=False), SCREEN.schema)
    return SCREEN.select_from(found.withColumn("target", F.lit(ANSWER)))


def answer_rules(settings: Settings) -> RulesBySource:
    """The rules for answers, by source; reasoning that is wanted is no fault of an answer."""
    off = (_REASONING_RULE,) if settings.distill.reasoning == "keep" else ()  # in a source's own responses it still is
    config = settings.screen.model_copy(update={"rules_off": (*settings.screen.rules_off, *off)})
    return rules_by_source(settings.sources, config)


def screen_answers(runtime: Runtime) -> None:
    """Replace what `screen` says of models' answers."""
    runtime.progress.step("screening the answers")
    verdicts = answer_verdicts(runtime.read(PAIRS), answer_rules(runtime.settings))
    runtime.storage.replace_where(SCREEN, verdicts, f"target = '{ANSWER}'")
