"""Kill a run that pays at a random moment, go on, and count what was paid twice.

`python -m tests.support.kills --times 10`

Three ways to die: the driver; a Python worker, whose task Spark runs again; an executor's JVM, whose tasks run again on
another. Whatever dies, an answer that is in the journal is never paid for again, and a call in flight at most once.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from jobs.ledger.settle import open_journals
from tests.support.demo import demo_conf
from tests.support.paid import copy_prepared, open_paid, prepare, prompts
from tests.support.paths import ROOT
from tests.support.provider_process import ProviderProcess
from udfs.llm.journal_reader import journal_records

IN_FLIGHT = 16
LATENCY = 0.4
# Plain local never runs a task again, and a JVM can only be killed where the driver is another.
MASTERS: Mapping[str, str] = {"driver": "local[2]", "worker": "local[2,4]", "executor": "local-cluster[2,1,1024]"}
_SLOWEST_START = 300.0


@dataclass(frozen=True)
class Kill:
    """What one kill cost."""

    kind: str
    calls_before: int
    answered_before: int
    """That were in the journal when it fell."""
    paid_again: int
    """Calls that were paid for although their prompt was answered in the journal: must be none."""
    paid_twice: int
    """Prompts that were paid for twice: at most the calls in flight."""


def processes() -> Iterator[tuple[int, int, str]]:
    """Process id, parent and command line of all processes (Linux)."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except (OSError, IndexError):
                continue  # it has just ended
            yield int(folder.name), parent, command


def below(root: int) -> dict[int, str]:
    """Process id -> command of all that descend from a process."""
    everything = list(processes())
    found, grown = {root: ""}, True
    while grown:
        grown = False
        for process, parent, command in everything:
            if parent in found and process not in found:
                found[process], grown = command, True
    return found


def _victims(kind: str, root: int) -> list[int]:
    if kind == "driver":
        return [root]
    family = below(root)
    if kind == "executor":
        return [
            one for one, command in family.items() if "CoarseGrainedExecutorBackend" in command and "java" in command
        ]
    daemons = {one for one, command in family.items() if "pyspark.worker" in command}
    return [one for one, parent, _ in processes() if parent in daemons and one in family]


def kill_and_go_on(kind: str, prepared: Path, provider: ProviderProcess, folder: Path, chance: random.Random) -> Kill:
    """Start a run on a copy of a prepared workspace, kill what `kind` says, and run it to its end.

    Args:
        kind: driver, worker or executor.
        prepared: folder with `paid.yaml` and a workspace as far as the first deduplication.
        provider: that is paid.
        folder: for the copy.
        chance: when it dies, and who.
    """
    config, rows = _copy(prepared, folder, MASTERS[kind])
    provider.behave(latency_seconds=LATENCY, answer_words=12)
    process = _start(config)
    fatal = chance.randint(rows // 5, rows * 4 // 5)
    _wait(lambda: provider.summary()["calls"] >= fatal or process.poll() is not None, "no calls came")
    os.kill(chance.choice(_victims(kind, process.pid)), signal.SIGKILL)
    workspace = str(config.parent / "workspace")
    answered = {
        record["request_id"]
        for journal in open_journals(workspace)
        for record in journal_records(journal)
        if record["kind"] == "response"
    }
    before = len(provider.calls())
    if kind == "driver":
        process.wait()
        process = _start(config)
    if process.wait(_SLOWEST_START):
        raise AssertionError(f"after the death of the {kind} the run did not come to its end")
    calls = [call for call in provider.calls() if call.is_paid]
    paid = Counter(call.token for call in calls)
    assert len(paid) == rows, f"{rows - len(paid)} prompts were never answered"
    again = {call.token for call in calls[before:]} & _tokens(workspace, answered)
    return Kill(kind, before, len(answered), len(again), sum(count - 1 for count in paid.values()))


def _copy(prepared: Path, folder: Path, master: str) -> tuple[Path, int]:
    calls = yaml.safe_load((prepared / "paid.yaml").read_text())["calls"]
    own = {"spark.executor.memory": "512m", "spark.executorEnv.PYTHONPATH": str(ROOT)}
    conf = {**demo_conf(), **own}
    spark = {"master": master, "driver_memory": "1g", "shuffle_partitions": 2, "conf": conf}
    config = copy_prepared(prepared, folder, calls={**calls, "concurrency": IN_FLIGHT // 2}, spark=spark)
    return config, len((folder / "prompts.jsonl").read_text().splitlines())


def _start(config: Path) -> "subprocess.Popen[bytes]":
    log = (config.parent / "run.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.paid_process", str(config)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _wait(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _SLOWEST_START
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(otherwise)
        time.sleep(0.05)


def _tokens(workspace: str, requests: set[str]) -> set[str]:
    """Tokens of requests, read from the table without a session."""
    import pyarrow.dataset as ds

    files = [str(path) for path in Path(workspace, "tables", "requests").glob("*.parquet")]
    rows = ds.dataset(files).to_table(columns=["request_id", "messages_json"]).to_pylist()
    return {row["messages_json"].split("#")[1] for row in rows if row["request_id"] in requests}


def main() -> None:
    """`make soak`: so many kills of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=sorted(MASTERS), action="append")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder, ProviderProcess() as provider:
        prepared = Path(folder) / "prepared"
        prepared.mkdir()
        prepare(prepared, provider, prompts(asked.rows))
        open_paid(prepared / "paid.yaml").spark.stop()
        for kind in asked.kind or MASTERS:
            for number in range(asked.times):
                kill = kill_and_go_on(kind, prepared, provider, Path(folder) / f"{kind}-{number}", chance)
                print(kill, flush=True)
                assert not kill.paid_again and kill.paid_twice <= IN_FLIGHT


if __name__ == "__main__":
    main()
