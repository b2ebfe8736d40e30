"""Each stage, killed in each way, and gone on: the data set's bytes are those of an undisturbed run.

`python -m tests.support.kill_matrix --kills 200` draws cells of stage x way at random, each at a random moment of its
stage, and prints a table. Nothing that was in the journal when a run died may be paid for again.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from jobs import pipeline
from jobs.ledger.settle import open_journals
from jobs.pipeline import stages_between
from jobs.run.run_stages import run_stages
from jobs.workspace.session import THROUGH_DRIVER
from tests.support.demo import demo_conf
from tests.support.kills import below, processes
from tests.support.paid import copy_prepared, open_paid, prompts, write_config
from tests.support.paths import ROOT
from tests.support.provider_process import ProviderProcess
from tests.support.small_disk import can_mount, fill, mounted
from udfs.llm.journal_reader import journal_records

STAGES = tuple(stage.name for stage in pipeline.STAGES)
WAYS = ("group", "worker", "executor", "SIGINT", "SIGTERM", "disk", "power")
"""SIGKILL of the process group; of a Python worker at work; of an executor's JVM; a signal to the group; a disk that
fills up; SIGKILL of the group between writing a file and giving it its name."""
PAYS = {"distill": ("model-a", "model-b"), "score": ("judge-1",)}
"""Stage -> the models that it asks."""
IN_FLIGHT = 8
_LATENCY = 0.5
_SURVIVED = ("worker", "executor")
"""Spark runs the task again, and the run goes on."""
# A verification may find fault with so small a data set, which is code 1 after all stages are done.
_CODES = {**dict.fromkeys(WAYS, (3,)), "group": (-9,), "power": (-9,), "worker": (0, 1), "executor": (0, 1)}
"""How a run ends that was hit."""
_LAST_LINE = "status report:"
"""Of a run that came to its end."""
_DISK = "64m"
_BALLAST = "ballast"
_SLOWEST = 900.0


@dataclass(frozen=True)
class Kill:
    """What came of one cell."""

    stage: str
    way: str
    was_hit: bool
    """Whether it struck before the run had ended by itself; a stage may have no Python worker or no rename."""
    code: int
    """How the run ended that was hit; negative: by that signal."""
    is_same: bool
    """The bytes of the data set are those of the undisturbed run."""
    paid_again: int
    """Calls for what was answered in the journal when it was hit: must be none."""
    paid_twice: int
    """Requests that were paid for twice: at most those in flight."""
    last_line: str

    @property
    def is_sound(self) -> bool:
        """Whether every promise was kept."""
        is_told = not self.was_hit or self.code in _CODES[self.way]
        return is_told and self.is_same and not self.paid_again and self.paid_twice <= IN_FLIGHT


class Matrix:
    """Snapshots of one workspace before each stage, made by an undisturbed run, and the bytes that came of it."""

    def __init__(self, folder: Path, provider: ProviderProcess, rows: int) -> None:
        self._folder, self._provider = folder, provider
        provider.behave(latency_seconds=0.02, answer_words=12)
        self._rows = rows
        self._snapshots: dict[str, Path] = {}
        base = folder / "base"
        base.mkdir(parents=True)
        # As in runs of many rows, where Spark writes the files: more steps to die between.
        conf = {**demo_conf(), THROUGH_DRIVER: "false", "spark.executorEnv.PYTHONPATH": str(ROOT)}
        spark = {"master": "local[2]", "driver_memory": "1g", "shuffle_partitions": 2, "conf": conf}
        calls = {"concurrency": IN_FLIGHT // 2, "max_wait_seconds": 5, "lease_seconds": 4, "grace_seconds": 2}
        config = write_config(base, provider, prompts(rows), spark=spark, calls=calls, targets={})
        runtime = open_paid(config)
        for stage in STAGES:
            self._snapshots[stage] = folder / f"before-{stage}"
            shutil.copytree(base, self._snapshots[stage])
            run_stages(runtime, stages_between(stage, stage), approve=lambda _: None)
        self.expected = _sha256(base)

    def kill(self, stage: str, way: str, chance: random.Random, *, at_once: bool = False) -> Kill:
        """Run on from before the stage, strike once it has begun, and go on to the end.

        Args:
            stage: that is struck, or one after it where it is short.
            way: one of `WAYS`.
            chance: when: after so many calls where it asks models, within two seconds where it does not.
            at_once: when it begins instead, which no machine is too quick for; after some calls where it asks models.
        """
        folder = self._folder / f"{stage}-{way}-{chance.getrandbits(32):08x}"
        with mounted(folder, f"size={_DISK}") if way == "disk" else _plain(folder):
            try:
                return self._kill(stage, way, chance, folder / "copy", at_once=at_once)
            finally:
                shutil.rmtree(folder / "copy", ignore_errors=True)

    def _kill(self, stage: str, way: str, chance: random.Random, folder: Path, *, at_once: bool) -> Kill:
        spark = yaml.safe_load((self._snapshots[stage] / "paid.yaml").read_text())["spark"]
        masters = {"worker": "local[2,4]", "executor": "local-cluster[2,1,1024]"}
        own = {**spark["conf"], "spark.executor.memory": "512m"}
        sections = {"spark": {**spark, "conf": own, "master": masters.get(way, spark["master"])}}
        config = copy_prepared(self._snapshots[stage], folder, **sections)
        self._provider.behave(latency_seconds=_LATENCY, answer_words=12)
        process = _start(config, "tests.support.power_cut" if way == "power" else "jobs.cli")
        log = folder / "run.log"
        _wait(lambda: f"\n{stage}:" in f"\n{log.read_text()}" or process.poll() is not None)
        if stage in PAYS:
            models, fatal = PAYS[stage], chance.randint(1, self._rows // 2)
            _wait(lambda: self._count(models) >= fatal or process.poll() is not None)
        elif not at_once:
            time.sleep(chance.uniform(0.0, 2.0))
        was_struck = process.poll() is None and _strike(way, process.pid, folder)
        workspace = str(folder / "workspace")
        answered = _answered(workspace)
        before = len(self._provider.calls())
        code = process.wait(_SLOWEST)
        last = (log.read_text().splitlines() or [""])[-1]
        (folder / _BALLAST).unlink(missing_ok=True)
        if code:
            _finish(config)
        calls = self._provider.calls()
        paid = Counter((call.model, call.token) for call in calls if call.is_paid)
        again = {(call.model, call.token) for call in calls[before:] if call.is_paid}
        known = _keys(workspace, answered)
        has_ended = last.startswith(_LAST_LINE)
        return Kill(
            stage,
            way,
            was_struck and not (has_ended and way not in _SURVIVED),
            code,
            _sha256(folder) == self.expected,
            len(again & known),
            sum(count - 1 for count in paid.values()),
            last[:160],
        )

    def _count(self, models: Sequence[str]) -> int:
        return sum(call.model in models for call in self._provider.calls())


def _strike(way: str, root: int, folder: Path) -> bool:
    if way in ("SIGINT", "SIGTERM", "group"):
        os.killpg(root, {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}.get(way, signal.SIGKILL))
    elif way == "power":
        os.kill(root, signal.SIGUSR1)
    elif way == "disk":
        fill(folder)
    else:
        find = _busy_workers if way == "worker" else _executors
        deadline = time.monotonic() + 10
        while not (victims := find(root)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not victims:
            return False
        os.kill(victims[0], signal.SIGKILL)
    return True


def _busy_workers(root: int) -> list[int]:
    """Python workers that have computed within the last fifth of a second, the busiest first."""
    family = below(root)
    daemons = {one for one, command in family.items() if "pyspark.worker" in command}
    workers = [one for one, parent, _ in processes() if parent in daemons and one in family]
    before = {one: _ticks(one) for one in workers}
    time.sleep(0.2)
    spent = {one: _ticks(one) - ticks for one, ticks in before.items()}
    return sorted((one for one, ticks in spent.items() if ticks > 0), key=lambda one: -spent[one])


def _ticks(process: int) -> int:
    try:
        fields = Path(f"/proc/{process}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0
    return int(fields[11]) + int(fields[12])


def _executors(root: int) -> list[int]:
    family = below(root).items()
    return [one for one, command in family if "CoarseGrainedExecutorBackend" in command and "java" in command]


def _start(config: Path, module: str) -> "subprocess.Popen[bytes]":
    with (config.parent / "run.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, "run", "--yes", "--config", str(config)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _finish(config: Path) -> None:
    """Run to the end; a lease that has to expire is waited for by the run itself."""
    command = [sys.executable, "-m", "jobs.cli", "run", "--yes", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_SLOWEST)
    if done.returncode not in (0, 1) or not (config.parent / "workspace/output/dataset.jsonl").exists():
        told = (done.stdout + done.stderr)[-3_000:]
        raise AssertionError(f"the run did not come to its end ({done.returncode}):\n{told}")


def _answered(workspace: str) -> set[str]:
    return {
        record["request_id"]
        for journal in open_journals(workspace)
        for record in journal_records(journal)
        if record["kind"] == "response"
    }


def _keys(workspace: str, requests: set[str]) -> set[tuple[str, str]]:
    """Model and token of requests, read from the table without a session."""
    import pyarrow.dataset as ds

    files = [str(path) for path in Path(workspace, "tables", "requests").glob("*.parquet")]
    rows = ds.dataset(files).to_table(columns=["request_id", "model", "messages_json"]).to_pylist() if files else []
    return {(row["model"], row["messages_json"].split("#")[1]) for row in rows if row["request_id"] in requests}


def _sha256(folder: Path) -> str:
    return hashlib.sha256((folder / "workspace/output/dataset.jsonl").read_bytes()).hexdigest()


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SLOWEST
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError("the stage did not begin")
        time.sleep(0.05)


@contextmanager
def _plain(folder: Path) -> Iterator[None]:
    folder.mkdir()
    yield


def ways_here() -> tuple[str, ...]:
    """The ways that this user can try: not everybody can mount a small disk."""
    with tempfile.TemporaryDirectory() as folder:
        return WAYS if can_mount(Path(folder)) else tuple(way for way in WAYS if way != "disk")


def _cell(text: str) -> tuple[str, str]:
    stage, _, way = text.rpartition("-")
    if stage not in STAGES or way not in WAYS:
        raise argparse.ArgumentTypeError(f"{text} is no STAGE-WAY of {', '.join(STAGES)} and {', '.join(WAYS)}")
    return stage, way


def cells(kills: int, ways: Sequence[str], chance: random.Random) -> list[tuple[str, str]]:
    """Stages and ways to try: every cell once in a random order, then over again."""
    every = [(stage, way) for stage in STAGES for way in ways]
    drawn: list[tuple[str, str]] = []
    while len(drawn) < kills:
        drawn += chance.sample(every, len(every))
    return drawn[:kills]


def table(kills: Sequence[Kill]) -> str:
    """Stage x way: kills that hit, of those tried; `!` where a promise was broken."""
    ways = [way for way in WAYS if any(kill.way == way for kill in kills)]
    lines = [f"| stage | {' | '.join(ways)} |", f"|---|{'---:|' * len(ways)}"]
    for stage in STAGES:
        row: list[str] = []
        for way in ways:
            cell = [kill for kill in kills if (kill.stage, kill.way) == (stage, way)]
            broken = "" if all(kill.is_sound for kill in cell) else " !"
            row.append(f"{sum(kill.was_hit for kill in cell)} of {len(cell)}{broken}" if cell else "")
        lines.append(f"| {stage} | {' | '.join(row)} |")
    return "\n".join(lines)


def main() -> None:
    """`make soak`: so many kills, and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10**6, help="begin no further kill after so long")
    parser.add_argument("--cell", type=_cell, action="append", help="STAGE-WAY, instead of chance; repeatable")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    until = time.monotonic() + 60 * asked.minutes
    done: list[Kill] = []
    with tempfile.TemporaryDirectory() as folder, ProviderProcess() as provider:
        matrix = Matrix(Path(folder) / "matrix", provider, asked.rows)
        print(f"undisturbed: sha256 {matrix.expected}", flush=True)
        for stage, way in asked.cell or cells(asked.kills, ways_here(), chance):
            if time.monotonic() > until:
                break
            done.append(matrix.kill(stage, way, chance))
            print(done[-1], flush=True)
    print(table(done))
    hit, broken = sum(kill.was_hit for kill in done), sum(not kill.is_sound for kill in done)
    print(f"{len(done)} kills, {hit} hit, {broken} broke a promise")
    sys.exit(any(not kill.is_sound for kill in done))


if __name__ == "__main__":
    main()
