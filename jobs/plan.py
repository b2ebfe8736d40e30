"""`phase0 plan`: what a configuration would ask of whom and what that costs, before anything is paid. Writes nothing.

Counts and lengths come from the tables of a run as far as the first deduplication; without them they are assumed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.plan_costs import PROSE_BYTES_PER_TOKEN, SEED_ANSWER_TOKENS, Judge, Plan, Prompts, make_plan
from jobs.prompt_files import load_judge_prompt
from jobs.providers import chosen_models, endpoint_of, known_providers
from jobs.ranking import prompt_text
from jobs.runtime import Runtime
from jobs.settings import Settings
from jobs.verdicts import open_prompts, without_duplicates
from schemas.errors import ConfigError
from schemas.tables import DUPLICATES, EXAMPLES, PAIRS, SCORES, SCREEN
from udfs.llm.prompts import judge_messages
from udfs.scoring.judge import judge_schema_json

_SEED_PROMPT_TOKENS = 45


def measure_prompts(examples: DataFrame, screen: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Count the prompts that may be asked, and their mean lengths.

    Returns:
        One row a category, with the columns of `Prompts`.
    """
    asked = without_duplicates(open_prompts(examples, screen), duplicates, "prompt", "example_id")
    usable = ~F.col("has_fault")
    return asked.groupBy("category").agg(
        F.count("*").alias("count"),
        F.count_if(usable).alias("usable"),
        F.avg(F.octet_length(prompt_text())).alias("prompt_bytes"),
        F.coalesce(F.avg(F.when(usable, F.octet_length("reference_response"))), F.lit(0.0)).alias("answer_bytes"),
    )


def measure_acceptance(pairs: DataFrame, scores: DataFrame, scorer: str, min_tenths: int) -> DataFrame:
    """The share of pairs that this scorer put above the threshold.

    Returns:
        One row a category: category, accepted (0 to 1).
    """
    scored = scores.where(F.col("scorer") == scorer).join(pairs, "pair_id")
    return scored.groupBy("category").agg(
        (F.count_if(F.col("quality_tenths") > min_tenths) / F.count("*")).alias("accepted")
    )


def find_plan(settings: Settings, open_runtime: Callable[[], Runtime]) -> tuple[Plan, str]:
    """Plan from the tables if they are there, else from assumptions, and say which.

    Args:
        settings: the configuration.
        open_runtime: starts Spark; called only where the workspace may hold tables.
    """
    if _may_have_tables(settings):
        runtime = open_runtime()
        if all(runtime.storage.exists(table) for table in (EXAMPLES, SCREEN, DUPLICATES)):
            return plan_from_tables(runtime), f"Counted in the tables of {settings.workspace}."
    return plan_from_assumptions(settings), (
        "ASSUMED, there are no tables yet: prompts and answers as long as those of the seed data set (45 and 180 "
        "tokens), and no usable response in the sources. For figures of your data first: "
        "phase0 run --to deduplicate-prompts"
    )


def _may_have_tables(settings: Settings) -> bool:
    return bool(settings.catalog) or "://" in settings.workspace or (Path(settings.workspace) / "tables").is_dir()


def plan_from_tables(runtime: Runtime) -> Plan:
    """Plan for the prompts of the tables.

    Raises:
        MissingTableError: the run has not come as far as the first deduplication.
    """
    settings = runtime.settings
    measured = measure_prompts(runtime.read(EXAMPLES), runtime.read(SCREEN), runtime.read(DUPLICATES))
    prompts = [Prompts(**row.asDict()) for row in measured.orderBy("category").collect()]
    acceptance: dict[str, float] = {}
    if runtime.storage.exists(SCORES) and runtime.storage.exists(PAIRS):
        limit = settings.select.min_score_tenths
        found = measure_acceptance(runtime.read(PAIRS), runtime.read(SCORES), settings.score.kind, limit).collect()
        acceptance = {row["category"]: row["accepted"] for row in found if row["accepted"] > 0}
    return _plan(settings, prompts, acceptance)


def plan_from_assumptions(settings: Settings) -> Plan:
    """Plan for as many prompts as rows are wanted, as long as those of the seed data set, none with a response.

    Raises:
        ConfigError: the configuration does not say how many rows are wanted.
    """
    rows = settings.select.rows or settings.targets.min_rows
    if rows is None:
        raise ConfigError(
            "nothing to plan for: there are no tables yet and no size is wanted. Run "
            "`phase0 run --to deduplicate-prompts` with this configuration, or set select.rows"
        )
    accepted = settings.distill.expected_acceptance
    bytes_of_prompt = _SEED_PROMPT_TOKENS * PROSE_BYTES_PER_TOKEN
    prompts = [
        Prompts(
            str(name), round(rows * share / accepted), 0, bytes_of_prompt, SEED_ANSWER_TOKENS * PROSE_BYTES_PER_TOKEN
        )
        for name, share in settings.select.composition.items()
    ]
    return _plan(settings, prompts, {})


def _plan(settings: Settings, prompts: list[Prompts], acceptance: Mapping[str, float]) -> Plan:
    providers = known_providers(settings.providers)
    endpoints = {teacher.name: endpoint_of(teacher, providers, settings.calls) for teacher in settings.distill.models}
    judges = [chosen for chosen in chosen_models(settings) if chosen.is_judge]
    judge = None
    if judges:
        endpoint = endpoint_of(judges[0].choice, providers, settings.calls)
        empty = judge_messages(
            load_judge_prompt(settings.score.prompt), system=None, history=(), instruction="", response=""
        )
        texts = [message["content"] for message in empty]
        schema = judge_schema_json() if endpoint.structured_output else ""
        judge = Judge(endpoint, sum(len(text.encode()) for text in [*texts, schema]), settings.score.max_tokens)
    return make_plan(settings, prompts, endpoints, judge, acceptance)
