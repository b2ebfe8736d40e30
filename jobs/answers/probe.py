"""A probe: some prompts are answered and scored ahead of all others, so that a plan need not assume how that goes.

These are the requests that the run would make, and their answers are kept: the run does not ask them again. Drawn is
what the run would draw, each teacher and category in its share, by a hash of ids, so that the larger probe holds the
smaller one. What is answered already is measured too, and not asked again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.answers.acceptance import find_acceptance
from jobs.answers.endings import require_answers
from jobs.answers.heuristic import score_pairs
from jobs.answers.judge import judge_pairs, scores_of
from jobs.answers.public import assign_public, pair_public_answers
from jobs.answers.requests import (
    answered_assignments,
    assign_models,
    assignments_of,
    keep_old_answers,
    new_requests,
    pair_answers,
    with_requests,
)
from jobs.answers.routing import with_teachers
from jobs.answers.sampling import askable_prompts, count_by_category, draw_prompts, prompts_to_ask
from jobs.answers.screened import answer_rules, answer_verdicts
from jobs.answers.specs import model_names, teacher_specs
from jobs.answers.stale_answers import decide_paid_again
from jobs.config.prompt_files import load_answer_prompt
from jobs.config.settings import Settings
from jobs.config.teachers import PUBLIC
from jobs.curation.eligibility import clean_examples, unique_prompts
from jobs.ledger.reservations import StageRequests
from jobs.ledger.settle import append_new
from jobs.online.waves import call_all
from jobs.workspace.runtime import Runtime
from schemas.calls import JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ASSIGNMENTS, DUPLICATES, EXAMPLES, PROBES, SCREEN
from udfs.column_functions import pair_ids

UNWARNED = 0
"""Number of the first ask about a pair."""


def online(settings: Settings) -> Settings:
    """The same settings with every model asked online: a probe is wanted now, and batches take hours."""
    teachers = tuple(one.model_copy(update={"mode": "online"}) for one in settings.distill.teachers)
    distill = settings.distill.model_copy(update={"teachers": teachers})
    score = settings.score.model_copy(update={"mode": "online"})
    return settings.model_copy(update={"distill": distill, "score": score})


def take_probe(runtime: Runtime, count: int) -> tuple[str, ...]:
    """Have prompts answered and scored.

    Args:
        runtime: the run, which holds the lease of its workspace.
        count: of prompts that models answer, and as many of the sources' own responses where the run scores those;
            what is answered or scored already counts.

    Returns:
        Warnings.

    Raises:
        StoppedError: budget, provider or Ctrl-C; what was answered is kept, and the same command goes on from there.
        ConfigError: the configuration has changed so that paid answers would be paid for again.
    """
    quick = replace(runtime, settings=online(runtime.settings))
    prompts = unique_prompts(clean_examples(quick), quick.read(SCREEN), quick.read(DUPLICATES))
    prompts = quick.storage.materialise(askable_prompts(prompts, quick.settings.package), "probe-prompts")
    distill, warnings = quick.settings.distill, tuple[str, ...]()
    if distill.when != "always" or not distill.models:
        warnings += _probe_responses(quick, prompts.where("not has_fault"), count)
    if distill.models:
        warnings += _probe_answers(quick, _supply(quick, prompts), count)
    quick.storage.clear_scratch()
    return warnings


def first_of_each(rows: DataFrame, groups: Collection[str], count: int) -> DataFrame:
    """Draw rows, of each group in its share, those first that are done.

    Args:
        rows: columns example_id, whose hash decides within a group, `is_done`, and those of the groups.
        groups: names of columns.
        count: rows to draw.

    Returns:
        Rows of `rows`. A larger draw from the same rows holds a smaller one: it is the beginning of one order, in which
        the n-th row of a group of m stands at (n - ½) / m.
    """
    of_group, by_hash = Window.partitionBy(*groups), (F.xxhash64("example_id"), "example_id")
    number = F.row_number().over(of_group.orderBy(~F.col("is_done"), *by_hash))
    at = (number - F.lit(0.5)) / F.count("*").over(of_group)
    return rows.withColumn("_at", at).orderBy("_at", *by_hash).limit(count).drop("_at")


@dataclass(frozen=True)
class _Supply:
    """The prompts that models may answer, as far as that is known."""

    prompts: DataFrame
    counts: Mapping[str, int]
    """Category -> how many there will be: of responses that are not scored yet, nobody knows which fail."""
    ready: Mapping[str, int]
    """Category -> rows that the sources' own responses are expected to give."""


