"""What the verdicts of earlier stages leave open for the later ones."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.workspace.queries import ask_spark, with_parts

# Rows of `EXAMPLES` whose prompt no rule keeps out, with `has_fault`.
OPEN_PROMPTS = """
select examples.*, examples.reference_response is null or convicted.id is not null as has_fault
from {examples} as examples
left join (
    select distinct id from {screen} where effect = 'exclude' and target = 'response'
) as convicted on convicted.id = examples.example_id
left anti join (
    select id from {screen} where effect = 'exclude' and target = 'prompt'
) as excluded on excluded.id = examples.example_id
"""
# Of those the ones that no better twin removed.
UNIQUE_PROMPTS = with_parts(
    """
select prompts.* from ({open_prompts}) as prompts
left anti join (select id from {duplicates} where pass = 'prompt') as removed on removed.id = prompts.example_id
""",
    open_prompts=OPEN_PROMPTS,
)


def open_prompts(examples: DataFrame, screen: DataFrame) -> DataFrame:
    """Examples whose prompt no rule keeps out.

    Returns:
        Rows of `EXAMPLES` with `has_fault`: no usable response of its own, or a verdict on it.
    """
    return ask_spark(examples.sparkSession, OPEN_PROMPTS, {"examples": examples, "screen": screen})


def clean_pairs(pairs: DataFrame, screen: DataFrame) -> DataFrame:
    """Pairs whose response no rule keeps out.

    Verdicts on a source's own response carry the id of its example, those on a model's answer the pair's.
    """
    convicted = screen.where("effect = 'exclude' and target in ('response', 'answer')").select("id").distinct()
    verdict_id = F.when(F.col("request_id").isNull(), F.col("example_id")).otherwise(F.col("pair_id"))
    return pairs.withColumn("id", verdict_id).join(convicted, "id", "left_anti").drop("id")


def unique_prompts(examples: DataFrame, screen: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Open prompts that no better twin removed: those that may be asked, with `has_fault` as of `open_prompts`."""
    frames = {"examples": examples, "screen": screen, "duplicates": duplicates}
    return ask_spark(examples.sparkSession, UNIQUE_PROMPTS, frames)


def unique_pairs(pairs: DataFrame, screen: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Clean pairs that no better twin removed: those that are to be scored."""
    return without_duplicates(clean_pairs(pairs, screen), duplicates, "pair", "pair_id")


def without_duplicates(rows: DataFrame, duplicates: DataFrame, name: str, key: str) -> DataFrame:
    """Rows that no better twin removed in the pass of that name (`prompt` or `pair`)."""
    lost = duplicates.where(F.col("pass") == name).select(F.col("id").alias(key))
    return rows.join(lost, key, "left_anti")
