"""What calls have used in the place of assumptions: means, intervals that hold, what a probe still asks, and advice."""

import random
import statistics
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from jobs.answers.acceptance import Acceptance
from jobs.budget.advice import (
    lines_on_size,
    lines_over_cap,
    probe_for,
    probe_lines,
    rows_for,
    saving_lines,
    time_lines,
    usd_by_batch,
    usd_for,
)
from jobs.budget.costs import Judge, make_plan
from jobs.budget.measured import Measured, Measurements, Quality
from jobs.budget.outlook import find_outlook, margin_usd
from jobs.budget.report import show_plan
from jobs.budget.rows import Prompts
from jobs.config.load import load_settings
from jobs.ledger.usage import CallLedger, ModelLedger
from jobs.run.probe import calls_to_make
from tests.budget.test_plan import EXPECTED, PUBLIC, asking, models, settings_with
from udfs.llm.cost import Usage, cost_of
from udfs.llm.models import Prices
from udfs.scoring.calibration import student_t

PRICES = Prices(
    input_usd_per_mtok=Decimal("2.5"),
    output_usd_per_mtok=Decimal(10),
    cached_input_usd_per_mtok=Decimal("1.25"),
    batch_discount=Decimal("0.5"),
)
GENERAL = [Prompts("general", 1_000, 0, 86.0, 0.0)]
used = st.lists(st.tuples(st.integers(1, 9_000), st.integers(0, 9_000)), min_size=2, max_size=40)


def measured(tokens, **more):
    """Sums over requests with these tokens of prompt and completion, one attempt each."""
    fields = {
        "requests": len(tokens),
        "ended": len(tokens),
        "attempts": len(tokens),
        "unanswered": 0,
        "prompt_tokens": sum(prompt for prompt, _ in tokens),
        "cached_tokens": 0,
        "completion_tokens": sum(answer for _, answer in tokens),
        "prompt_squares": float(sum(prompt**2 for prompt, _ in tokens)),
        "completion_squares": float(sum(answer**2 for _, answer in tokens)),
        "products": float(sum(prompt * answer for prompt, answer in tokens)),
    }
    return Measured(**{**fields, **more})


def plan_with(tmp_path, *, prompts=GENERAL, judge=None, when="always", **parts):
    """A plan of one teacher, with what was measured of `answers` and `judged`."""
    found = {("answers", "p", "m"): parts["answers"]} if "answers" in parts else {}
    if "judged" in parts:
        found["judged answers", "p", "m"] = parts["judged"]
    settings = one_teacher(tmp_path, when)
    return make_plan(settings, prompts, {"talks": asking(2, 10)}, judge, EXPECTED, Measurements(found))


def one_teacher(tmp_path, when="always"):
    teacher = {"name": "talks", "kind": "model", "base_url": "http://t/v1", "model": "t"}
    return settings_with(
        tmp_path, distill={"teachers": [teacher] if when == "always" else [PUBLIC, teacher], "when": when}
    )


@given(used)
def test_the_spread_of_costs_is_that_of_the_single_costs(tokens):
    single = [float(cost_of(Usage(*one), PRICES)) for one in tokens]
    found = measured(tokens)
    assert float(found.usd(PRICES)) == pytest.approx(sum(single), abs=1e-9)
    assert found.deviation_usd(PRICES) == pytest.approx(statistics.stdev(single), rel=1e-6, abs=1e-7)
    assert found.deviation_usd(PRICES, batch=True) == pytest.approx(statistics.stdev(single) / 2, rel=1e-6, abs=1e-7)


def test_what_was_measured_takes_the_place_of_assumed_lengths_and_is_multiplied(tmp_path):
    plan = plan_with(tmp_path, answers=measured([(30, 100), (50, 300)], attempts=3, assumed_usd=Decimal("0.002")))
    (one,) = plan.teachers
    assert (one.prompt_tokens, one.answer_tokens, one.measured, one.ended) == (40_000, 200_000, 2, 2)
    assert one.expected_usd == Decimal("0.08") + 2 + 1  # at 2 and 10 dollars; half of the assumed cents a request
    assert one.unit_usd == one.expected_usd / 1_000
    outlook = find_outlook(plan, CallLedger())
    assert outlook.to_go_usd() == one.expected_usd * 998 / 1_000


