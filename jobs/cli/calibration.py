"""The command that compares a scorer with people."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from jobs.answers.specs import judge_spec
from jobs.calibration.calibrate import print_calibration, read_wanted, run_calibration, settings_for
from jobs.models.preflight import preflight, print_findings
from jobs.run.leased import leased
from jobs.run.options import DEFAULT_CONFIG, Config, Overrides, Verbose, Yes, runtime_of
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError, StoppedError
from udfs.scoring.heuristic import HEURISTIC

commands: typer.Typer = typer.Typer()


@commands.command()
def calibrate(
    labels: Annotated[
        list[Path],
        typer.Option(
            "--labels",
            help="what people say: pairs as of LLMBar, MT-bench, PandaLM or AlpacaEval, chosen and rejected, "
            "OpenAssistant's quality, graded answers, a filled-in review sheet; may be given several times",
        ),
    ],
    scorer: Annotated[
        Literal["heuristic", "judge", "distilled"] | None,
        typer.Option(help="default: the score.kind of the configuration"),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="labels taken of each file; default all")] = None,
    sample: Annotated[int, typer.Option(min=1, help="texts that a judge is asked about again")] = 200,
    asks: Annotated[int, typer.Option(min=1, max=20, help="times that it is asked about them; 1: once")] = 3,
    yes: Yes = False,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Compare the scorer with what people say of answers, and a judge with itself; what it finds is kept and shown."""
    runtime = runtime_of(config, overrides, verbose)
    settings = settings_for(runtime.settings, scorer)
    wanted = read_wanted(labels, settings, limit, sample, asks)
    runtime = replace(runtime, settings=settings)
    if settings.score.kind == HEURISTIC:
        rows, warnings = run_calibration(runtime, settings, wanted)
    else:
        if settings.score.kind == "judge":
            _approve(runtime, wanted.calls, yes)
        with leased(runtime) as owner:
            rows, warnings = run_calibration(owner, settings, wanted)
    print_calibration(runtime.progress.console, settings, rows)
    for warning in warnings:
        runtime.progress.line(warning, style="yellow")


def _approve(runtime: Runtime, calls: int, yes: bool) -> None:
    """Let paid calls be made, or not.

    Raises:
        ConfigError: the judge is not ready, or a yes is needed and there is nobody to ask.
        StoppedError: the answer was no.
    """
    console, settings = runtime.progress.console, runtime.settings
    if print_findings(console, preflight(settings, runtime.config_file, os.environ)):
        raise ConfigError("a model is not ready to be asked; what to change is listed above. Nothing was paid")
    cap = settings.budget.run_usd
    limit = "no budget is set" if cap is None else f"the budget of the run, ${cap:,.2f}, holds"
    runtime.progress.line(f"{settings.score.name} is to be asked {calls:,} times, less what it has answered; {limit}")
    judge = judge_spec(settings)
    if yes or (judge is not None and judge.endpoint.is_free):
        return
    if not sys.stdin.isatty():
        raise ConfigError("this is paid for and there is nobody to ask; type --yes to agree beforehand")
    if not typer.confirm("Go on?", default=False):
        raise StoppedError("not begun; nothing was paid")
