"""Have models answer prompts: choose which, ask, and go on to fallbacks where a teacher is down."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import floor

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.answer_all import answer_all
from jobs.answer_requests import (
    answered_assignments,
    assign_models,
    assign_public,
    assignments_of,
    keep_old_answers,
    requests_of,
    with_requests,
)
from jobs.ask_judge import judge_pairs
from jobs.askings import teacher_askings
from jobs.call_ends import require_answers
from jobs.draw import askable_prompts, draw_prompts, prompts_to_ask
from jobs.ledger import append_new
from jobs.paid_again import decide_paid_again
from jobs.plan import find_acceptance
from jobs.prompt_files import load_answer_prompt
from jobs.runtime import Runtime
from jobs.settings_paid import PUBLIC
from jobs.waves import Asked, Ended
from schemas.calls import REQUESTS, RESPONSES
from schemas.tables import ASSIGNMENTS, SCORES
from udfs.ids import pair_id
from udfs.llm.asking import Asking
from udfs.llm.wave import EndpointKey
from udfs.scoring.batches import score_batches

# Where another teacher can help. A bill or a key is the user's to put right, and then the requested teacher answers.
_HANDED_ON = frozenset({"not_found", "rejected", "unavailable", "max_wait"})


@dataclass(frozen=True)
class _Supply:
    """The prompts that models may answer, and the rows there are without them."""

    prompts: DataFrame
    ready: Mapping[str, int]


def ask_teachers(runtime: Runtime, prompts: DataFrame) -> tuple[str, ...]:
    """Assign every prompt, ask the models, and leave what they answered in `responses`.

    Args:
        runtime: the run.
        prompts: rows of `EXAMPLES` with `has_fault`: neither screened out nor a twin.

    Returns:
        Warnings.

    Raises:
        StoppedError: budget, provider or Ctrl-C; what was answered is kept.
        ConfigError: the configuration has changed so that paid answers would be paid for again.
    """
    drawn, warnings = _draw(runtime, prompts)
    drawn = runtime.storage.materialise(drawn, "drawn")
    public = assign_public(prompts, drawn) if runtime.settings.distill.when != "always" else None
    down: set[str] = set()
    while True:
        _assign(runtime, drawn, public, down)
        asked = _asked(runtime, teacher_askings(runtime.settings), down)
        ended = answer_all(runtime, asked)
        handed_on = _to_hand_on(runtime, ended, down)
        if not handed_on:
            return (*warnings, *require_answers(runtime, asked, ended))
        for name, said in handed_on.items():
            runtime.progress.line(f"{name} is down: its fallbacks take over. {said}", style="yellow")
        down |= handed_on.keys()


def _draw(runtime: Runtime, prompts: DataFrame) -> tuple[DataFrame, tuple[str, ...]]:
    """The prompts that models are asked: as many of each category as its quota needs, best first."""
    settings = runtime.settings
    supply, warnings = _supply(runtime, prompts)
    askable = askable_prompts(supply.prompts, settings.package)
    counted = {row["category"]: row["count"] for row in askable.groupBy("category").count().collect()}
    acceptance = find_acceptance(runtime)
    accepted = {name: acceptance.of_models(name) for name in counted}
    counts = prompts_to_ask(settings.select, supply.ready, accepted, counted)
    before = runtime.read_or_empty(ASSIGNMENTS).where("request_id is not null")
    return draw_prompts(askable, counts, settings.sources, before), warnings


def _supply(runtime: Runtime, prompts: DataFrame) -> tuple[_Supply, tuple[str, ...]]:
    when = runtime.settings.distill.when
    if when == "always":
        return _Supply(prompts, {}), ()
    usable = prompts.where("not has_fault")
    if when == "missing":
        acceptance = find_acceptance(runtime)
        counts = {row["category"]: row["count"] for row in usable.groupBy("category").count().collect()}
        ready = {name: floor(count * acceptance.of_public(name)) for name, count in counts.items()}
        return _Supply(prompts.where("has_fault"), ready), ()
    good, warnings = _good_responses(runtime, askable_prompts(usable, runtime.settings.package))
    counts = {row["category"]: row["count"] for row in good.groupBy("category").count().collect()}
    return _Supply(prompts.join(good.select("example_id"), "example_id", "left_anti"), counts), warnings


def _good_responses(runtime: Runtime, usable: DataFrame) -> tuple[DataFrame, tuple[str, ...]]:
    """Score the sources' own responses, and name those above the threshold: example_id and category."""
    score, limit = runtime.settings.score, runtime.settings.select.min_score_tenths
    ids = F.udf(lambda example: pair_id(example, PUBLIC), "string")
    pairs = usable.withColumn("pair_id", ids("example_id")).withColumn("response", F.col("reference_response"))
    pairs = pairs.select("pair_id", "example_id", "category", "system", "history", "instruction", "response")
    pairs = runtime.storage.materialise(pairs, "own-responses")
    warnings: tuple[str, ...] = ()
    if score.kind == "judge":
        runtime.progress.step("judging the sources' own responses first")
        scores, warnings = judge_pairs(runtime, pairs)
    else:
        texts = pairs.select("pair_id", "system", "instruction", "response")
        scores = texts.mapInArrow(score_batches(score.weights), SCORES.schema)
    good = scores.where(F.col("quality_tenths") > limit).select("pair_id")
    named = pairs.join(good, "pair_id", "left_semi").select("example_id", "category")
    return runtime.storage.materialise(named, "good-responses"), warnings