def test_one_request_tells_no_spread_so_the_assumption_stands(tmp_path):
    assumed, plan = plan_with(tmp_path), plan_with(tmp_path, answers=measured([(30, 9_000)]))
    assert plan.expected_usd == assumed.expected_usd and plan.teachers[0].measured == 0
    assert plan.teachers[0].ended == 1, "it is answered all the same"
    assert margin_usd(plan) is None


def test_what_is_asked_again_and_what_is_never_judged_count(tmp_path):
    judge = Judge(asking(1, 1), 330)
    found = Measurements(
        {("judged answers", "p", "m"): measured([(700, 50)] * 10, requests=8)},
        states={"scored": 7, "not_scored": 1, "refused": 1, "convicted": 1},
    )
    plan = make_plan(one_teacher(tmp_path), GENERAL, {"talks": asking(2, 10)}, judge, EXPECTED, found)
    judged = plan.judge_answers
    assert (judged.units, judged.calls) == (800, 1_000)  # eight in ten come to be judged, a quarter of them twice
    assert judged.prompt_tokens == 700_000 and judged.unit_usd == Decimal("0.0009375")


def test_reasoning_and_cached_prompts_are_priced_as_they_were_used(tmp_path):
    found = measured([(1_000, 500), (1_000, 700)], cached_tokens=1_000, reasoning_tokens=900)
    assert found.usd(PRICES) == (Decimal(1_000) * 5 / 2 + 1_000 * Decimal("1.25") + 1_200 * 10) / 1_000_000
    assert found.cached_saving(PRICES) == Decimal("0.00125")
    spec = replace(asking(1, 1), endpoint=replace(asking(1, 1).endpoint, prices=PRICES))
    parts = Measurements({("answers", "p", "m"): found})
    settings = one_teacher(tmp_path)
    plan = make_plan(settings, GENERAL, {"talks": spec}, None, EXPECTED, parts)
    assert plan.teachers[0].cached_usd == Decimal("0.625")
    assert "Cached prefixes: about $0.63 saved" in "\n".join(saving_lines(settings, plan))


def lengths(seed, count):
    draw = random.Random(seed)
    return [(30, min(1_024, round(draw.lognormvariate(5.3, 0.6)))) for _ in range(count)]


def test_the_interval_holds_the_rest_of_the_bill_about_as_often_as_it_says(tmp_path):
    held, draws, plan = 0, 300, plan_with(tmp_path, answers=measured(lengths(0, 100)))
    for seed in range(draws):
        tokens = lengths(seed, 1_000)
        plan = replace_measured(plan, tokens[:100])
        rest = float(measured(tokens[100:]).usd(asking(2, 10).endpoint.prices))
        expected = float(find_outlook(plan, CallLedger()).to_go_usd())
        held += abs(expected - rest) <= float(margin_usd(plan))
    assert 0.90 <= held / draws <= 0.99


def replace_measured(plan, tokens):
    """The same plan after another probe."""
    prices, found = asking(2, 10).endpoint.prices, measured(tokens)
    (one,) = plan.teachers
    usd = found.usd(prices) * one.units / found.requests
    teacher = replace(one, expected_usd=usd, deviation_usd=found.deviation_usd(prices))
    return replace(plan, teachers=[teacher])


