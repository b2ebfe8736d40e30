"""What every stage is given, what it gives back, and what it says of itself.

A stage module has pure `DataFrame -> DataFrame` transforms, a thin `run(runtime)` and a `STAGE` that says
which tables and settings it depends on. Whoever runs stages knows nothing else of them.
"""

import atexit
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession
from rich.console import Console

from jobs.config.settings import Settings
from jobs.rendering.progress import Progress
from jobs.workspace.lease import Lease
from jobs.workspace.machine_errors import WORKSPACE, require_writable
from jobs.workspace.queries import Answer, Value, answers_of
from jobs.workspace.session import THROUGH_DRIVER, get_session
from jobs.workspace.storage import Storage
from schemas.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Runtime:
    """One run: its settings, its session, its tables."""

    settings: Settings
    storage: Storage
    progress: Progress
    run_id: str
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    lease: Lease | None = None
    """Of the workspace, while a pipeline runs."""
    config_file: Path | None = None
    """Where the settings were read from, for messages that name the line to change."""

    @property
    def spark(self) -> SparkSession:
        """The session, which is started now if nothing has needed it before."""
        return self.storage.spark

    def read(self, table: Table) -> DataFrame:
        """Rows of a table; see `Storage.read`."""
        return self.storage.read(table)

    def read_or_empty(self, table: Table) -> DataFrame:
        """Rows of a table that need not be there yet."""
        return self.storage.read_or_empty(table)

    def query(self, question: str, may_lack: Collection[Table] = (), /, **values: Value) -> list[Answer]:
        """Look something up in the tables, of a folder without Spark.

        Args:
            question: SQL that Spark and DataFusion both know, with tables in braces and values after a colon:
                `select source, count(*) as rows from {fates} where reason = :reason group by source`. A collection
                as a value is a list for `in (:names)`.
            may_lack: tables that have no rows where no stage has written them yet.
            values: of the question.

        Returns:
            All rows, so they should be few.

        Raises:
            MissingTableError: no stage has written a table yet.
            SchemaMismatchError: a table was written by another version with other columns.
        """
        return answers_of(self.storage.query(question, may_lack, values))

    def query_arrow(self, question: str, may_lack: Collection[Table] = (), /, **values: Value) -> "pa.Table":
        """The same for an answer of many rows."""
        return self.storage.query(question, may_lack, values)

    def replace(self, table: Table, rows: DataFrame) -> None:
        """Write a whole table anew; see `Storage.replace`."""
        self.storage.replace(table, rows)


@dataclass(frozen=True)
class StageReport:
    """What a stage did, for the `runs` table and the funnel."""

    rows_in: int
    rows_out: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A stage and everything its result depends on."""

    name: str
    title: str
    run: Callable[[Runtime], StageReport]
    reads: tuple[Table, ...]
    writes: tuple[Table, ...]
    settings: tuple[str, ...]
    """Sections of the configuration it looks at."""
    inputs: Callable[[Runtime], Mapping[str, str]] = lambda _: {}
    """Anything else it reads: name -> state."""
    adds_to: tuple[Table, ...] = ()
    """Tables of earlier stages that it adds rows to where models are asked; checked together with what it writes."""
    given: tuple[Table, ...] = ()
    """Tables that people write and it reads where they are there; checked together with what it writes."""
    after: str | None = None
    """The stage before it, whose fingerprint is part of this one's; null: it is the first."""
    asks_models: Callable[[Settings], bool] | None = None
    """Whether these settings have it ask models, which is paid for; null: it never does."""
    check: Callable[[Settings], None] = lambda _: None
    """Refuses what it cannot work with, as far as this can be told before Spark is started."""
    prepare: Callable[[Runtime], None] = lambda _: None
    """Done before anything is asked about its inputs: the sources are downloaded."""

    def pays(self, settings: Settings) -> bool:
        """Whether it asks models with these settings."""
        return self.asks_models is not None and self.asks_models(settings)


def open_runtime(settings: Settings, console: Console, *, verbose: bool = False, reads_only: bool = False) -> Runtime:
    """Open the workspace of these settings. The Spark session is started, or joined, when something needs it.

    Args:
        settings: the configuration.
        console: where progress goes.
        verbose: leave what Java, Ivy and log4j print on the terminal, not in `<workspace>/logs/spark.log`.
        reads_only: the workspace may belong to somebody else, or not be there: keep that log out of it.
    """
    WORKSPACE.set(settings.workspace)
    now = datetime.now(timezone.utc)
    through_driver = settings.spark.conf.get(THROUGH_DRIVER) == "true"
    session = _session_of(settings, verbose, reads_only)
    storage = Storage(session, settings.workspace, settings.catalog, through_driver)
    return Runtime(settings, storage, Progress(console), _run_id(now), now)


def _session_of(settings: Settings, verbose: bool, reads_only: bool) -> Callable[[], SparkSession]:
    """Starts the session once, whichever thread is the first to need it."""
    lock, started = Lock(), list[SparkSession]()

    def session() -> SparkSession:
        with lock:
            if not started:
                os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
                is_local = "://" not in settings.workspace
                folder = Path(mkdtemp(prefix="phase0-")) if reads_only else Path(settings.workspace) / "logs"
                log = folder / "spark.log" if (is_local or reads_only) and not verbose else None
                if log and not reads_only:
                    require_writable(settings.workspace)
                started.append(get_session(settings.spark, log))
                if reads_only:
                    atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return started[0]

    return session


def begin_run(runtime: Runtime) -> Runtime:
    """The same workspace and session for one more run, which gets an id and a time of its own."""
    now = datetime.now(timezone.utc)
    return replace(runtime, run_id=_run_id(now), started_at=now)


def _run_id(now: datetime) -> str:
    # A run id is a name in the log, not a key of any data, so it may be random.
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
