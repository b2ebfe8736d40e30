"""What the commands share: their options, the terminal, and the way from options to a runtime."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from jobs.config.load import find_config, load_settings
from jobs.config.settings import Settings
from jobs.run.small_files import for_small_files
from jobs.workspace.runtime import Runtime, Stage, open_runtime
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from jobs.budget.approval import Approval

console = Console()

Config = Annotated[
    str, typer.Option("--config", "-c", help="YAML file, or a shipped one: demo, public, reference, current")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="override a setting: --set select.min_score=7.5; repeatable")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="show what Spark and Java print")]
Offline = Annotated[bool, typer.Option("--offline", help="download nothing; as HF_HUB_OFFLINE=1")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="pay up to the caps of `budget` without asking")]
AcceptPlan = Annotated[
    bool, typer.Option("--accept-plan", help="begin although more is expected than a cap allows; the caps hold")
]
KeepAnswers = Annotated[
    bool, typer.Option("--keep-answers", help="use paid answers that a changed configuration would ask anew")
]
Rebuy = Annotated[bool, typer.Option("--rebuy", help="pay anew for what a changed configuration asks otherwise")]
DEFAULT_CONFIG = "phase0.yaml"


def settings_of(config: str, overrides: Sequence[str] | None, limit: int | None = None) -> Settings:
    """The settings that the options name; `limit` is that of `ingest`."""
    extra = [f"ingest.limit={limit}"] if limit else []
    return load_settings(config, [*(overrides or []), *extra])


def offline_override(offline: bool) -> list[str]:
    """The override that `--offline` stands for."""
    return ["downloads.offline=true"] if offline else []


def no_wait_override(no_wait: bool) -> list[str]:
    """The override that `--no-wait` stands for."""
    return ["calls.batch.wait=false"] if no_wait else []


def runtime_of(
    config: str,
    overrides: Sequence[str] | None,
    verbose: bool,
    limit: int | None = None,
    stages: Sequence[Stage] = (),
) -> Runtime:
    """A runtime with the settings that the options name, on the terminal's console.

    What the stages that are about to run refuse in the settings is refused before Spark is started.
    """
    settings = settings_of(config, overrides, limit)
    for stage in stages:
        stage.check(settings)
    runtime = open_runtime(for_small_files(settings), console, verbose=verbose)
    return replace(runtime, config_file=find_config(config))


def paid_overrides(keep_answers: bool, rebuy: bool) -> list[str]:
    """The override that `--keep-answers` or `--rebuy` stands for.

    Raises:
        ConfigError: both are given.
    """
    if keep_answers and rebuy:
        raise ConfigError("give one of --keep-answers and --rebuy: paid answers are either used or bought anew")
    return [f"calls.paid_answers={'keep' if keep_answers else 'rebuy'}"] if keep_answers or rebuy else []


def approval_of(context: typer.Context, yes: bool, accept_plan: bool) -> "Approval":
    """What the options say about spending, and the command to repeat in messages."""
    from jobs.budget.approval import Approval  # whoever only looks pays nothing

    command = shlex.join(["phase0", *(context.obj or [])])
    return Approval(command, is_given=yes, accepts_plan=accept_plan)
