"""One real Spark session with Delta for the whole suite, and nothing of one test left for the next."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.load_settings import load_settings
from jobs.session import SparkConfig, get_session
from tests.llm.provider_process import ProviderProcess

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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
            **load_settings("demo").spark.conf,
            "spark.sql.warehouse.dir": str(logs / "warehouse"),
            "spark.local.dir": str(logs / "local"),
        },
    )
    session = get_session(config, logs / "spark.log")
    yield session
    session.stop()


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
