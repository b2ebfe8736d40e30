"""A finished run of the embedded sample, shared by the tests."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from jobs.config.load import load_settings
from jobs.run.small_files import for_small_files
from jobs.workspace.runtime import Runtime, open_runtime


class DemoRun(NamedTuple):
    """What one run of the demo gave: its runtime, the stages' results, the exit code, what the terminal showed."""

    runtime: Runtime
    results: Sequence[Any]
    exit_code: int
    shown: str

    @property
    def workspace(self) -> Path:
        return Path(self.runtime.settings.workspace)


def demo_conf() -> dict[str, str]:
    """The settings of Spark that a run of the demo has."""
    return dict(for_small_files(load_settings("demo")).spark.conf)


def open_quietly(config: str | Path, *overrides: str) -> Runtime:
    """Open a runtime that records what it prints, on a wide console: what is printed is part of what is tested."""
    console = Console(record=True, width=200, file=io.StringIO())
    return open_runtime(for_small_files(load_settings(str(config), overrides)), console)
