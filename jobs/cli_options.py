"""What the commands share: their options, the terminal, and the way from options to a runtime."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from jobs.launch import open_runtime
from jobs.load_settings import load_settings
from jobs.runtime import Runtime
from jobs.settings import Settings

console = Console()
errors = Console(stderr=True)

Config = Annotated[
    str, typer.Option("--config", "-c", help="YAML file, or a shipped one: demo, public, reference, current")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="override a setting: --set select.min_score=7.5; repeatable")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="show what Spark and Java print")]
Offline = Annotated[bool, typer.Option("--offline", help="download nothing; as HF_HUB_OFFLINE=1")]
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


def runtime_of(config: str, overrides: Sequence[str] | None, verbose: bool, limit: int | None = None) -> Runtime:
    """A runtime with the settings that the options name, on the terminal's console."""
    return open_runtime(settings_of(config, overrides, limit), console, verbose=verbose)
