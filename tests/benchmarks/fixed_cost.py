"""What a small run costs, however few its rows: SQL executions, jobs, tasks, commits and CPU seconds of each stage.

Runs the demo with the event log of Spark on, and once more with nothing to do. A sampler outside reads the CPU seconds
of all processes from /proc. What a stage wrote is validated while the next one runs, so that cost stands with the next.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from jobs.config.load import load_settings
from jobs.rendering.terminal import figures_table
from jobs.run.run_log import latest_runs
from jobs.workspace.runtime import open_runtime
from tests.benchmarks.job import Sample, cost, measured
from tests.support.paths import ROOT

_SQL = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
_COUNTED = {_SQL: "executions", "SparkListenerJobStart": "jobs", "SparkListenerTaskEnd": "tasks"}
_COLUMNS = ("stage", "seconds", "CPU s", "executions", "jobs", "tasks", "commits")


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """What Spark wrote to its event log, in order."""
    for file in sorted(folder.rglob("events_*")):
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def moments(found: Iterator[dict[str, Any]]) -> list[tuple[str, float]]:
    """What happened and when, in seconds since the epoch."""
    kept = []
    for event in found:
        kind = _COUNTED.get(event["Event"])
        if kind is not None:
            at = event.get("time") or event.get("Submission Time") or event["Task Info"]["Finish Time"]
            kept.append((kind, at / 1000))
    return kept


def commits(workspace: Path) -> list[tuple[str, float]]:
    """The commits of all tables, and when each was made."""
    return [("commits", file.stat().st_mtime) for file in workspace.glob("tables/*/_delta_log/*.json")]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default=str(ROOT / "conf" / "demo.yaml"))
    parser.add_argument("--keep", type=Path, help="folder that keeps workspace and event log; it must be empty")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="phase0-fixed-") as name:
        folder = (given.keep or Path(name)).absolute()
        (folder / "events").mkdir(parents=True)
        config = yaml.safe_load(Path(given.config).read_text("utf-8"))
        for source in config["sources"]:
            paths = [source["path"]] if isinstance(source["path"], str) else source["path"]
            source["path"] = [str(Path(given.config).parent / path) for path in paths]
        spark = config.setdefault("spark", {})
        spark["conf"] = spark.get("conf", {}) | {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": (folder / "events").as_uri(),
        }
        workspace, log, file = folder / "workspace", folder / "log", folder / "fixed.yaml"
        file.write_text(yaml.safe_dump(config | {"workspace": str(workspace)}))
        run = [sys.executable, "-m", "jobs.cli", "run", "--config", str(file)]
        code, samples = measured(run, log)
        if code:
            sys.exit(f"the run ended with {code}:\n{log.read_text()[-3000:]}")
        again, more = measured(run, log)
        happened = [*moments(events(folder / "events")), *commits(workspace)]
        table = figures_table(f"{Path(given.config).name}", *_COLUMNS, texts=1)
        end = samples[0].at
        for row in latest_runs(open_runtime(load_settings(str(file)), Console(quiet=True))):
            start, end = end, row["started_at"].timestamp() + row["seconds"]
            table.add_row(row["stage"], *_cells(samples, happened, start, end))
        table.add_row("the rest", *_cells(samples, happened, end, samples[-1].at))
        table.add_row("the whole run", *_cells(samples, happened, 0, time.time()))
        table.add_row(f"again (exit {again})", *_cells(more, (), 0, time.time()))
        Console(width=120).print(table)


def _cells(
    samples: Sequence[Sample], happened: Sequence[tuple[str, float]], start: float, end: float
) -> tuple[str, ...]:
    counts = Counter(kind for kind, at in happened if start <= at < end)
    inside = [one.at for one in samples if start <= one.at <= end]
    seconds = inside[-1] - inside[0] if inside else 0
    return f"{seconds:,.1f}", f"{cost(samples, start, end)[0]:,.1f}", *(f"{counts[name]:,}" for name in _COLUMNS[3:])


if __name__ == "__main__":
    main()
