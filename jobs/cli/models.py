"""Commands about models: ask one, check all that a configuration names, count what they would cost."""

import os
import sys
from typing import Annotated

import typer

from jobs.budget.plan import find_plan
from jobs.budget.report import show_plan
from jobs.config.load import find_config
from jobs.models.ask import ask as ask_teacher
from jobs.models.ask import find_teacher, local_teacher, show_answer
from jobs.models.preflight import preflight as check_models
from jobs.models.preflight import print_findings
from jobs.run.options import (
    DEFAULT_CONFIG,
    Config,
    KeepAnswers,
    Overrides,
    Rebuy,
    Verbose,
    Yes,
    approval_of,
    console,
    paid_overrides,
    runtime_of,
    settings_of,
)
from jobs.run.probe import run_probe
from jobs.workspace.runtime import open_runtime
from schemas.errors import ConfigError

Probe = Annotated[
    int | None,
    typer.Option("--probe", min=1, metavar="N", help="have N prompts answered and judged first, and measure; kept"),
]
commands: typer.Typer = typer.Typer()


@commands.command()
def ask(
    teacher: Annotated[str, typer.Argument(help="a teacher of the config, a model, or provider/model")],
    prompt: Annotated[list[str], typer.Argument(metavar="PROMPT", help="- reads it from the input")],
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="ask the model TEACHER of a server without a key, up to /v1")
    ] = None,
    system: Annotated[str | None, typer.Option(help="system prompt")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="room for the answer")] = None,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
) -> None:
    """Ask one question; print answer, tokens and cost: phase0 ask gpt-6-luna "Why is the sky blue?"."""
    if base_url is not None:
        asked = local_teacher(base_url, teacher)
    else:
        asked = find_teacher(teacher, config, overrides or (), is_default=config == DEFAULT_CONFIG)
    text = sys.stdin.read() if prompt == ["-"] else " ".join(prompt)
    answer = ask_teacher(asked, text, os.environ, system=system, max_tokens=max_tokens)
    show_answer(console, asked, answer)


@commands.command()
def preflight(config: Config = DEFAULT_CONFIG, overrides: Overrides = None) -> None:
    """Check key, model, shutdown date, schema and clock of every model a configuration asks; costs nothing."""
    settings = settings_of(config, overrides)
    raise typer.Exit(print_findings(console, check_models(settings, find_config(config), os.environ)))


@commands.command()
def plan(
    context: typer.Context,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    accept_plan: Annotated[bool, typer.Option("--accept-plan", help="over the budget is no failure")] = False,
    probe: Probe = None,
    yes: Yes = False,
    keep_answers: KeepAnswers = False,
    rebuy: Rebuy = False,
    verbose: Verbose = False,
) -> None:
    """Count rows, tokens and dollars of every teacher and the judge, before any call; writes nothing by itself."""
    if probe is None and (yes or keep_answers or rebuy):
        raise ConfigError("--yes, --keep-answers and --rebuy are about calls, and without --probe N a plan makes none")
    if probe is not None:
        runtime = runtime_of(config, [*(overrides or []), *paid_overrides(keep_answers, rebuy)], verbose)
        run_probe(runtime, probe, approval_of(context, yes, accept_plan))
        settings = runtime.settings
        counted, basis, ledger = find_plan(settings, lambda: runtime)
    else:
        settings = settings_of(config, overrides)
        counted, basis, ledger = find_plan(
            settings, lambda: open_runtime(settings, console, verbose=verbose, reads_only=True)
        )
    if not show_plan(console, settings, counted, basis, ledger=ledger) and not accept_plan:
        raise typer.Exit(3)
