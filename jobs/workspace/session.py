"""The one door to Spark: the session that is there, a Connect server, or a local one that fits this machine."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from pyspark.sql import SparkSession

from jobs.config.spark import SparkConfig
from jobs.workspace.code_archive import write_code_archive
from schemas.errors import EnvironmentSetupError


def get_session(config: SparkConfig, log_file: Path | None = None) -> SparkSession:
    """Return the active session, connect to a Connect server, or start a local session with Delta.

    Args:
        config: settings of the session.
        log_file: where the JVM's own output goes; null leaves it on the terminal. What Ivy and log4j
            print is of no use to the user, but it must not be lost either.

    Raises:
        EnvironmentSetupError: Java is missing or the session did not start; says what to install.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    # Workers otherwise take the first `python3` of the PATH, which lacks our packages.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("phase0")
    remote = os.environ.get("SPARK_REMOTE", config.remote or "")
    is_elsewhere = remote.startswith("sc://")
    is_settled = {"PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION"} & set(os.environ)  # by spark-submit, Databricks
    if not is_elsewhere and not is_settled:
        _require_java()
        builder = _local_builder(builder, config)
        builder = builder.remote(remote) if remote else builder.master(config.master)
    try:
        if is_elsewhere:
            return _connect(builder, remote, config)
        with _output_to(log_file):
            return builder.getOrCreate()
    except Exception as error:
        where = f"; what Java said is in {log_file}" if log_file and not is_elsewhere else ""
        raise EnvironmentSetupError(f"Spark did not start: {error}{where}. Run `phase0 doctor`.") from error


def _connect(builder: SparkSession.Builder, url: str, config: SparkConfig) -> SparkSession:
    """Join a Connect server and send it the code of our UDFs.

    Master, jars and memory are the server's business. Of the confs only those are set that a session may set.
    """
    builder = builder.remote(url).config("spark.sql.session.timeZone", "UTC")
    for key, value in config.conf.items():
        if key.startswith(("spark.sql.", "spark.databricks.")):
            builder = builder.config(key, value)
    session = builder.getOrCreate()
    with TemporaryDirectory() as folder:
        session.addArtifacts(str(write_code_archive(Path(folder))), pyfile=True)
    return session


def _local_builder(builder: SparkSession.Builder, config: SparkConfig) -> SparkSession.Builder:
    from delta import configure_spark_with_delta_pip

    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.driver.memory": config.driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(config.shuffle_partitions),
        # With Delta's default of 50 the first write of a small table takes 13 s instead of 3.
        "spark.databricks.delta.snapshotPartitions": "2",
        # Whole tables are read, so statistics of columns would be gathered for nothing, and asking them is a
        # Spark job before each read: 136 of the 364 jobs of the demo.
        "spark.databricks.delta.stats.skipping": "false",
        "spark.databricks.delta.stats.collect": "false",
        "spark.sql.warehouse.dir": str(Path(gettempdir()) / "phase0-warehouse"),
        "spark.log.level": "WARN",
        **config.conf,
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return configure_spark_with_delta_pip(builder)


def _require_java() -> None:
    import shutil

    home = os.environ.get("JAVA_HOME")
    if not (home and (Path(home) / "bin" / "java").exists()) and shutil.which("java") is None:
        raise EnvironmentSetupError(
            "Java 17 or newer is needed and was not found. Install it (Debian/Ubuntu: apt-get install "
            "openjdk-17-jre-headless; macOS: brew install openjdk@17) or run: pip install cjdk && "
            'export JAVA_HOME="$(cjdk --jdk temurin:17 java-home)"'
        )


@contextlib.contextmanager
def _output_to(log_file: Path | None) -> Iterator[None]:
    """Point the process's stdout and stderr at a file while the JVM starts; the JVM keeps them."""
    if log_file is None:
        yield
        return
    log_file.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    target = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for descriptor in (*saved, target):
            os.close(descriptor)