def _assign(runtime: Runtime, drawn: DataFrame, public: DataFrame | None, down: Collection[str]) -> None:
    """Write `assignments` and `requests`, unless that would buy again what is paid."""
    settings = runtime.settings
    answered = answered_assignments(runtime.read_or_empty(ASSIGNMENTS), runtime.read_or_empty(RESPONSES))
    assigned = assign_models(drawn, settings.distill, answered, down)
    built = with_requests(assigned, teacher_askings(settings), load_answer_prompt(settings.distill.prompt))
    asked = runtime.storage.materialise(built, "asked")
    if decide_paid_again(runtime, asked, "answers") == "keep":
        asked = keep_old_answers(asked)
    new = asked.where("old_request_id is null or old_request_id <> request_id")
    append_new(runtime, REQUESTS, requests_of(new))
    rows = assignments_of(asked)
    runtime.replace(ASSIGNMENTS, rows if public is None else rows.unionByName(public))


def _asked(runtime: Runtime, askings: Mapping[str, Asking], down: Collection[str]) -> Asked:
    endpoints = {asking.endpoint.key: asking.endpoint for name, asking in askings.items() if name not in down}
    names: dict[EndpointKey, str] = {}
    for name, asking in askings.items():
        key = asking.endpoint.key
        names[key] = f"{names[key]}, {name}" if key in names else name
    requests = runtime.read(ASSIGNMENTS).where("request_id is not null").select("request_id")
    return Asked("distill", requests, endpoints, names)


def _to_hand_on(runtime: Runtime, ended: Ended, down: Collection[str]) -> dict[str, str]:
    """Teachers that are down for now, have open requests and a fallback that is not: name -> what was said."""
    askings = teacher_askings(runtime.settings)
    is_down = {
        name
        for name, asking in askings.items()
        if name in down or ended.down.get(asking.endpoint.key, ("", ""))[0] in _HANDED_ON
    }
    found = {}
    for teacher in runtime.settings.distill.models:
        key = askings[teacher.name].endpoint.key
        has_fallback = any(name not in is_down for name in teacher.fallbacks)
        if teacher.name in is_down and teacher.name not in down and ended.open.get(key) and has_fallback:
            found[teacher.name] = ended.down[key][1]
    return found
