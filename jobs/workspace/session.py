"""The one door to Spark: the session that is there, a Connect server, or a local one that fits this machine."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pyspark
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from jobs.config.spark import SparkConfig
from jobs.workspace.code_archive import write_code_archive
from jobs.workspace.environment import look_at_java, quick_faults, start_fault
from jobs.workspace.machine_errors import root_cause
from jobs.workspace.quick_start import quick_start
from schemas.errors import EnvironmentSetupError
from udfs import worker_daemon

THROUGH_DRIVER = "spark.phase0.throughDriver"
"""A setting of ours among those of Spark: the driver writes what a local session gives. It must fit its memory."""
_ASKED_EACH_TIME = (
    "PythonUtils",
    "functions",
    "org.apache.spark.sql.classic.SparkSession",
    "org.apache.spark.sql.functions",
)
"""Classes by the names that PySpark gives them."""


def starts_here(config: SparkConfig) -> bool:
    """Whether Spark would run in a process of this machine; one that is on already may be anywhere."""
    elsewhere = {"PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION", "SPARK_REMOTE"} & set(os.environ)
    return not elsewhere and config.remote is None and config.master.startswith("local")


def is_one_process(config: SparkConfig) -> bool:
    """Whether Spark would run in one process of this machine; executors of their own have a class path of their own."""
    return starts_here(config) and config.master.partition("[")[0] == "local"


def is_local(session: SparkSession) -> bool:
    """Whether a session's driver and executors are one process of this machine, and so see the same files.

    Databricks calls a single node so, too, but shows it its files by a system of its own.
    """
    if is_remote() or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return False
    return str(session.conf.get("spark.master", "")).partition("[")[0] == "local"


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
        start_requirements(os.environ)
        builder = _local_builder(builder, config)
        builder = builder.remote(remote) if remote else builder.master(config.master)
    since = _size(log_file)
    if log_file is not None:
        _hush_errors()
    try:
        if is_elsewhere:
            return _connect(builder, remote, config)
        with _output_to(log_file):
            session = builder.getOrCreate()
    except Exception as error:
        said = "" if is_elsewhere else _said(log_file, since)
        raise EnvironmentSetupError(_why_not(error, said, log_file if said else None)) from error
    if not is_remote():
        _remember_classes(session)
    return session


def _remember_classes(session: SparkSession) -> None:
    """Keep the Java classes that PySpark asks for at every column.

    It asks by names for which Java looks through all its jars each time: 6,000 times in the demo, a tenth of the CPU
    that Java takes to plan.
    """
    java = session._jvm
    for name in _ASKED_EACH_TIME:
        setattr(java, name, getattr(java, name))


def _why_not(error: Exception, said: str, log_file: Path | None) -> str:
    """Why Spark did not start: out of what Java said, and what the machine lacks."""
    known = start_fault(f"{said}\n{error}")
    if known:
        why = f"{known[0]}. Type: {known[1]}"
    elif "JAVA_GATEWAY_EXITED" in str(error):
        why = root_cause(said) if said else "Java ended without a word. Run `phase0 doctor`"
    else:
        why = f"{root_cause(str(error))}. Run `phase0 doctor`"
    java = look_at_java(os.environ)
    more = f"\n{java}" if java.fix is not None else ""
    return f"Spark did not start: {why}{f' (what Java said is in {log_file})' if log_file else ''}{more}"


def _said(log_file: Path | None, since: int) -> str:
    """What this start wrote to the log."""
    try:
        return log_file.read_bytes()[since:].decode("utf-8", "replace") if log_file else ""
    except OSError:
        return ""


def _size(log_file: Path | None) -> int:
    return log_file.stat().st_size if log_file and log_file.is_file() else 0


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
        # Python would tell Java the line of each call for its error messages, with five questions to Java a call.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.warehouse.dir": str(Path(gettempdir()) / "phase0-warehouse"),
        "spark.log.level": "WARN",
        **({"spark.python.daemon.module": worker_daemon.__name__} if is_one_process(config) else {}),
        **config.conf,
    }
    quick = quick_start(config.conf) if is_one_process(config) else {}
    for key, value in {**settings, **quick}.items():
        builder = builder.config(key, value)
    return builder if quick else configure_spark_with_delta_pip(builder)


def start_requirements(environment: Mapping[str, str]) -> None:
    """Say what is missing before Java is asked, which would say less.

    Raises:
        EnvironmentSetupError: names all that is known to be missing, and what to type.
    """
    if faults := list(quick_faults(environment, pyspark.__version__)):
        raise EnvironmentSetupError("Spark cannot start here:\n" + "\n".join(map(str, faults)))


def _hush_errors() -> None:
    """Keep PySpark from printing an error as JSON with its trace; it is raised too, and who catches it says it once."""
    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
        PySparkLogger.getLogger(name).setLevel(logging.CRITICAL)


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
