"""What the verdicts of earlier stages leave open for the later ones."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.workspace.runtime import Runtime
from schemas.tables import CONTAMINATION, EXAMPLES


def without_contaminated(examples: DataFrame, contamination: DataFrame) -> DataFrame:
    """Examples that hold no item of a benchmark, on neither side."""
    convicted = contamination.where("effect = 'exclude'").select("example_id").distinct()
    return examples.join(convicted, "example_id", "left_anti")


def clean_examples(runtime: Runtime) -> DataFrame:
    """The stored examples that hold no item of a benchmark; all where an older version has looked for none."""
    return without_contaminated(runtime.read(EXAMPLES), runtime.read_or_empty(CONTAMINATION))


def open_prompts(examples: DataFrame, screen: DataFrame) -> DataFrame:
    """Examples whose prompt no rule keeps out.

    Returns:
        Rows of `EXAMPLES` with `has_fault`: no usable response of its own, or a verdict on it.
    """
    excluded = screen.where("effect = 'exclude'")
    prompts = excluded.where("target = 'prompt'").select(F.col("id").alias("example_id"))
    responses = excluded.where("target = 'response'").select(F.col("id").alias("example_id")).distinct()
    return (
        examples.join(prompts, "example_id", "left_anti")
        .join(responses.withColumn("convicted", F.lit(True)), "example_id", "left")
        .withColumn("has_fault", F.col("reference_response").isNull() | F.coalesce("convicted", F.lit(False)))
        .drop("convicted")
    )


def clean_pairs(pairs: DataFrame, screen: DataFrame) -> DataFrame:
    """Pairs whose response no rule keeps out.

    Verdicts on a source's own response carry the id of its example, those on a model's answer the pair's.
    """
    convicted = screen.where("effect = 'exclude' and target in ('response', 'answer')").select("id").distinct()
    verdict_id = F.when(F.col("request_id").isNull(), F.col("example_id")).otherwise(F.col("pair_id"))
    return pairs.withColumn("id", verdict_id).join(convicted, "id", "left_anti").drop("id")


def unique_prompts(examples: DataFrame, screen: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Open prompts that no better twin removed: those that may be asked, with `has_fault` as of `open_prompts`."""
    return without_duplicates(open_prompts(examples, screen), duplicates, "prompt", "example_id")


def unique_pairs(pairs: DataFrame, screen: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Clean pairs that no better twin removed: those that are to be scored."""
    return without_duplicates(clean_pairs(pairs, screen), duplicates, "pair", "pair_id")


def without_duplicates(rows: DataFrame, duplicates: DataFrame, name: str, key: str) -> DataFrame:
    """Rows that no better twin removed in the pass of that name (`prompt` or `pair`)."""
    lost = duplicates.where(F.col("pass") == name).select(F.col("id").alias(key))
    return rows.join(lost, key, "left_anti")
