"""Before the first paid call: models checked, plan shown, caps kept, and somebody says yes."""

import io
import json
import sys
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from jobs.budget.approval import Approval
from jobs.budget.outlook import find_outlook
from jobs.budget.plan import plan_from_tables
from jobs.budget.report import show_plan
from jobs.cli.app import main
from jobs.config.load import load_settings
from jobs.ledger.usage import CallLedger, ModelLedger
from jobs.notebook import build
from jobs.pipeline import stages_between
from jobs.rendering.progress import Progress
from jobs.run.run_log import latest_runs
from jobs.run.run_stages import run_stages
from schemas.calls import ATTEMPTS
from schemas.errors import ConfigError, StoppedError
from schemas.tables import ASSIGNMENTS, DUPLICATES, EXAMPLES, SCREEN
from tests.support.demo import open_quietly
from tests.support.factories import rows_of
from tests.support.paid_tables import MODELS, paid_config, write_tables
from tests.support.panels import quiet_console

pytestmark = pytest.mark.usefixtures("one_partition")

COMMAND = "phase0 run --config paid.yaml"
PROMPTS = 40


class Typed(io.StringIO):
    """A keyboard."""

    def isatty(self):
        return True


def workspace(folder, base_url, **options):
    """A run that has come to the distill stage: forty prompts, none with a response."""
    path = paid_config(folder, base_url, **options)
    runtime = replace(open_quietly(path), config_file=path)
    spark = runtime.spark
    examples = [
        {"example_id": f"e{number}", "instruction": "x" * 86, "reference_response": None} for number in range(PROMPTS)
    ]
    runtime.replace(EXAMPLES, rows_of(spark, EXAMPLES, examples))
    runtime.replace(SCREEN, rows_of(spark, SCREEN, []))
    runtime.replace(DUPLICATES, rows_of(spark, DUPLICATES, []))
    return runtime


@pytest.fixture
def ready(spark, provider, tmp_path):
    """Builds such a workspace, with models that are there; fails where any of them is called."""
    provider.behave(models=list(MODELS))
    yield lambda **options: workspace(tmp_path, provider.base_url, **options)
    assert provider.calls() == []


def on_a_terminal(runtime, monkeypatch, typed):
    console = Console(file=io.StringIO(), force_terminal=True, width=160, color_system=None)
    monkeypatch.setattr(sys, "stdin", Typed(typed))
    return replace(runtime, progress=Progress(console))


def said(runtime):
    return runtime.progress.console.file.getvalue()


