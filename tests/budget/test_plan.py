"""What a configuration would cost, before anything is paid: exact arithmetic over what is in the tables."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from jobs.answers.acceptance import Acceptance, find_acceptance
from jobs.budget.costs import Judge, make_plan
from jobs.budget.plan import measure_prompts, plan_from_assumptions
from jobs.budget.report import show_plan
from jobs.budget.rows import Prompts, plan_rows
from jobs.cli.app import main
from jobs.config.load import load_settings
from jobs.config.teachers import ScorerConfig
from jobs.rendering.progress import Progress
from jobs.surrogate.prospect import judged_share
from jobs.workspace.runtime import Runtime
from jobs.workspace.storage import Storage
from schemas.errors import ConfigError
from schemas.tables import DUPLICATES, EXAMPLES, PAIRS, SCORES, SCREEN
from tests.support.factories import rows_of
from udfs.llm.generation_spec import GenerationSpec
from udfs.llm.models import Endpoint, Prices, RateLimits

SOURCES = [{"name": "a", "path": "a.jsonl", "licence": "MIT"}]
PUBLIC = {"name": "public", "kind": "public"}
GENERAL = {"name": "talks", "kind": "model", "base_url": "http://t/v1", "model": "t", "weights": {"code": 0}}
CODER = {"name": "codes", "kind": "model", "base_url": "http://c/v1", "model": "c", "weight": 0, "weights": {"code": 1}}
# 86 bytes of general are 20 tokens and 8 for the message, 860 bytes of an answer are 200; 320 bytes of code are 100.
PROMPTS = [Prompts("code", 50, 0, 320.0, 0.0), Prompts("general", 100, 40, 86.0, 860.0)]
EXPECTED = Acceptance(0.8, {}, {})


def settings_with(tmp_path, **sections):
    path = tmp_path / "my.yaml"
    data = {"sources": SOURCES, "workspace": str(tmp_path / "w"), **sections}
    path.write_text(yaml.safe_dump(data))
    return load_settings(str(path))


def asking(price_in, price_out, *, schema=None, **limits):
    endpoint = Endpoint(
        provider="p",
        model="m",
        base_url=None,
        api_key_env=None,
        prices=Prices(input_usd_per_mtok=Decimal(price_in), output_usd_per_mtok=Decimal(price_out)),
        limits=RateLimits(**limits),
    )
    return GenerationSpec(endpoint=endpoint, max_tokens=1_000, max_tokens_cap=2_000, attempts=3, schema_json=schema)


def models(tmp_path, when="missing", **sections):
    teachers = [GENERAL, CODER] if when == "always" else [PUBLIC, GENERAL, CODER]
    return settings_with(tmp_path, distill={"teachers": teachers, "when": when}, **sections)


@pytest.mark.parametrize(
    ("when", "asked", "ready"),
    [
        ("always", {"code": 50, "general": 100}, {"code": 0, "general": 0}),
        ("missing", {"code": 50, "general": 60}, {"code": 0, "general": 32}),
        ("below_threshold", {"code": 50, "general": 68}, {"code": 0, "general": 32}),
    ],
)
def test_models_are_asked_for_everything_what_is_missing_or_also_what_failed(tmp_path, when, asked, ready):
    rows = plan_rows(models(tmp_path, when), PROMPTS, EXPECTED)
    assert (rows.asked, rows.ready) == (asked, ready)


def test_a_wanted_size_asks_only_for_what_it_needs(tmp_path):
    select = {"rows": 60, "composition": {"general": 0.7, "code": 0.3}}
    rows = plan_rows(models(tmp_path, select=select), PROMPTS, EXPECTED)
    assert rows.asked == {"code": 23, "general": 13}  # 18 / 0.8; (42 - 32) / 0.8
    assert rows.dataset() == {"code": 18, "general": 42} and rows.dataset(0.5) == {"code": 8, "general": 36}


def test_what_was_measured_takes_the_place_of_what_was_expected(tmp_path):
    measured = Acceptance(0.8, public={"general": 0.25}, models={"code": 0.5})
    rows = plan_rows(models(tmp_path, "below_threshold"), PROMPTS, measured)
    assert rows.ready["general"] == 10 and rows.asked["general"] == 90 and rows.dataset()["code"] == 25


def test_without_models_nothing_is_asked_and_the_sources_responses_are_what_there_is(tmp_path):
    rows = plan_rows(settings_with(tmp_path), PROMPTS, EXPECTED)
    assert rows.asked == {"code": 0, "general": 0} and rows.dataset() == {"code": 0, "general": 32}


def test_each_teacher_and_the_judge_cost_what_their_tokens_cost(tmp_path):
    teachers = {"talks": asking(2, 10), "codes": asking(1, 1, rpm=10, tpm=1_000)}
    judge = Judge(asking("0.5", 1, schema="{}"), fixed_bytes=330)

    plan = make_plan(models(tmp_path), PROMPTS, teachers, judge, EXPECTED)

    talks, codes = plan.teachers
    assert (talks.calls, talks.prompt_tokens, talks.answer_tokens) == (60, 60 * 28, 60 * 200)
    assert talks.expected_usd == Decimal(60 * (28 * 2 + 200 * 10)) / 1_000_000
    assert talks.worst_usd == 60 * 3 * Decimal((86 + 48) * 2 + 2_000 * 10) / 1_000_000
    # No response of the sources to go by: 180 tokens.
    assert (codes.calls, codes.prompt_tokens, codes.answer_tokens) == (50, 50 * 108, 50 * 180)
    assert codes.minutes == pytest.approx(50 * (108 + 1_000) / 1_000) and talks.minutes is None
    public, answers = plan.judge_public, plan.judge_answers
    assert (public.calls, public.prompt_tokens) == (40, 40 * (100 + 28 + 200))
    assert (answers.calls, answers.prompt_tokens) == (110, 60 * (100 + 28 + 200) + 50 * (100 + 108 + 180))
    assert answers.answer_tokens == 110 * 90
    assert plan.expected_usd == sum(one.expected_usd for one in plan.calls)
    assert plan.worst_usd > 10 * plan.expected_usd


def test_a_judge_whose_scores_are_learnt_is_asked_about_part_and_at_worst_about_all(tmp_path):
    judge = Judge(asking("0.5", 1, schema="{}"), fixed_bytes=330)
    part = Judge(judge.spec, judge.fixed_bytes, lambda pairs: {40: 0.25}[pairs])

    all_pairs, some = (make_plan(models(tmp_path), PROMPTS, {}, one, EXPECTED).judge_public for one in (judge, part))

    assert (all_pairs.calls, some.calls) == (40, 10)
    assert some.expected_usd == all_pairs.expected_usd / 4
    assert some.worst_usd == all_pairs.worst_usd


@pytest.mark.parametrize(
    ("kind", "pairs", "open_share", "share"),
    [
        ("judge", 10_000, None, 1.0),
        ("distilled", 80, None, 1.0),
        ("distilled", 10_000, None, (370 + 9_630 / 2) / 10_000),
        ("distilled", 10_000, 0.1, (370 + 963) / 10_000),
    ],
)
def test_the_share_that_a_judge_is_asked_about_is_the_sample_and_what_predictions_leave_open(
    kind, pairs, open_share, share
):
    config = ScorerConfig(kind=kind, base_url="http://j/v1", model="j")

    assert judged_share(config, pairs, open_share) == pytest.approx(share)


def test_a_judge_without_a_schema_may_be_asked_twice(tmp_path):
    strict = Judge(asking(1, 1, schema="{}"), fixed_bytes=330)
    tolerant = Judge(asking(1, 1), fixed_bytes=330)
    costs = [make_plan(models(tmp_path), PROMPTS, {}, judge, EXPECTED).judge_public for judge in (strict, tolerant)]
    assert costs[1].worst_usd == 2 * costs[0].worst_usd and costs[1].expected_usd == costs[0].expected_usd


def test_samples_multiply_the_answers_and_not_the_prompts(tmp_path):
    distill = {"teachers": [PUBLIC, GENERAL, CODER], "samples_per_prompt": 3}
    plan = make_plan(settings_with(tmp_path, distill=distill), PROMPTS, {"talks": asking(1, 1)}, None, EXPECTED)
    assert plan.teachers[0].calls == 3 * 60 and plan.prompts_asked == 110


def test_by_batch_half_is_expected_and_for_auto_no_less_than_online_is_the_worst(tmp_path):
    plans = {}
    for mode in ("online", "batch", "auto"):
        provider = {
            "base_url": "http://x/v1",
            "rpm": 10,
            "batch": {"shape": "openai"},
            "models": {"m": {"prices": {"input": 2, "output": 10, "batch_discount": 0.5}}},
        }
        teacher = {"name": "talks", "kind": "model", "provider": "mine", "model": "m", "mode": mode}
        settings = settings_with(
            tmp_path,
            distill={"teachers": [teacher], "when": "always"},
            providers={"mine": provider},
            budget={"run_usd": 100},
            select={"rows": 1_000},
        )
        plans[mode] = plan_from_assumptions(settings)
        assert ("teacher talks: by batches" in shown(settings, plans[mode])[1]) == (mode != "online")
    online, batch, auto = (plans[mode].teachers[0] for mode in ("online", "batch", "auto"))
    assert batch.expected_usd == auto.expected_usd == online.expected_usd / 2
    assert (batch.worst_usd, auto.worst_usd) == (online.worst_usd / 2, online.worst_usd)
    assert online.minutes and batch.minutes is auto.minutes is None


def priced_plan(tmp_path, **budget):
    provider = {"base_url": "http://x/v1", "models": {"m": {"prices": {"input": 2, "output": 10}}}}
    teacher = {"name": "talks", "kind": "model", "provider": "mine", "model": "m", "share": 1.0}
    settings = settings_with(
        tmp_path,
        distill={"teachers": [PUBLIC, teacher]},
        score={"kind": "judge", "provider": "mine", "model": "m"},
        providers={"mine": provider},
        budget=budget,
        select={"rows": 1_000},
    )
    return settings, plan_from_assumptions(settings)


def shown(settings, plan) -> tuple[bool, str]:
    console = Console(file=StringIO(), width=80)
    fits = show_plan(console, settings, plan, "BASIS", today=date(2026, 1, 1))
    return fits, console.file.getvalue()


def test_a_plan_over_the_cap_says_what_fits_and_what_all_of_it_takes(tmp_path):
    settings, plan = priced_plan(tmp_path, run_usd=1)

    fits, said = shown(settings, plan)

    assert not fits and f"OVER BUDGET: ${plan.expected_usd:.2f} expected, budget.run_usd is $1.00" in said
    part = Decimal(1) / plan.expected_usd
    assert (
        f"What fits: {int(plan.prompts_asked * part):,} of {plan.prompts_asked:,} prompts ({float(part):.1%})" in said
    )
    raised = said.rpartition("--set budget.run_usd=")[2].split()[0].rstrip(".")
    assert shown(*priced_plan(tmp_path, run_usd=float(raised)))[0]


def test_a_cap_below_the_judge_s_cost_for_the_sources_responses_says_how_many_can_be_judged(tmp_path):
    _, said = shown(models(tmp_path, budget={"run_usd": "0.02"}), judged_plan(tmp_path))
    # 40 responses at $0.001 each.
    assert "What fits: judging 20 of 40 responses of the sources, and asking no model." in said


def judged_plan(tmp_path):
    # 100 tokens of rubric, 28 of prompt, 200 of response; 90 of reply at $10 a million are $0.0009.
    judge = Judge(asking(Decimal(100) / 328, 10, schema="{}"), fixed_bytes=330)
    return make_plan(models(tmp_path), PROMPTS, {"talks": asking(1, 1)}, judge, EXPECTED)


def test_the_cap_of_one_stage_is_enough_to_refuse(tmp_path):
    fits, said = shown(*priced_plan(tmp_path, run_usd=100, score_usd="0.01"))
    assert not fits and "budget.score_usd is $0.01" in said and "run_usd is" not in said


def test_every_number_of_a_plan_is_whole_on_a_narrow_terminal(tmp_path):
    settings, plan = priced_plan(tmp_path, run_usd=100)
    fits, said = shown(settings, plan)
    assert fits and "it fits" in said and "…" not in said
    for one in plan.calls:
        row = next(line for line in said.splitlines() if line.startswith(one.role))
        assert f"{one.calls:,}" in row and f"{one.prompt_tokens:,}" in row


def test_what_ages_or_was_not_established_is_warned_of():
    settings = load_settings("reference")
    console = Console(file=StringIO(), width=80)
    show_plan(console, settings, plan_from_assumptions(settings), "BASIS", today=date(2027, 1, 14))
    said = console.file.getvalue()
    assert "judge: gpt-4o-mini is no longer there; use gpt-6-luna" in said
    assert "teacher gpt-4o: its prices were read on 2026-05-27; check them" in said
    assert "teacher llama-3.1-405b: it was not established when its prices were read" in said
    assert "llama-3.1-405b 40.0% (wanted 40%), gpt-4o 35.0% (wanted 35%)" in said and "miss the wanted" not in said


def test_another_mix_than_the_weights_were_made_for_is_warned_of():
    composition = "{general: 0.9, code: 0.1, reasoning: 0, creative: 0, other: 0}"
    settings = load_settings("reference", [f"select.composition={composition}"])
    _, said = shown(settings, plan_from_assumptions(settings))
    assert "qwen3-coder-480b 10.0% (wanted 25%)" in said and "the weights miss the wanted shares" in said


def test_without_tables_and_a_size_there_is_nothing_to_plan_for(tmp_path):
    with pytest.raises(ConfigError, match="there are no tables yet and no size is wanted"):
        plan_from_assumptions(settings_with(tmp_path))


@pytest.fixture(scope="module")
def counted(spark, tmp_path_factory):
    """A workspace with prompts, and scores of some pairs."""
    folder = tmp_path_factory.mktemp("plan")
    settings = models(folder, "below_threshold", budget={"run_usd": 5})
    runtime = Runtime(
        settings, Storage(lambda: spark, settings.workspace, None), Progress(Console(file=StringIO())), "r"
    )
    rows = {
        EXAMPLES: [
            {"example_id": "plain", "instruction": "é" * 10, "reference_response": "x" * 30},
            {"example_id": "bad_response", "instruction": "x" * 40, "reference_response": "x" * 99},
            {"example_id": "no_response", "instruction": "x" * 60, "reference_response": None},
            {"example_id": "screened_out"},
            {"example_id": "twin"},
            {"example_id": "in_a_conversation", "history": [("user", "Hi."), ("assistant", "Hello.")]},
            {"example_id": "code", "category": "code"},
        ],
        SCREEN: [
            {"id": "screened_out", "target": "prompt"},
            {"id": "bad_response", "target": "response"},
            {"id": "plain", "target": "response", "effect": "note"},
        ],
        DUPLICATES: [{"id": "twin"}, {"id": "plain", "pass": "pair"}],
        PAIRS: [
            {"pair_id": "good", "teacher": "public"},
            {"pair_id": "poor", "teacher": "public"},
            {"pair_id": "model", "teacher": "talks"},
            {"pair_id": "useless", "teacher": "codes", "category": "code"},
            {"pair_id": "judged", "teacher": "public"},
        ],
        SCORES: [
            {"pair_id": "good", "quality_tenths": 71},
            {"pair_id": "poor", "quality_tenths": 70},
            {"pair_id": "model", "quality_tenths": 90},
            {"pair_id": "useless", "quality_tenths": 10},
            {"pair_id": "judged", "quality_tenths": 10, "scorer": "judge"},
        ],
    }
    for table, values in rows.items():
        runtime.replace(table, rows_of(spark, table, values))
    return runtime


def test_only_prompts_that_can_lead_to_a_row_are_counted_with_their_bytes(counted):
    found = {one.category: one for one in measure_prompts(counted)}
    assert (found["general"].count, found["general"].usable) == (3, 1)
    assert found["general"].prompt_bytes == (20 + 40 + 60) / 3 and found["general"].answer_bytes == 30
    assert found["code"].count == 1


def test_acceptance_is_what_the_scorer_of_the_configuration_gave_to_public_and_to_model_answers(counted):
    found = find_acceptance(counted)
    assert found.public == {"general": 0.5} and found.models == {"general": 1.0}
    assert found.of_models("code") == 0.8  # none was good, which is no basis for a quota


def test_a_plan_from_tables_reaches_the_terminal_and_writes_nothing(counted, tmp_path, capsys):
    workspace = counted.settings.workspace
    before = sorted(path for path in Path(workspace, "tables").rglob("*"))
    config = tmp_path / "c.yaml"
    config.write_text(
        json.dumps({"sources": SOURCES, "workspace": workspace, "distill": {"teachers": [PUBLIC, GENERAL, CODER]}})
    )
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--config", str(config)])
    said = capsys.readouterr().out
    assert ended.value.code in (0, None) and f"Counted in the tables of {workspace}" in "".join(said.splitlines())
    assert "No model here costs anything." in said
    assert sorted(path for path in Path(workspace, "tables").rglob("*")) == before


@pytest.mark.parametrize(("more", "code"), [((), 3), (("--accept-plan",), 0), (("--set", "budget.run_usd=2000"), 0)])
def test_a_plan_over_the_cap_ends_with_code_3_unless_accepted(tmp_path, capsys, more, code):
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--config", "reference", "--set", f"workspace={tmp_path}/w", *more])
    assert (ended.value.code or 0) == code
    assert ("OVER BUDGET" in capsys.readouterr().out) == ("2000" not in str(more))
