"""What each stage of the whole job costs: `make bench-job ROWS=100000`.

Writes rows of the mission's shape (instructions of 45 and responses of 180 words on average, a fifth of them exact or
near copies) recombined from the sentences of the embedded samples and, where they are, of the real files beside the
repository; runs the pipeline on them in a process of its own and verifies the export in another. A sampler outside
them reads CPU seconds and memory of all their processes from /proc, so nothing that is measured measures.
"""

import argparse
import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from jobs.config.load import load_settings
from jobs.rendering.terminal import figures_table
from jobs.run.run_log import latest_runs
from jobs.workspace.runtime import open_runtime
from tests.support.paths import ROOT, SHARED_DATA

INSTRUCTION_WORDS, RESPONSE_WORDS = 45, 180
COPIES = 0.2
"""Share of the rows that are copies of an earlier one, half of them exact."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_PAGE, _TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
_SAMPLED_SECONDS = 0.5


def sentences() -> list[str]:
    """Sentences of real texts, each once, of 4 to 40 words."""
    files = [*(ROOT / "conf" / "samples").iterdir(), *SHARED_DATA.glob("sources/*/*.json*")]
    found: dict[str, None] = {}
    for file in sorted(files):
        if file.suffix in (".json", ".jsonl", ".gz"):
            with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as handle:
                text = handle.read(4_000_000).decode("utf-8", "replace")
            for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
                for sentence in _SENTENCE.split(re.sub(r"\\.", " ", quoted)):
                    if 4 <= len(sentence.split()) <= 40:
                        found[sentence.strip()] = None
    return list(found)


def job_rows(count: int, stock: Sequence[str], seed: int = 7) -> Iterator[dict[str, str]]:
    """Rows in the shape of Alpaca; the same for the same arguments."""
    chance = random.Random(seed)
    earlier: list[dict[str, str]] = []

    def text(mean: int) -> str:
        wanted, parts, words = max(5, round(chance.lognormvariate(0, 0.5) * (mean - 8) * 0.88)), list[str](), 0
        while words < wanted:
            parts.append(chance.choice(stock))
            words += parts[-1].count(" ") + 1
        return " ".join(parts)

    for _ in range(count):
        if earlier and chance.random() < COPIES:
            row = dict(chance.choice(earlier))
            if chance.random() < 0.5:
                words = row["output"].split(" ")
                words[chance.randrange(len(words))] = "indeed"
                row["output"] = " ".join(words)
        else:
            row = {"instruction": text(INSTRUCTION_WORDS), "input": "", "output": text(RESPONSE_WORDS)}
            if len(earlier) < 50_000:
                earlier.append(row)
        yield row


def write_rows(file: Path, count: int) -> None:
    """Write so many of them as JSONL."""
    with file.open("w", encoding="utf-8") as handle:
        for row in job_rows(count, sentences()):
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Sample:
    """All processes of a command at one moment."""

    at: float
    """Seconds since the epoch."""
    cpu: float
    """Seconds, with those of processes that have ended and were waited for."""
    bytes: int


def measured(command: Sequence[str], log: Path) -> tuple[int, list[Sample]]:
    """Run a command and sample it and what it has started until it ends."""
    samples: list[Sample] = []
    with log.open("ab") as handle:
        process = subprocess.Popen(command, stdout=handle, stderr=handle, cwd=ROOT)
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(_SAMPLED_SECONDS):
                samples.append(_sample(process.pid))

        sampler = threading.Thread(target=look)
        samples.append(_sample(process.pid))
        sampler.start()
        code = process.wait()
        ended.set()
        sampler.join()
    return code, samples


def _sample(root: int) -> Sample:
    stats = dict(filter(None, map(_stat, (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()))))
    family = {root}
    while more := {pid for pid, stat in stats.items() if int(stat[1]) in family} - family:
        family |= more
    own = [stats[pid] for pid in family if pid in stats]
    cpu = sum(int(ticks) for stat in own for ticks in stat[11:15]) / _TICK
    return Sample(time.time(), cpu, sum(int(stat[21]) for stat in own) * _PAGE)


def _stat(pid: int) -> tuple[int, list[str]] | None:
    """Fields of /proc/PID/stat from the state on; the name before it may hold anything."""
    try:
        return pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return None


def cost(samples: Sequence[Sample], start: float, end: float) -> tuple[float, int]:
    """CPU seconds and peak memory between two moments."""
    inside = [one for one in samples if start - _SAMPLED_SECONDS <= one.at <= end + _SAMPLED_SECONDS]
    if not inside:
        return 0.0, 0
    return max(one.cpu for one in inside) - inside[0].cpu, max(one.bytes for one in inside)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--heap", default="4g")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="phase0-job-") as name:
        folder = Path(name)
        data, log = folder / "rows.jsonl", folder / "log"
        write_rows(data, given.rows)
        workspace = folder / "workspace"
        config = {
            "workspace": str(workspace),
            "sources": [{"name": "rows", "path": str(data), "format": "alpaca", "licence": "Apache-2.0"}],
            "spark": {"driver_memory": given.heap},
        }
        (folder / "job.yaml").write_text(yaml.safe_dump(config))
        phase0 = [sys.executable, "-m", "jobs.cli"]
        code, samples = measured([*phase0, "run", "--config", str(folder / "job.yaml")], log)
        if not (workspace / "output" / "dataset.jsonl").is_file():
            sys.exit(f"the run ended with {code}:\n{log.read_text()[-3000:]}")
        verified, more = measured([*phase0, "verify", "--input", str(workspace / "output" / "dataset.jsonl")], log)
        table = figures_table(f"{given.rows:,} rows, {data.stat().st_size / 1e6:,.0f} MB", *_COLUMNS, texts=1)
        runtime = open_runtime(load_settings(str(folder / "job.yaml")), Console(quiet=True))
        for row in latest_runs(runtime):
            start = row["started_at"].timestamp()
            _add(table, row["stage"], row["rows_in"], row["seconds"], cost(samples, start, start + row["seconds"]))
        whole = samples[-1].at - samples[0].at
        _add(table, "the whole run", given.rows, whole, cost(samples, 0, samples[-1].at))
        seconds = more[-1].at - more[0].at
        _add(table, f"verify (exit {verified})", given.rows, seconds, cost(more, 0, more[-1].at))
        Console(width=120).print(table)


_COLUMNS = ("stage", "rows in", "seconds", "rows/s", "CPU s", "us CPU/row", "peak GB, all processes")


def _add(table: Table, name: str, rows: int, seconds: float, spent: tuple[float, int]) -> None:
    cpu, peak = spent
    per_row = 1e6 * cpu / rows if rows else 0
    cells = (
        f"{rows:,}",
        f"{seconds:,.1f}",
        f"{rows / seconds:,.0f}",
        f"{cpu:,.1f}",
        f"{per_row:,.0f}",
        f"{peak / 1e9:.2f}",
    )
    table.add_row(name, *cells)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