def _supply(runtime: Runtime, prompts: DataFrame) -> _Supply:
    distill, acceptance = runtime.settings.distill, find_acceptance(runtime)
    if distill.when == "always":
        return _Supply(prompts, count_by_category(prompts), {})
    missing = prompts.where("has_fault")
    counts, usable = count_by_category(missing), count_by_category(prompts.where("not has_fault"))
    ready = acceptance.ready(usable)
    if distill.when == "missing":
        return _Supply(missing, counts, ready)
    probes = runtime.read_or_empty(PROBES).where((F.col("teacher") == PUBLIC) & _is_of_scorer(runtime))
    limit = runtime.settings.select.min_score_tenths
    failed = probes.where(F.col("quality_tenths").isNull() | (F.col("quality_tenths") <= limit)).select("pair_id")
    named = prompts.where("not has_fault").withColumn("pair_id", pair_ids("example_id", F.lit(PUBLIC)))
    known = missing.unionByName(named.join(failed, "pair_id", "left_semi").drop("pair_id"))
    names = {*counts, *usable}
    return _Supply(
        known, {name: counts.get(name, 0) + usable.get(name, 0) - ready.get(name, 0) for name in names}, ready
    )


def _is_of_scorer(runtime: Runtime) -> Column:
    return F.col("scorer") == runtime.settings.score.scorers[0]


def _probe_responses(runtime: Runtime, usable: DataFrame, count: int) -> tuple[str, ...]:
    """Score some of the sources' own responses."""
    answered = runtime.read_or_empty(RESPONSES).select("request_id")
    judged = runtime.read_or_empty(JUDGEMENTS).where(F.col("ask") == UNWARNED)
    done = judged.join(answered, "request_id", "left_semi").select("pair_id", F.lit(True).alias("is_judged"))
    named = usable.withColumn("pair_id", pair_ids("example_id", F.lit(PUBLIC))).join(done, "pair_id", "left")
    known = named.withColumn("is_done", F.coalesce("is_judged", F.lit(False))).drop("pair_id", "is_judged")
    drawn = first_of_each(known, ("category",), count).drop("is_done")
    pairs = runtime.storage.materialise(pair_public_answers(assign_public(drawn), drawn), "probe-responses")
    scores, warnings = _scored(runtime, pairs)
    states = pairs.select("pair_id", "category", "teacher").withColumn("state", F.lit("answered"))
    _record(runtime, states, pairs.select("pair_id"), scores)
    return warnings


def _probe_answers(runtime: Runtime, supply: _Supply, count: int) -> tuple[str, ...]:
    """Have models answer some prompts, and score the answers."""
    asked = runtime.storage.materialise(_requests(runtime, _drawn(runtime, supply, count)), "probe-asked")
    if decide_paid_again(runtime, asked, "answers") == "keep":
        asked = keep_old_answers(asked)
    append_new(runtime, REQUESTS, new_requests(asked))
    # What was drawn comes first when the run draws; whatever else is assigned stays so.
    others = runtime.read_or_empty(ASSIGNMENTS).join(asked.select("example_id"), "example_id", "left_anti")
    runtime.replace(ASSIGNMENTS, others.unionByName(assignments_of(asked)))
    specs = teacher_specs(runtime.settings)
    endpoints = {spec.endpoint.key: spec.endpoint for spec in specs.values()}
    job = StageRequests("distill", asked.select("request_id"), endpoints, model_names(runtime.settings, "distill"))
    warnings = require_answers(runtime, job, call_all(runtime, job))
    return (*warnings, *_score_answers(runtime, asked))


