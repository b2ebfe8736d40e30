"""One real Spark session with Delta for all tests of a process, and nothing of one test left for the next."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from jobs.config.spark import SparkConfig
from jobs.pipeline import STAGES
from jobs.reports.summary import print_summary
from jobs.reports.write import write_reports
from jobs.run.run_stages import run_stages
from jobs.workspace.runtime import Runtime
from jobs.workspace.session import get_session
from tests.support.demo import DemoRun, demo_conf, open_quietly
from tests.support.hostile import run_hostile
from tests.support.loopback import Loopback, loopback_server
from tests.support.paths import ROOT, SHARED_DATA
from tests.support.provider_process import ProviderProcess


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Two cores, four shuffle partitions: a suite of small frames spends its time on task launches."""
    logs = tmp_path_factory.mktemp("spark")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    config = SparkConfig(
        master="local[2]",
        driver_memory="2g",
        shuffle_partitions=4,
        conf={
            **demo_conf(),
            "spark.sql.warehouse.dir": str(logs / "warehouse"),
            "spark.local.dir": str(logs / "local"),
        },
    )
    session = get_session(config, logs / "spark.log")
    yield session
    session.stop()


@pytest.fixture(scope="module", autouse=True)
def forget_tables() -> Iterator[None]:
    """Delta keeps the state of each table it has seen for an hour: after a thousand of them the heap is full of it."""
    yield
    context = SparkContext._active_spark_context
    if context is not None and context._jvm is not None:
        context._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@pytest.fixture(scope="module")
def one_partition(spark: SparkSession) -> Iterator[None]:
    """These runs are many small queries; how many tasks call is settled by `calls.tasks` and not by shuffles."""
    before = str(spark.conf.get("spark.sql.shuffle.partitions"))
    spark.conf.set("spark.sql.shuffle.partitions", "1")
    yield
    spark.conf.set("spark.sql.shuffle.partitions", before)


@pytest.fixture(scope="session")
def demo(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The one run of the demo, for every test that looks at a finished workspace; who changes it takes a copy."""
    runtime = open_quietly("demo", f"workspace={tmp_path_factory.mktemp('demo') / 'of [ours] {50%}'}")
    results = run_stages(runtime, STAGES)
    exit_code = print_summary(runtime, "demo")
    return DemoRun(runtime, results, exit_code, runtime.progress.console.export_text())


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `make wheel` builds it, for clusters, which bring their own Spark."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    environment = {**os.environ, "PHASE0_SPARK_PROVIDED": "1"}
    with (ROOT / "setup.py").open("rb") as lock:  # it is built in this folder, and one at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([sys.executable, "-m", "pip", *command], check=True, env=environment)
    return next(folder.glob("phase0-*.whl"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real public files beside the repository; tests that need them are skipped where they are not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real public files are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def provider_process() -> Iterator[ProviderProcess]:
    with ProviderProcess() as process:
        yield process


@pytest.fixture
def provider(provider_process: ProviderProcess) -> ProviderProcess:
    """A provider of models on the loopback, afresh for each test."""
    provider_process.behave()
    return provider_process


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server on the loopback, which is the hub too; nothing of this machine's hub settings is left."""
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with loopback_server() as loopback:
        monkeypatch.setenv("HF_ENDPOINT", loopback.endpoint)
        yield loopback


@pytest.fixture(scope="session")
def hostile(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """A finished run on a data set that attacks whoever looks at it; its reports are written."""
    runtime = run_hostile(tmp_path_factory.mktemp("hostile"))
    write_reports(runtime)
    return runtime