def test_more_requests_make_the_interval_narrower_and_the_plan_says_how_many_it_takes(tmp_path):
    margins = []
    for count in (20, 100, 400):
        many = [Prompts("general", 10_000, 0, 86.0, 0.0)]
        plan = plan_with(tmp_path, prompts=many, answers=measured([(30, 200), (30, 500)] * (count // 2)))
        outlook = find_outlook(plan, CallLedger())
        margins.append(outlook.margin)
        said = "\n".join(probe_lines(plan, outlook))
        assert f"± {outlook.margin:.1%}, is as {count} measured requests cost" in said
        assert ("phase0 plan --probe" in said) == (outlook.margin > 0.05)
    assert all(first > second for first, second in pairwise(margins))


@given(st.integers(2, 500), st.integers(1, 100_000), st.floats(0.051, 1.0))
def test_a_probe_of_the_size_that_is_named_gives_the_interval_that_is_wanted(count, left, margin):
    wanted, total, spread = probe_for(count, left, margin), count + left, margin / (1 / count + 1 / left) ** 0.5
    best = spread * (4 / total) ** 0.5  # of half of all
    if wanted is None:
        assert best > 0.05 - 1e-9 or count > total / 2 - 10
    else:
        assert wanted > count and best <= 0.05 + 1e-9
        if wanted < total / 2:
            assert spread * (1 / wanted + 1 / (total - wanted)) ** 0.5 <= 0.05 + 1e-9


def test_who_answers_is_chance_too_where_teachers_share_a_category(tmp_path):
    plans = []
    for weight in (0, 1):
        b = {"name": "b", "kind": "model", "base_url": "http://b/v1", "model": "b", "weight": weight}
        a = {"name": "a", "kind": "model", "base_url": "http://a/v1", "model": "a"}
        settings = settings_with(tmp_path, distill={"teachers": [a, b], "when": "always"})
        dear, cheap = asking(2, 10), asking(2, 1)
        cheap = replace(cheap, endpoint=replace(cheap.endpoint, model="cheap"))
        found = {("answers", "p", name): measured([(30, 200)] * 50) for name in ("m", "cheap")}
        specs = {"a": dear, "b": cheap}
        plans.append(make_plan(settings, GENERAL, specs, None, EXPECTED, Measurements(found)))
    alone, shared = (float(margin_usd(plan)) for plan in plans)
    # A binomial: 900 are left, of which each costs 0.0018 dollars more with the one than with the other.
    assert alone == 0.0 and shared == pytest.approx(1.96 * (900 * 0.25) ** 0.5 * 0.0018, rel=0.01)


def test_prompts_that_were_counted_are_asked_of_whom_their_hash_has_chosen(tmp_path):
    a, b = ({"name": name, "kind": "model", "base_url": f"http://{name}/v1", "model": name} for name in "ab")
    settings = settings_with(tmp_path, distill={"teachers": [a, b], "when": "always"})
    found = Measurements({("answers", "p", name): measured([(30, 200)] * 50) for name in ("m", "cheap")})
    cheap = replace(asking(2, 1), endpoint=replace(asking(2, 1).endpoint, model="cheap"))
    specs = {"a": asking(2, 10), "b": cheap}

    def planned(**counts):
        return make_plan(settings, GENERAL, specs, None, EXPECTED, found, {"general": counts})

    assert [one.calls for one in planned(a=620, b=380).teachers] == [620, 380]
    assert [one.calls for one in planned(b=1_000).teachers] == [0, 1_000]
    assert margin_usd(planned(a=620, b=380)) == 0, "nothing is left to chance"
    # Of more prompts than are asked it is chance which.
    assert margin_usd(planned(a=1_240, b=760)) > 0
    assert [one.calls for one in planned(a=1_240, b=760).teachers] == [620, 380]


@pytest.mark.parametrize("freedom", [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (199, 1.972)])
def test_intervals_of_few_are_wider(freedom):
    assert student_t(freedom[0]) == pytest.approx(freedom[1], rel=0.002)
    assert student_t(0) == float("inf")


# Which calls a probe makes.


def probe_plan(tmp_path, *, usable=0, answers=0, quality=(), when="always"):
    prompts = [Prompts("general", 1_000, usable, 86.0, 860.0)]
    found = {("answers", "p", "m"): measured([(30, 200)] * answers)} if answers else {}
    settings = one_teacher(tmp_path, when)
    measurements = Measurements(found, tuple(quality))
    judge = Judge(asking(1, 1, schema="{}"), 330)
    plan = make_plan(settings, prompts, {"talks": asking(2, 10)}, judge, EXPECTED, measurements)
    return settings, plan


def scored(count, teacher="talks"):
    return Quality(teacher, "general", count, count, 90 * count)


@pytest.mark.parametrize(
    ("count", "answers", "quality", "wanted"),
    [
        (200, 0, (), (200, 200)),
        (200, 150, (scored(150),), (50, 50)),
        (200, 200, (scored(150),), (0, 50)),  # killed between the answers and their scores
        (200, 700, (scored(700),), (0, 0)),  # a part of the run is as good
        (5_000, 0, (), (1_000, 1_000)),  # more than there are
        (5_000, 1_000, (scored(1_000),), (0, 0)),
    ],
)
def test_a_probe_asks_what_is_missing_to_its_number(tmp_path, count, answers, quality, wanted):
    calls = calls_to_make(*probe_plan(tmp_path, answers=answers, quality=quality), count)
    assert (calls.answers, calls.scores) == wanted
    assert (calls.worst_usd > calls.expected_usd > 0) == bool(calls.count)


def test_the_sources_own_responses_are_scored_too_where_the_run_does_that(tmp_path):
    settings, plan = probe_plan(tmp_path, usable=100, when="below_threshold", quality=[scored(30, "public")])
    # 20 responses are expected to fail; 900 prompts have none.
    assert plan.prompts_asked == 920
    calls = calls_to_make(settings, plan, 200)
    assert (calls.answers, calls.scores) == (200, 200 + 70)
    finished = replace(plan, found=replace(plan.found, run_scores=900))
    assert calls_to_make(settings, finished, 200).scores == 0, "what has no score by now gets none"


def test_how_many_responses_fail_is_chance_too(tmp_path):
    tokens = {"answers": measured([(30, 200)] * 50), "judged answers": measured([(700, 40)] * 50)}
    tokens["judged responses"] = tokens["judged answers"]
    found = Measurements({(part, "p", "m"): sums for part, sums in tokens.items()})
    prompts = [Prompts("general", 1_000, 1_000, 86.0, 860.0)]
    settings, judge = one_teacher(tmp_path, "below_threshold"), Judge(asking(1, 1, schema="{}"), 330)
    acceptance = Acceptance(0.8, {"general": 0.6}, {})

    def margin(quality):
        known = replace(found, quality=quality)
        return margin_usd(make_plan(settings, prompts, {"talks": asking(2, 10)}, judge, acceptance, known))

    assert margin(()) is None, "which share fails is assumed"
    half = float(margin((Quality("public", "general", 50, 30, 2_700),)))
    one = 0.00206 + 0.00074
    assert half == pytest.approx(1.96 * (0.24 * (950**2 / 50 + 950)) ** 0.5 * one, rel=0.01)


def test_a_plan_that_was_measured_says_so_with_every_number_whole_on_a_narrow_terminal(tmp_path):
    settings = settings_with(tmp_path, score={"kind": "judge", "base_url": "http://j/v1", "model": "j"})
    settings = settings.model_copy(update={"distill": one_teacher(tmp_path).distill})
    parts = {
        ("answers", "p", "m"): measured([(1_234, 20_000), (1_234, 40_000)] * 1_000, reasoning_tokens=12_345 * 2_000),
        ("judged answers", "p", "m"): measured([(712, 40)] * 2_000, cached_tokens=712 * 1_500, attempts=2_100),
    }
    quality = (Quality("talks", "general", 2_000, 1_500, 1_500 * 88),)
    prompts = [Prompts("general", 100_000, 0, 86.0, 0.0)]
    judge = Judge(asking(1, 1, schema="{}"), 330)
    plan = make_plan(settings, prompts, {"talks": asking(2, 10)}, judge, EXPECTED, Measurements(parts, quality))
    console = Console(file=StringIO(), width=80)
    assert not show_plan(console, settings_of_cap(settings, 100), plan, "BASIS")
    said = console.file.getvalue()
    assert "…" not in said and "30,000 ± 439" in said and "12,345" in said and "75%" in said and "1.05" in said
    assert "73% to 77%" in said and "Mean score to expect: 8.80" in said
    for line in ("To have all of it: --set budget.run_usd=", "--set select.rows=", "The rest, $"):
        assert line in said


def settings_of_cap(settings, usd):
    """The same settings with a cap."""
    return settings.model_copy(update={"budget": settings.budget.model_copy(update={"run_usd": Decimal(usd)})})


def test_a_size_within_the_prompts_and_beyond_the_cap_names_what_it_takes(tmp_path):
    settings = settings_of_cap(settings_with(tmp_path, targets={"min_rows": 600}), 1)
    plan = plan_with(tmp_path)
    outlook = find_outlook(plan, CallLedger())
    lines = list(lines_over_cap(settings, plan, outlook, Decimal(1)))
    (named,) = [line for line in lines if "600 rows of targets.min_rows" in line]
    raised = Decimal(named.rpartition("=")[2].rstrip("."))
    assert rows_for(plan, outlook, raised) >= 600 > rows_for(plan, outlook, raised - Decimal("0.02"))


# What to change.


def test_dollars_for_rows_and_rows_for_dollars_are_each_other_s_inverse(tmp_path):
    plan = plan_with(tmp_path, judge=Judge(asking(1, 1, schema="{}"), 330))
    outlook = find_outlook(plan, CallLedger())
    assert rows_for(plan, outlook, plan.expected_usd) == 800 and rows_for(plan, outlook, Decimal(0)) == 0
    for rows in (1, 79, 400, 800):
        needed = usd_for(plan, outlook, rows)
        assert rows_for(plan, outlook, needed) >= rows > rows_for(plan, outlook, needed * Decimal("0.99"))
    assert usd_for(plan, outlook, 801) is None


def test_what_is_answered_is_among_the_rows_that_a_cap_pays_for(tmp_path):
    plan = plan_with(tmp_path, answers=measured([(30, 200)] * 500))
    paid = ModelLedger(stage="distill", provider="p", model="m", answered=500, cost_usd=Decimal(1))
    outlook = find_outlook(plan, CallLedger((paid,)))
    assert rows_for(plan, outlook, Decimal(1)) == 400 and rows_for(plan, outlook, outlook.expected_usd()) == 800


def test_too_few_prompts_are_told_apart_from_too_little_money(tmp_path):
    select = {"rows": 500, "composition": {"general": 0.5, "code": 0.5}}
    settings = models(tmp_path, "always", select=select)
    prompts = [Prompts("code", 50, 0, 320.0, 0.0), Prompts("general", 1_000, 0, 86.0, 0.0)]
    plan = make_plan(settings, prompts, {"talks": asking(1, 1), "codes": asking(1, 1)}, None, EXPECTED)
    assert sum(plan.rows.dataset().values()) == 500 and list(lines_on_size(settings, plan)) == []
    settings = models(tmp_path, "always", select={**select, "when_short": "leave"})
    plan = make_plan(settings, prompts, {"talks": asking(1, 1), "codes": asking(1, 1)}, None, EXPECTED)
    (said,) = lines_on_size(settings, plan)
    assert "500 rows are wanted" in said and "about 290" in said and "210 in code" in said
    assert said.endswith("--set select.rows=290")


def test_batches_are_offered_with_the_setting_that_turns_them_on(tmp_path):
    provider = {
        "base_url": "http://x/v1",
        "batch": {"shape": "openai"},
        "models": {
            "m": {"prices": {"input": 2, "output": 10, "batch_discount": 0.5}},
            "dear": {"prices": {"input": 2, "output": 10}},
        },
    }
    teachers = [
        PUBLIC,
        {"name": "talks", "kind": "model", "provider": "mine", "model": "m"},
        {"name": "other", "kind": "model", "provider": "mine", "model": "dear"},
    ]
    settings = settings_with(
        tmp_path, distill={"teachers": teachers}, providers={"mine": provider}, budget={"run_usd": 1}
    )
    plan = make_plan(settings, GENERAL, {"talks": asking(2, 10), "other": asking(2, 10)}, None, EXPECTED)
    assert usd_by_batch(settings, plan) == {"distill.teachers.1.mode=batch": plan.teachers[0].expected_usd / 2}
    by_batch = load_settings(str(tmp_path / "my.yaml"), ["distill.teachers.1.mode=batch"])
    assert by_batch.distill.models[0].mode == "batch" and usd_by_batch(by_batch, plan) == {}


@pytest.mark.parametrize(("window", "per_window"), [(60.0, 600), (10.0, 100), (1.0, 10)])
def test_time_is_that_of_the_slowest_teacher_whatever_the_window(tmp_path, window, per_window):
    slow = asking(1, 1, rpm=per_window, window_seconds=window)
    fast = replace(slow, endpoint=replace(asking(1, 1, rpm=60_000).endpoint, model="fast"))
    plan = make_plan(
        models(tmp_path, "always"),
        [Prompts("general", 36_000, 0, 86.0, 0.0), Prompts("code", 100, 0, 86.0, 0.0)],
        {"talks": slow, "codes": fast},
        None,
        Acceptance(0.8, {}, {}),
    )
    assert plan.teachers[0].minutes == pytest.approx(60)
    first, second = time_lines(plan)
    assert first.startswith("The limits allow it in no less than 1 h 0 min: distill 1 h 0 min (talks decides")
    assert "by its requests a minute" in first and second.endswith("codes 1 min")


def test_twins_that_fell_before_anything_was_paid_are_a_saving(tmp_path):
    settings = one_teacher(tmp_path)
    judge = Judge(asking(1, 1, schema="{}"), 330)
    found = Measurements(twins={"prompt": 500, "pair": 100})
    plan = make_plan(settings, GENERAL, {"talks": asking(2, 10)}, judge, EXPECTED, found)
    first, second = saving_lines(settings, plan)
    assert "500 twins of prompts, about $" in first and f"${plan.expected_usd / 2:.2f}"[:4] in first
    assert "100 twins of pairs" in second
