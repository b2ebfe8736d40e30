"""From a configuration to a runtime: workspace, session, storage, progress."""

import atexit
import os
import secrets
import shutil
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import mkdtemp

from rich.console import Console

from jobs.config.settings import Settings
from jobs.rendering.progress import Progress
from jobs.workspace.runtime import Runtime
from jobs.workspace.session import get_session
from jobs.workspace.storage import Storage


def open_runtime(settings: Settings, console: Console, *, verbose: bool = False, reads_only: bool = False) -> Runtime:
    """Start or join a Spark session for these settings.

    Args:
        settings: the configuration.
        console: where progress goes.
        verbose: leave what Java, Ivy and log4j print on the terminal, not in `<workspace>/logs/spark.log`.
        reads_only: the workspace may belong to somebody else, or not be there: keep that log out of it.

    Raises:
        EnvironmentSetupError: Spark cannot start; says what to install.
    """
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    is_local = "://" not in settings.workspace
    folder = Path(mkdtemp(prefix="phase0-")) if reads_only else Path(settings.workspace) / "logs"
    log = folder / "spark.log" if (is_local or reads_only) and not verbose else None
    spark = get_session(settings.spark, log)
    if reads_only:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    now = datetime.now(timezone.utc)
    storage = Storage(spark, settings.workspace, settings.catalog)
    return Runtime(settings, spark, storage, Progress(console), _run_id(now), now)


def begin_run(runtime: Runtime) -> Runtime:
    """The same workspace and session for one more run, which gets an id and a time of its own."""
    now = datetime.now(timezone.utc)
    return replace(runtime, run_id=_run_id(now), started_at=now)


def _run_id(now: datetime) -> str:
    # A run id is a name in the log, not a key of any data, so it may be random.
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
