"""The same bytes wherever a run takes place: `python -m tests.benchmarks.same_bytes --rows 20000`.

One source of the mission's shape is built into a data set with 1, 2 and 7 partitions (the last with other splits and
batches too), on a standalone cluster of two workers, and through Spark Connect. Each run is a process of its own.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml
from rich.console import Console

from jobs.rendering.terminal import figures_table
from tests.benchmarks.job import write_rows
from tests.support.paths import ROOT
from tests.support.standalone_cluster import standalone_cluster

_OTHER_SPLITS = {
    "spark.sql.files.maxPartitionBytes": "1000000b",
    "spark.sql.files.openCostInBytes": "1b",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "997",
}
_EXECUTORS = {"spark.executor.memory": "1g", "spark.executor.cores": "1", "spark.executorEnv.PYTHONPATH": str(ROOT)}


class Place(NamedTuple):
    """Where and how a run takes place."""

    title: str
    spark: Mapping[str, object]
    """The section `spark` of its configuration."""
    environment: Mapping[str, str]


@contextmanager
def places(folder: Path) -> Iterator[list[Place]]:
    """The places to compare, while the cluster is on."""
    with standalone_cluster(folder) as master:
        yield [
            Place("1 partition", {"shuffle_partitions": 1}, {}),
            Place("2 partitions", {"shuffle_partitions": 2}, {}),
            Place("7 partitions, other splits and batches", {"shuffle_partitions": 7, "conf": _OTHER_SPLITS}, {}),
            Place("standalone cluster, 2 workers", {"master": master, "conf": _EXECUTORS}, {}),
            Place("Spark Connect", {}, {"SPARK_REMOTE": "local[2]"}),
        ]


def sha256_of_run(place: Place, data: Path, folder: Path) -> tuple[str, float]:
    """Build the data set there; gives the sha256 of the export, and the seconds that the command took."""
    folder.mkdir()
    config = {
        "workspace": str(folder / "workspace"),
        "sources": [{"name": "rows", "path": str(data), "format": "alpaca", "licence": "Apache-2.0"}],
        "spark": {"driver_memory": "2g", **place.spark},
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(config))
    started = time.monotonic()
    said = subprocess.run(
        [sys.executable, "-m", "jobs.cli", "run", "--config", str(folder / "job.yaml")],
        env={**os.environ, "PYTHONPATH": str(ROOT), **place.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    exported = folder / "workspace" / "output" / "dataset.jsonl"
    if not exported.is_file():
        sys.exit(f"{place.title}: the run ended with {said.returncode}:\n{said.stdout[-3000:]}{said.stderr[-3000:]}")
    return hashlib.sha256(exported.read_bytes()).hexdigest(), seconds


def main() -> None:
    """Run, print a table, and end with 1 where two exports differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="phase0-bytes-") as name:
        folder, found = Path(name), set[str]()
        data = folder / "rows.jsonl"
        write_rows(data, given.rows)
        table = figures_table(f"{given.rows:,} rows", "where", "sha256 of dataset.jsonl", "seconds", texts=2)
        with places(folder) as compared:
            for number, place in enumerate(compared):
                digest, seconds = sha256_of_run(place, data, folder / f"run-{number}")
                found.add(digest)
                table.add_row(place.title, digest[:16], f"{seconds:,.0f}")
        Console(width=120).print(table)
    sys.exit(len(found) != 1)


if __name__ == "__main__":
    main()
