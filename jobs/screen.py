"""Screen stage: mark prompts and source responses that break a named rule.

Reads `examples`, replaces `screen`. Nothing is dropped: a verdict on a prompt keeps it from being asked,
a verdict on a response leaves the prompt free for a teacher.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.settings import ScreenConfig
from jobs.curation.screen_rules import require_known_rules, rule_names, rules_by_source
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import EXAMPLES, SCREEN
from udfs.column_functions import looked_up
from udfs.screening import RulesBySource, screen_texts


def screen_examples(examples: DataFrame, rules: RulesBySource, config: ScreenConfig) -> DataFrame:
    """Mark prompts and reference responses.

    Args:
        examples: rows of `EXAMPLES`.
        rules: source -> its rules.
        config: languages and licences to keep.

    Returns:
        Rows of `SCREEN`, `id` being the example's; none for a text that nothing was found in.
    """
    texts = examples.select(
        F.col("example_id").alias("id"),
        "source",
        "system",
        (F.size("history") > 0).alias("has_history"),
        "instruction",
        F.col("reference_response").alias("response"),
    )
    computed = texts.mapInArrow(screen_texts(rules, prompts=True), SCREEN.schema)
    verdicts = computed.unionByName(_source_marks(examples, rules)).unionByName(_not_allowed(examples, config))
    return SCREEN.select_from(verdicts)


def _source_marks(examples: DataFrame, rules: RulesBySource) -> DataFrame:
    """Verdicts the source itself brought, such as a human label, for the rules that are switched on."""
    effects = {(source, rule.name): rule.effect for source, active in rules.items() for rule in active}
    parts = []
    for target, column in (("prompt", "prompt_marks"), ("response", "response_marks")):
        parts.append(
            examples.select(
                F.col("example_id").alias("id"),
                "source",
                F.lit(target).alias("target"),
                F.explode(column).alias("rule"),
            )
        )
    marks = parts[0].unionByName(parts[1])
    by_rule = {f"{source}\n{rule}": effect for (source, rule), effect in effects.items()}
    known = marks.withColumn("effect", looked_up(by_rule, F.concat_ws("\n", "source", "rule")))
    return known.where(F.col("effect").isNotNull()).select(
        "id", "target", "rule", "effect", F.lit("said by the source").alias("span")
    )


def _not_allowed(examples: DataFrame, config: ScreenConfig) -> DataFrame:
    """Prompts in a licence or a language that the configuration does not keep."""

    def verdicts(rule: str, value: str, broken: Column) -> DataFrame:
        return examples.where(broken).select(
            F.col("example_id").alias("id"),
            F.lit("prompt").alias("target"),
            F.lit(rule).alias("rule"),
            F.lit("exclude").alias("effect"),
            F.coalesce(value, F.lit("not known")).alias("span"),
        )

    # A text whose language is not known stays: short texts are often neither.
    other_language = F.lit(bool(config.allow_languages)) & ~F.col("language").isin(*config.allow_languages)
    other_licence = F.lit(bool(config.allow_licences)) & ~F.col("licence").isin(*config.allow_licences)
    return verdicts("language_not_allowed", "language", other_language).unionByName(
        verdicts("licence_not_allowed", "licence", other_licence)
    )


def run(runtime: Runtime) -> StageReport:
    """Screen the whole `examples` table."""
    settings = runtime.settings
    rules = rules_by_source(settings.sources, settings.screen)
    examples = runtime.read(EXAMPLES)
    runtime.progress.step(f"{len(rule_names(rules))} rules")
    runtime.replace(SCREEN, screen_examples(examples, rules, settings.screen))
    counts = runtime.query("select rule, count(distinct id) as marked from {screen} group by rule order by rule")
    (found,) = runtime.query("select count(*) as rows from {examples}")
    return StageReport(found["rows"], found["rows"], {row["rule"]: row["marked"] for row in counts})


STAGE: Stage = Stage(
    name="screen",
    title="mark what breaks a rule",
    run=run,
    reads=(EXAMPLES,),
    writes=(SCREEN,),
    settings=("sources", "screen"),
    after="ingest",
    check=require_known_rules,
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
