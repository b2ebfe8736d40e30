"""What the verdicts of earlier stages leave open for the later ones."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.workspace.queries import ask_spark, with_parts
from jobs.workspace.runtime import Runtime
from schemas.tables import CONTAMINATION, EXAMPLES

CLEAN_EXAMPLES = """(
    select found.* from {examples} as found
    left anti join (
        select example_id from {contamination} where effect = 'exclude'
    ) as contaminated on contaminated.example_id = found.example_id
)"""
_OPEN_PROMPTS = """
select examples.*, examples.reference_response is null or convicted.id is not null as has_fault
from {examples} as examples
left join (
    select distinct id from {screen} where effect = 'exclude' and target = 'response'
) as convicted on convicted.id = examples.example_id
left anti join (
    select id from {screen} where effect = 'exclude' and target = 'prompt'
) as excluded on excluded.id = examples.example_id
"""
# Rows of `EXAMPLES` that hold no item of a benchmark and whose prompt no rule keeps out, with `has_fault`. A workspace
# of an older version may lack the table `contamination`.
OPEN_PROMPTS = with_parts(_OPEN_PROMPTS, examples=CLEAN_EXAMPLES)
_UNIQUE_PROMPTS = """
select prompts.* from ({open_prompts}) as prompts
left anti join (select id from {duplicates} where pass = 'prompt') as removed on removed.id = prompts.example_id
"""
# Of those the ones that no better twin removed.
UNIQUE_PROMPTS = with_parts(_UNIQUE_PROMPTS, open_prompts=OPEN_PROMPTS)


def needs_context() -> Column:
    """Why a row makes no sense without its system prompt or its earlier turns, which a line has no field for.

    Null where it does make sense.
    """
    return F.when(F.col("system").isNotNull(), "needs_system").when(F.size("history") > 0, "needs_history")


def without_contaminated(examples: DataFrame, contamination: DataFrame) -> DataFrame:
    """Examples that hold no item of a benchmark, on neither side."""
    convicted = contamination.where("effect = 'exclude'").select("example_id").distinct()
    return examples.join(convicted, "example_id", "left_anti")


def clean_examples(runtime: Runtime) -> DataFrame:
    """The stored examples that hold no item of a benchmark; all where an older version has looked for none."""
    return without_contaminated(runtime.read(EXAMPLES), runtime.read_or_empty(CONTAMINATION))


CLEAN_PAIRS = """
select pairs.* from {pairs} as pairs
left anti join (
    select distinct id from {screen} where effect = 'exclude' and target in ('response', 'answer')
) as convicted
on convicted.id = case when pairs.request_id is null then pairs.example_id else pairs.pair_id end
"""
UNIQUE_PAIRS = with_parts(
    """
select clean.* from ({clean_pairs}) as clean
left anti join (select id from {duplicates} where pass = 'pair') as removed on removed.id = clean.pair_id
""",
    clean_pairs=CLEAN_PAIRS,
)


def open_prompts(examples: DataFrame, screen: DataFrame) -> DataFrame:
    """Examples whose prompt no rule keeps out.

    Returns:
        Rows of `EXAMPLES` with `has_fault`: no usable response of its own, or a verdict on it.
    """
    return ask_spark(examples.sparkSession, _OPEN_PROMPTS, {"examples": examples, "screen": screen})


def clean_pairs(pairs: DataFrame, screen: DataFrame) -> DataFrame:
    """Rows of `PAIRS` whose response no rule keeps out.

    Verdicts on a source's own response carry the id of its example, those on a model's answer the pair's.
    """
    return ask_spark(pairs.sparkSession, CLEAN_PAIRS, {"pairs": pairs, "screen": screen})


def unique_prompts(examples: DataFrame, screen: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Open prompts that no better twin removed: those that may be asked, with `has_fault` as of `open_prompts`."""
    frames = {"examples": examples, "screen": screen, "duplicates": duplicates}
    return ask_spark(examples.sparkSession, with_parts(_UNIQUE_PROMPTS, open_prompts=_OPEN_PROMPTS), frames)


def unique_pairs(pairs: DataFrame, screen: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Clean pairs that no better twin removed: those that are to be scored."""
    return ask_spark(pairs.sparkSession, UNIQUE_PAIRS, {"pairs": pairs, "screen": screen, "duplicates": duplicates})