@pytest.mark.parametrize(
    ("typed", "goes_on"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_on_a_terminal_somebody_is_asked_and_only_yes_is_yes(ready, monkeypatch, typed, goes_on):
    runtime = on_a_terminal(ready(), monkeypatch, typed)
    if goes_on:
        Approval(COMMAND)(runtime)
    else:
        with pytest.raises(StoppedError, match="nothing was paid. To go on later, type: " + COMMAND) as ended:
            Approval(COMMAND)(runtime)
        assert ended.value.exit_code == 3
    text = said(runtime)
    # Twenty prompts each of 20 + 8 tokens, answered with 180; the judge reads them and its rubric.
    assert text.index("model-a is listed") < text.index("Prompts") < text.index("Spend up to $5.00 (about $0.1")
    assert "[y/N]" in text


def test_a_yes_beforehand_asks_nobody(ready, monkeypatch):
    runtime = on_a_terminal(ready(), monkeypatch, "")
    Approval(COMMAND, is_given=True)(runtime)
    assert "Spending up to $5.00, about $0.1" in said(runtime) and "[y/N]" not in said(runtime)


def test_without_a_terminal_a_command_ends_with_what_to_type(ready):
    runtime = ready()
    with pytest.raises(ConfigError, match=f"type: {COMMAND} --yes") as ended:
        Approval(COMMAND)(runtime)
    assert ended.value.exit_code == 2 and "Prompts" in said(runtime)


def test_from_python_without_a_terminal_the_caps_are_the_answer(ready):
    runtime = ready()
    Approval()(runtime)
    assert "Spending up to $5.00" in said(runtime)


def test_models_that_cost_nothing_are_shown_and_not_asked_about(ready):
    runtime = ready(price=0)
    Approval(COMMAND)(runtime)
    assert "No model here costs anything." in said(runtime) and "Spend" not in said(runtime)


@pytest.mark.parametrize("command", [COMMAND, None])
def test_a_plan_over_the_cap_is_refused_and_says_what_fits(ready, command):
    runtime = ready(budget={"run_usd": 0.05})
    with pytest.raises(StoppedError, match="--accept-plan" if command else "accepts_plan=True") as ended:
        Approval(command, is_given=True)(runtime)
    assert ended.value.exit_code == 3
    assert "OVER BUDGET" in said(runtime) and "What fits: " in said(runtime)
    Approval(command, is_given=True, accepts_plan=True)(runtime)
    assert said(runtime).splitlines()[-1] == "Spending up to $0.05, about $0.05 expected."


def test_a_model_that_is_not_there_stops_before_the_plan_with_the_line_to_change(ready, provider):
    runtime = ready()
    provider.behave(models=["model-a", "judge"])
    with pytest.raises(ConfigError, match="Nothing was paid") as ended:
        Approval(COMMAND, is_given=True)(runtime)
    text = said(runtime)
    assert ended.value.exit_code == 2 and "Prompts" not in text
    assert "does not list model-b" in text and f"{runtime.config_file}:" in text
    with pytest.raises(ConfigError):
        Approval(COMMAND, is_given=True)(replace(runtime, config_file=None))
    assert "distill.teachers.1.model: write model: model-a" in said(runtime)


def test_what_is_paid_is_taken_off_and_a_spent_budget_asks_nothing(ready):
    runtime = ready()
    write_tables(runtime, {ATTEMPTS: [{"attempt_id": "1", "request_id": "r", "cost_usd": Decimal("4.75")}]})
    Approval(COMMAND, is_given=True)(runtime)
    assert "$4.75 of it paid already: it fits" in said(runtime) and "Spending up to $0.25, about $0.1" in said(runtime)

    write_tables(runtime, {ATTEMPTS: [{"attempt_id": "1", "request_id": "r", "cost_usd": Decimal(5)}]})
    Approval(COMMAND, accepts_plan=True)(runtime)
    assert said(runtime).splitlines()[-1] == "The budget is spent: nothing more can be paid."


def test_the_outlook_counts_what_has_not_ended_at_the_plan_s_mean_cost(ready):
    runtime = ready()
    settings, plan = runtime.settings, plan_from_tables(runtime)
    first, second, judged_calls = (one.calls for one in plan.calls)
    assert first + second == judged_calls == 40, "each prompt is counted for the teacher that its hash chooses"
    nothing = find_outlook(plan, CallLedger())
    assert nothing.expected_usd() == plan.expected_usd and nothing.paid_usd() == 0

    some = CallLedger(
        (
            ModelLedger(
                stage="distill",
                provider="test",
                model="model-a",
                answered=4,
                failed={"refused": 1},
                pending=15,
                cost_usd=Decimal("0.9"),
            ),
            ModelLedger(stage="distill", provider="test", model="gone", answered=90, cost_usd=Decimal("0.1")),
            ModelLedger(stage="score", provider="test", model="judge", answered=99, cost_usd=Decimal("0.2")),
        )
    )
    a, b = plan.teachers
    judged = replace(plan.judge_answers, ended=99)
    plan = replace(plan, teachers=[replace(a, ended=5), b], judge_answers=judged)
    outlook = find_outlook(plan, some)
    assert outlook.to_go_usd("distill") == a.expected_usd * (first - 5) / first + b.expected_usd
    assert outlook.to_go_usd("score") == 0  # more was judged than is planned
    assert outlook.expected_usd() == outlook.to_go_usd() + Decimal("1.2")

    console = quiet_console()
    tight = settings.model_copy(update={"budget": settings.budget.model_copy(update={"run_usd": Decimal("1.21")})})
    assert not show_plan(console, tight, plan, "BASIS", ledger=some)
    part = Decimal("0.01") / outlook.to_go_usd()
    assert f"What fits: about {part:.1%} of what has no answer yet; " in console.file.getvalue()


# In the pipeline.


def records(folder):
    rows = [
        {"instruction": f"Explain the number {number} to a child.", "input": "", "output": ""} for number in range(9)
    ]
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_pipeline_asks_once_before_the_first_stage_that_pays_and_its_gates_are_closed_by_then(ready, tmp_path):
    runtime = ready()
    with_key = load_settings(str(runtime.config_file), ["providers.test.api_key_env=PHASE0_NO_SUCH_KEY"])
    runtime = replace(runtime, settings=with_key)
    records(tmp_path)
    asked = []

    def refuse(given):
        done = {row["stage"]: row["status"] for row in latest_runs(given)}
        asked.append((given.lease is not None, done))
        raise StoppedError("no")

    with pytest.raises(StoppedError):
        run_stages(runtime, stages_between(None, "score"), approve=refuse)
    assert asked == [(True, dict.fromkeys(("ingest", "screen", "decontaminate", "deduplicate-prompts"), "done"))]
    assert not runtime.storage.exists(ASSIGNMENTS)
    text = said(runtime)
    assert text.count("PHASE0_NO_SUCH_KEY is not set") == 1 and text.index("NO_SUCH_KEY") < text.index("ingest")

    settings = load_settings(str(paid_config(tmp_path, distill={}, score={})))
    run_stages(replace(runtime, settings=settings), stages_between(None, "score"), approve=refuse)
    assert len(asked) == 1, "nobody is asked where no model is"


@pytest.fixture(scope="module")
def come_to_pay(spark, provider_process, tmp_path_factory):
    """A folder whose run has come to the first stage that pays; none of these tests gets any further."""
    folder = tmp_path_factory.mktemp("come-to-pay")
    records(folder)
    config = paid_config(folder, provider_process.base_url)
    run_stages(open_quietly(config), stages_between(None, "deduplicate-prompts"))
    return folder


def test_a_notebook_is_refused_a_plan_over_the_budget_and_told_how_to_accept_it(come_to_pay, provider):
    provider.behave(models=list(MODELS))
    runtime = open_quietly(paid_config(come_to_pay, provider.base_url, budget={"run_usd": 0.01}))
    with pytest.raises(StoppedError, match=r"build\(runtime, accept_plan=True\)"):
        build(runtime)
    assert not runtime.storage.exists(ASSIGNMENTS) and "OVER BUDGET" in said(runtime)
    assert provider.calls() == []


@pytest.mark.parametrize("stage", ["run", "distill"])
def test_the_command_line_names_itself_in_what_to_type(come_to_pay, provider, capsys, stage):
    provider.behave(models=list(MODELS))
    config = paid_config(come_to_pay, provider.base_url)
    more = ["--to", "distill"] if stage == "run" else []
    with pytest.raises(SystemExit) as ended:
        main([stage, "--config", str(config), *more, "--keep-answers"])
    out = capsys.readouterr()
    assert ended.value.code == 2 and provider.calls() == []
    wanted = f"type: phase0 {' '.join([stage, '--config', str(config), *more])} --keep-answers --yes"
    assert wanted in " ".join(out.err.split()) and "Prompts" in out.out


def test_paid_answers_are_kept_or_bought_anew_and_not_both(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["score", "--config", str(paid_config(tmp_path)), "--keep-answers", "--rebuy"])
    assert ended.value.code == 2 and "one of --keep-answers and --rebuy" in capsys.readouterr().err
