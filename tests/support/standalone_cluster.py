"""A real Spark standalone cluster on the loopback: a master and workers, each a process of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

SPARK_HOME = Path(pyspark.__file__).parent
_SECONDS_TO_START = 120


def bare_environment() -> dict[str, str]:
    """Variables of a machine that knows Spark and Java, but nothing of our virtual environment."""
    kept = {name: os.environ[name] for name in ("HOME", "JAVA_HOME", "LANG", "TMPDIR") if name in os.environ}
    virtual = str(Path(sys.prefix) / "bin")
    path = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder != virtual]
    return {
        **kept,
        # The interpreter that our environment was made with, first; it has none of our packages.
        "PATH": os.pathsep.join([str(Path(sys.base_prefix) / "bin"), *path]),
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }


@contextmanager
def standalone_cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """Start a master and workers of one core each, and stop them at the end.

    Args:
        folder: of their logs and of what executors unpack.
        workers: how many.

    Yields:
        The master's URL.
    """
    deploy = "org.apache.spark.deploy"
    with ExitStack() as running:
        # Port 0: any free one, so that clusters do not meet.
        master = running.enter_context(
            _daemon(folder / "master.log", f"{deploy}.master.Master", "--port", "0", "--webui-port", "0")
        )
        url = _wait_for(r"Starting Spark master at (spark://\S+)", *master)
        started = [
            running.enter_context(
                _daemon(
                    folder / f"worker-{number}.log",
                    f"{deploy}.worker.Worker",
                    *("--cores", "1", "--memory", "2g", "--port", "0", "--webui-port", "0"),
                    *("--work-dir", str(folder / f"worker-{number}"), url),
                )
            )
            for number in range(workers)
        ]
        for worker in started:
            _wait_for(r"Successfully registered with master (\S+)", *worker)
        yield url


@contextmanager
def _daemon(log: Path, *arguments: str) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    command = [str(SPARK_HOME / "bin" / "spark-class"), *arguments, "--host", "127.0.0.1"]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=bare_environment()) as process:
        try:
            yield log, process
        finally:
            process.terminate()


def _wait_for(pattern: str, log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(pattern, log.read_text("utf-8", "replace"))
        if found:
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError(f"{log.name} never said {pattern}:\n{log.read_text('utf-8', 'replace')[-3000:]}")