def _drawn(runtime: Runtime, supply: _Supply, count: int) -> DataFrame:
    """Of the prompts that the run would draw those of the probe."""
    settings, acceptance = runtime.settings, find_acceptance(runtime)
    assignments = runtime.read_or_empty(ASSIGNMENTS).where("request_id is not null")
    accepted = {name: acceptance.of_models(name) for name in supply.counts}
    counts = prompts_to_ask(settings.select, supply.ready, accepted, supply.counts)
    drawn = draw_prompts(supply.prompts, counts, settings.sources, assignments)
    ended = assignments.join(runtime.read_or_empty(RESPONSES).select("request_id"), "request_id", "left_semi")
    done = ended.select("example_id", F.lit(True).alias("is_ended")).distinct()
    known = with_teachers(drawn, settings.distill).join(done, "example_id", "left")
    known = known.withColumn("is_done", F.coalesce("is_ended", F.lit(False)))
    known = runtime.storage.materialise(known, "probe-known")
    chosen = first_of_each(known, ("requested_teacher", "category"), count)
    # Never more calls than are missing to the count, though of some teacher less than its share be answered.
    missing = max(0, count - known.where("is_done").count())
    fresh = chosen.where("not is_done").orderBy(F.xxhash64("example_id"), "example_id").limit(missing)
    return chosen.where("is_done").unionByName(fresh).select(*supply.prompts.columns)


def _requests(runtime: Runtime, drawn: DataFrame) -> DataFrame:
    distill = runtime.settings.distill
    answered = answered_assignments(runtime.read_or_empty(ASSIGNMENTS), runtime.read_or_empty(RESPONSES))
    assigned = assign_models(drawn, distill, answered, ())
    return with_requests(assigned, teacher_specs(runtime.settings), load_answer_prompt(distill.prompt))


def _score_answers(runtime: Runtime, assigned: DataFrame) -> tuple[str, ...]:
    """Score what the models of the probe have answered, but for what a rule convicts, as the run does."""
    settings, examples = runtime.settings, runtime.read(EXAMPLES)
    responses = runtime.read_or_empty(RESPONSES)
    with_reasoning = settings.distill.reasoning == "keep"
    answers = pair_answers(assigned, responses, examples, with_reasoning=with_reasoning)
    pairs = runtime.storage.materialise(answers, "probe-answers")
    convicted = answer_verdicts(pairs, answer_rules(settings)).where("effect = 'exclude'").select("id")
    clean = pairs.join(convicted, pairs["pair_id"] == convicted["id"], "left_anti")
    clean = runtime.storage.materialise(clean, "probe-clean")
    scores, warnings = _scored(runtime, clean)
    ended = assigned.join(responses.select("request_id", F.col("status").alias("state")), "request_id")
    named = ended.join(examples.select("example_id", "category"), "example_id")
    states = named.select(
        pair_ids("example_id", "request_id").alias("pair_id"),
        "category",
        F.col("actual_teacher").alias("teacher"),
        "state",
    )
    _record(runtime, states, clean.select("pair_id"), scores)
    return warnings


def _scored(runtime: Runtime, pairs: DataFrame) -> tuple[DataFrame, tuple[str, ...]]:
    """The pairs that have a score: pair_id and quality_tenths, and warnings."""
    if not runtime.settings.score.asks_judge:
        return score_pairs(pairs, runtime.settings.score).select("pair_id", "quality_tenths"), ()
    read, warnings = judge_pairs(runtime, pairs)
    return scores_of(read).select("pair_id", "quality_tenths"), warnings


def _record(runtime: Runtime, states: DataFrame, clean: DataFrame, scores: DataFrame) -> None:
    """Keep what became of the prompts of a probe.

    Args:
        runtime: the run.
        states: pair_id, category, teacher and state, of which `answered` is told more exactly.
        clean: pair_id of those that were to be scored.
        scores: pair_id and quality_tenths.
    """
    is_clean = clean.select("pair_id", F.lit(True).alias("is_clean"))
    known = states.join(is_clean, "pair_id", "left").join(scores, "pair_id", "left")
    state = (
        F.when(F.col("quality_tenths").isNotNull(), "scored")
        .when(F.col("is_clean"), "not_scored")
        .when(F.col("state") == "answered", "convicted")
        .otherwise(F.col("state"))
    )
    rows = known.withColumns({"state": state, "scorer": F.lit(runtime.settings.score.scorers[0])})
    new = runtime.storage.materialise(PROBES.select_from(rows), "probe-outcomes")
    others = runtime.read_or_empty(PROBES).join(new.select("pair_id"), "pair_id", "left_anti")
    runtime.replace(PROBES, others.unionByName(new))
