"""Have models answer prompts: choose which, ask, and go on to fallbacks where a teacher is down."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.answers.acceptance import Acceptance, find_acceptance
from jobs.answers.answer_all import answer_all
from jobs.answers.endings import require_answers
from jobs.answers.public import assign_public, pair_public_answers
from jobs.answers.requests import (
    answered_assignments,
    assign_models,
    assignments_of,
    keep_old_answers,
    new_requests,
    with_requests,
)
from jobs.answers.sampling import askable_prompts, count_by_category, draw_prompts, prompts_to_ask
from jobs.answers.specs import model_names, teacher_specs
from jobs.answers.stale_answers import decide_paid_again
from jobs.config.prompt_files import load_answer_prompt
from jobs.ledger.reservations import StageRequests
from jobs.ledger.settle import append_new
from jobs.online.waves import CallsResult
from jobs.workspace.runtime import Runtime
from schemas.calls import REQUESTS, RESPONSES
from schemas.tables import ASSIGNMENTS
from udfs.llm.generation_spec import GenerationSpec

# Where another teacher can help. A bill or a key is the user's to put right, and then the requested teacher answers.
_HANDED_ON = frozenset({"not_found", "rejected", "unavailable", "max_wait"})


ScorePairs = Callable[[Runtime, DataFrame], tuple[DataFrame, tuple[str, ...]]]
"""From rows of `PAIRS` to rows with pair_id and quality_tenths, null where there is no score, and warnings."""


@dataclass(frozen=True)
class _Supply:
    """The prompts that models may answer, and the rows there are without them."""

    prompts: DataFrame
    ready: Mapping[str, int]


def ask_teachers(runtime: Runtime, prompts: DataFrame, score: ScorePairs) -> tuple[str, ...]:
    """Assign every prompt, ask the models, and leave what they answered in `responses`.

    Args:
        runtime: the run.
        prompts: rows of `EXAMPLES` with `has_fault`: neither screened out nor a twin.
        score: scores the sources' own responses, where models answer those that fail.

    Returns:
        Warnings.

    Raises:
        StoppedError: budget, provider or Ctrl-C; what was answered is kept.
        ConfigError: the configuration has changed so that paid answers would be paid for again.
    """
    drawn, warnings = _draw(runtime, prompts, score)
    drawn = runtime.storage.materialise(drawn, "drawn")
    specs, down = teacher_specs(runtime.settings), set[str]()
    while True:
        _assign(runtime, drawn, _left_to_public(runtime, prompts, drawn), specs, down)
        asked = _asked(runtime, specs, down)
        ended = answer_all(runtime, asked)
        handed_on = _to_hand_on(runtime, specs, ended, down)
        if not handed_on:
            return (*warnings, *require_answers(runtime, asked, ended))
        for name, said in handed_on.items():
            runtime.progress.line(f"{name} is down: its fallbacks take over. {said}", style="yellow")
        down |= handed_on.keys()


def _draw(runtime: Runtime, prompts: DataFrame, score: ScorePairs) -> tuple[DataFrame, tuple[str, ...]]:
    """The prompts that models are asked: as many of each category as its quota needs, best first."""
    settings = runtime.settings
    acceptance = find_acceptance(runtime)
    supply, warnings = _supply(runtime, prompts, acceptance, score)
    askable = askable_prompts(supply.prompts, settings.package)
    counted = count_by_category(askable)
    accepted = {name: acceptance.of_models(name) for name in counted}
    counts = prompts_to_ask(settings.select, supply.ready, accepted, counted)
    before = runtime.read_or_empty(ASSIGNMENTS).where("request_id is not null")
    return draw_prompts(askable, counts, settings.sources, before), warnings


def _supply(
    runtime: Runtime, prompts: DataFrame, acceptance: Acceptance, score: ScorePairs
) -> tuple[_Supply, tuple[str, ...]]:
    when = runtime.settings.distill.when
    if when == "always":
        return _Supply(prompts, {}), ()
    usable = prompts.where("not has_fault")
    if when == "missing":
        return _Supply(prompts.where("has_fault"), acceptance.ready(count_by_category(usable))), ()
    good, warnings = _good_responses(runtime, askable_prompts(usable, runtime.settings.package), score)
    failed = prompts.join(good.select("example_id"), "example_id", "left_anti")
    return _Supply(failed, count_by_category(good)), warnings


def _left_to_public(runtime: Runtime, prompts: DataFrame, drawn: DataFrame) -> DataFrame | None:
    """Assignments of the prompts that no model is asked and that have a response of the source."""
    if runtime.settings.distill.when == "always":
        return None
    rest = prompts.where("reference_response is not null").join(drawn.select("example_id"), "example_id", "left_anti")
    return assign_public(rest)


def _good_responses(runtime: Runtime, usable: DataFrame, score: ScorePairs) -> tuple[DataFrame, tuple[str, ...]]:
    """Score the sources' own responses, and name those above the threshold: example_id and category."""
    limit = runtime.settings.select.min_score_tenths
    pairs = runtime.storage.materialise(pair_public_answers(assign_public(usable), usable), "own-responses")
    runtime.progress.step(f"scoring the sources' own responses first, with {runtime.settings.score.kind}")
    scores, warnings = score(runtime, pairs)
    good = scores.where(F.col("quality_tenths") > limit).select("pair_id")
    named = pairs.join(good, "pair_id", "left_semi").select("example_id", "category")
    return runtime.storage.materialise(named, "good-responses"), warnings


def _assign(
    runtime: Runtime,
    drawn: DataFrame,
    public: DataFrame | None,
    specs: Mapping[str, GenerationSpec],
    down: Collection[str],
) -> None:
    """Write `assignments` and `requests`, unless that would buy again what is paid."""
    settings = runtime.settings
    answered = answered_assignments(runtime.read_or_empty(ASSIGNMENTS), runtime.read_or_empty(RESPONSES))
    assigned = assign_models(drawn, settings.distill, answered, down)
    built = with_requests(assigned, specs, load_answer_prompt(settings.distill.prompt))
    asked = runtime.storage.materialise(built, "asked")
    if decide_paid_again(runtime, asked, "answers") == "keep":
        asked = keep_old_answers(asked)
    append_new(runtime, REQUESTS, new_requests(asked))
    rows = assignments_of(asked)
    runtime.replace(ASSIGNMENTS, rows if public is None else rows.unionByName(public))


def _asked(runtime: Runtime, specs: Mapping[str, GenerationSpec], down: Collection[str]) -> StageRequests:
    endpoints = {spec.endpoint.key: spec.endpoint for name, spec in specs.items() if name not in down}
    requests = runtime.read(ASSIGNMENTS).where("request_id is not null").select("request_id")
    return StageRequests("distill", requests, endpoints, model_names(runtime.settings, "distill"))


def _to_hand_on(
    runtime: Runtime, specs: Mapping[str, GenerationSpec], ended: CallsResult, down: Collection[str]
) -> dict[str, str]:
    """Teachers that are down for now, have open requests and a fallback that is not: name -> what was said."""
    is_down = {
        name
        for name, spec in specs.items()
        if name in down or ended.down.get(spec.endpoint.key, ("", ""))[0] in _HANDED_ON
    }
    found = {}
    for teacher in runtime.settings.distill.models:
        key = specs[teacher.name].endpoint.key
        has_fallback = any(name not in is_down for name in teacher.fallbacks)
        if teacher.name in is_down and teacher.name not in down and ended.open.get(key) and has_fallback:
            found[teacher.name] = ended.down[key][1]
    return found
