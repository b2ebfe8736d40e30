"""`phase0 plan`: what a configuration would ask of whom and what that costs, before anything is paid. Writes nothing.

Counts and lengths come from the tables of a run as far as the first deduplication; without them they are assumed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from pathlib import Path

from jobs.answers.acceptance import Acceptance, find_acceptance
from jobs.answers.routing import category_weights
from jobs.answers.sampling import askable
from jobs.answers.specs import judge_spec, teacher_specs
from jobs.budget.costs import SEED_ANSWER_TOKENS, Judge, Plan, Routed, make_plan
from jobs.budget.measured import Measurements, read_measurements
from jobs.budget.rows import BYTES_PER_TOKEN, Prompts
from jobs.config.prompt_files import load_judge_prompt
from jobs.config.settings import Settings
from jobs.curation.eligibility import UNIQUE_PROMPTS
from jobs.ledger.usage import CallLedger, read_call_ledger
from jobs.surrogate.prospect import judged_share, measured_open_share
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import CONTAMINATION, DUPLICATES, EXAMPLES, SCREEN
from udfs.llm.prompts import judge_messages
from udfs.llm.routing import choose_teacher

_SEED_PROMPT_TOKENS = 45
_MOST_ROUTED = 50_000
"""Prompts whose teachers are counted one by one. Of more a half differs by 0.4 % from a half, at one in twenty."""


# The prompts that can lead to a row, by category: `askable_prompts` of those, and their mean lengths.
_PROMPTS = with_parts(
    """
select
    category, count(*) as count, count(case when not has_fault then 1 end) as usable,
    avg(octet_length(instruction) * 1e0) as prompt_bytes,
    coalesce(avg(case when not has_fault then octet_length(reference_response) * 1e0 end), 0e0) as answer_bytes
from ({unique_prompts}) as prompts
where {askable}
group by category
order by category
""",
    unique_prompts=UNIQUE_PROMPTS,
)


# Their ids; of those that models may answer only, where `all` is 0.
_IDS = with_parts(
    """
select example_id, category from ({unique_prompts}) as prompts where {askable} and (has_fault or :all = 1)
""",
    unique_prompts=UNIQUE_PROMPTS,
)


def measure_prompts(runtime: Runtime) -> list[Prompts]:
    """Count the prompts that can lead to a row, and their mean lengths, by category."""
    question = with_parts(_PROMPTS, askable=askable(runtime.settings.package))
    return [Prompts(**row) for row in runtime.query(question, (CONTAMINATION,))]


def count_routes(runtime: Runtime, prompts: Sequence[Prompts]) -> Routed | None:
    """Count whom the hash of their ids has chosen for the prompts that may be asked.

    Null where they are so many that shares differ from the weights by next to nothing, or where there is no choice.
    """
    distill = runtime.settings.distill
    if len(distill.models) < 2 or sum(one.count for one in prompts) > _MOST_ROUTED:
        return None
    question = with_parts(_IDS, askable=askable(runtime.settings.package))
    rows = runtime.query(question, (CONTAMINATION,), all=int(distill.when != "missing"))
    choose = choose_teacher(category_weights(distill), {teacher.name: () for teacher in distill.models}, ())
    routed: dict[str, Counter[str]] = {}
    for row in rows:
        routed.setdefault(row["category"], Counter())[choose(row["example_id"], row["category"])[0]] += 1
    return routed


def find_plan(settings: Settings, open_runtime: Callable[[], Runtime]) -> tuple[Plan, str, CallLedger]:
    """Plan from the tables if they are there, else from assumptions; say which, and what is paid already.

    Args:
        settings: the configuration.
        open_runtime: starts Spark; called only where the workspace may hold tables.
    """
    if _may_have_tables(settings):
        runtime = open_runtime()
        if all(runtime.storage.exists(table) for table in (EXAMPLES, SCREEN, DUPLICATES)):
            basis = f"Counted in the tables of {settings.workspace}."
            return plan_from_tables(runtime), basis, read_call_ledger(runtime)
    basis = (
        "ASSUMED, there are no tables yet: prompts and answers as long as those of the seed data set (45 and 180 "
        "tokens), and no usable response in the sources. For figures of your data first: "
        "phase0 run --to deduplicate-prompts"
    )
    return plan_from_assumptions(settings), basis, CallLedger()


def _may_have_tables(settings: Settings) -> bool:
    return bool(settings.catalog) or "://" in settings.workspace or (Path(settings.workspace) / "tables").is_dir()


def plan_from_tables(runtime: Runtime) -> Plan:
    """Plan for the prompts of the tables.

    Raises:
        MissingTableError: the run has not come as far as the first deduplication.
    """
    settings, prompts = runtime.settings, measure_prompts(runtime)
    routed = count_routes(runtime, prompts)
    found, open_share = read_measurements(runtime), measured_open_share(runtime)
    return _plan(settings, prompts, find_acceptance(runtime), found, routed, open_share)


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
    prompts = [
        Prompts(
            category=str(name),
            count=ceil(round(rows * share / accepted, 6)),
            usable=0,
            prompt_bytes=_SEED_PROMPT_TOKENS * BYTES_PER_TOKEN[name],
            answer_bytes=SEED_ANSWER_TOKENS * BYTES_PER_TOKEN[name],
        )
        for name, share in settings.select.composition.items()
    ]
    return _plan(settings, prompts, Acceptance(accepted, {}, {}))


def _plan(
    settings: Settings,
    prompts: list[Prompts],
    acceptance: Acceptance,
    found: Measurements | None = None,
    routed: Routed | None = None,
    open_share: float | None = None,
) -> Plan:
    spec, judge = judge_spec(settings), None
    if spec is not None:
        prompt = load_judge_prompt(settings.score.prompt)
        empty = judge_messages(prompt, system=None, history=(), instruction="", response="")
        texts = [*(message["content"] for message in empty), spec.schema_json or ""]
        share_of = partial(judged_share, settings.score, open_share=open_share)
        judge = Judge(spec, sum(len(text.encode()) for text in texts), share_of)
    return make_plan(settings, prompts, teacher_specs(settings), judge, acceptance, found, routed)
