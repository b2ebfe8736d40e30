"""Where the tables are: Delta, in a folder of the workspace or under `catalog.schema`."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from jobs.config.paths import literal
from jobs.workspace import files
from jobs.workspace.delta_tables import CannotReadError, DeltaTables, WriteMode
from jobs.workspace.machine_errors import damaged_table
from jobs.workspace.queries import Value, ask_spark, no_rows, tables_of, with_parts
from jobs.workspace.session import is_local
from jobs.workspace.table_files import table_fault
from schemas.errors import DamagedTableError, MissingTableError
from schemas.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa


_ADDS_COLUMNS = {"mergeSchema": "true"}
"""A table that an earlier version wrote gets its new columns where a part of it stays."""

_ANY_ROW = "select 1 as found from {table} where {condition} limit 1"


@dataclass(frozen=True)
class Storage:
    """Reads and writes whole tables; the only code that knows where they are."""

    session: Callable[[], SparkSession]
    """Gives the Spark session; called only by what needs one, so that looking starts no JVM."""
    workspace: str
    catalog: str | None = None
    through_driver: bool = False
    """Whether the driver of a local session writes frames, which are small: a fifth of the time of Spark's writer."""

    @property
    def spark(self) -> SparkSession:
        """The session, which is started now if nothing has needed it before."""
        return self.session()

    def location(self, table: Table) -> str:
        """Path of the table, or its name in the catalog."""
        return f"{self.catalog}.{table.name}" if self.catalog else files.join(self.workspace, "tables", table.name)

    def read(self, table: Table) -> DataFrame:
        """The table's rows.

        Raises:
            MissingTableError: no stage has written it yet.
            DamagedTableError: files of it are missing or cut.
            SchemaMismatchError: it was written by another version with other columns.
        """
        try:
            return table.select_from(table.with_added(self._open(table)))
        except AnalysisException as error:
            raise self._missing(table) from error

    def read_or_empty(self, table: Table) -> DataFrame:
        """Rows of a table that need not be there yet."""
        try:
            return self.read(table)
        except MissingTableError:
            return no_rows(self.spark, table.schema)

    def query(self, question: str, may_lack: Collection[Table], values: Mapping[str, Value]) -> "pa.Table":
        """Rows that answer a question; see `jobs.workspace.runtime.Runtime.query`."""
        for table in tables_of(question):
            self._require_whole(table, compares=True)
        if self.catalog is None:
            lacking = [one for one in tables_of(question) if one not in may_lack and not self.exists(one)]
            if lacking:
                raise self._missing(lacking[0])
            try:
                return self._delta.query(question, values)
            except CannotReadError:
                pass  # Spark reads more, and says what is wrong where it cannot either
        frames = {
            table.name: self.read_or_empty(table) if table in may_lack else self.read(table)
            for table in tables_of(question)
        }
        return ask_spark(self.spark, question, frames, values).toArrow()

    def _missing(self, table: Table) -> MissingTableError:
        return MissingTableError(
            f"there is no table {table.name} in {self.catalog or self.workspace}; run `phase0 run` with the same "
            "configuration, or the stage that writes it"
        )

    def exists(self, table: Table) -> bool:
        """Whether the table has been written."""
        if self.catalog is None:
            return self.version(table) is not None
        try:
            self._open(table).schema  # noqa: B018 - Connect opens lazily, only the schema makes it look
        except AnalysisException:
            return False
        return True

    def replace(self, table: Table, rows: DataFrame) -> None:
        """Write the whole table anew, in one transaction."""
        self._require_whole(table)
        if self.catalog is None and not self.exists(table):
            self._write(table, rows, "append")  # to overwrite, Delta would look, with two queries, for what it replaces
        else:
            self._write(table, rows, "overwrite", overwriteSchema="true")

    def replace_where(self, table: Table, rows: DataFrame, condition: str) -> None:
        """Write anew the part of a table for which the SQL condition holds; all of `rows` must fulfil it."""
        if not self.exists(table):
            self.replace(table, rows)
        elif not self.query(with_parts(_ANY_ROW, table=f"{{{table.name}}}", condition=condition), (), {}).num_rows:
            self.append(table, rows)
        elif self._takes_files(table):
            others = self.read(table).where(f"({condition}) is not true")
            self._write(table, others.unionByName(table.select_from(rows)), "overwrite")
        else:
            self._write(table, rows, "overwrite", replaceWhere=condition, **_ADDS_COLUMNS)

    def replace_rows(self, table: Table, rows: Sequence[Mapping[str, Any]], condition: str | None = None) -> None:
        """Write a table anew with some rows that the driver has; in a local folder without Spark.

        Args:
            table: to write.
            rows: column -> value; a column that is not named is null.
            condition: SQL for the part of the table that they replace, which they must fulfil; null: all of it.
        """
        if self._is_local_folder:
            self._require_whole(table, compares=condition is not None)
            self._delta.write_rows(table, rows, "overwrite", condition)
        elif condition is None:
            self.replace(table, self.frame_of(table, rows))
        else:
            self.replace_where(table, self.frame_of(table, rows), condition)

    def append_rows(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add some rows that the driver has; in a local folder without Spark."""
        if self._is_local_folder:
            self._require_whole(table)
            self._delta.write_rows(table, rows, "append")
        else:
            self.append(table, self.frame_of(table, rows))

    def append(self, table: Table, rows: DataFrame) -> None:
        """Add rows to the table, making it where it is missing."""
        self._require_whole(table)
        self._write(table, rows, "append", **_ADDS_COLUMNS)

    def frame_of(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Some rows that the driver has as a frame with the table's columns; one that is not named is null."""
        values = [tuple(row.get(name) for name in table.schema.names) for row in rows]
        return self.spark.createDataFrame(values, table.schema)

    def _write(self, table: Table, rows: DataFrame, mode: WriteMode, **options: str) -> None:
        rows = table.select_from(rows)
        if self._takes_files(table):
            # Spark's own commit takes 0.3 s, and 0.9 where there is something to replace.
            if self.through_driver:
                self._delta.write(table, rows.toArrow(), mode)
            else:
                self._delta.add_files(table, Path(self._stage(rows, f"{table.name}-files")), mode)
            return
        writer = rows.write.format("delta").mode(mode).options(**options)
        writer.saveAsTable(self.location(table)) if self.catalog else writer.save(self.location(table))

    def _takes_files(self, table: Table) -> bool:
        """Whether delta-rs can commit what Spark writes: driver and executors must see the same files."""
        return self._is_local_folder and is_local(self.spark) and self._delta.takes_files(table)

    @property
    def _is_local_folder(self) -> bool:
        return self.catalog is None and "://" not in self.workspace

    @property
    def _delta(self) -> DeltaTables:
        return DeltaTables(files.join(self.workspace, "tables"))

    def version(self, table: Table) -> int | None:
        """Delta version of the table, null where there is none."""
        if self.catalog is None:
            # The name of the last commit says it; DESCRIBE HISTORY takes a second to say the same.
            commits = files.list_files(files.join(self.location(table), "_delta_log"), ".json")
            return int(commits[-1].rsplit("/", 1)[-1].removesuffix(".json")) if commits else None
        if not self.exists(table):
            return None
        latest = self.spark.sql(f"DESCRIBE HISTORY {self.location(table)} LIMIT 1").select("version").first()
        return int(latest["version"]) if latest else None

    def materialise(self, rows: DataFrame, name: str) -> DataFrame:
        """Write rows to the scratch folder and read them back.

        Cuts the plan of an iteration, or keeps an expensive step from running twice. `cache` and
        `checkpoint` would do it with less I/O, but serverless Spark has neither.
        """
        return self.spark.read.schema(rows.schema).parquet(literal(self._stage(rows, name)))

    def _stage(self, rows: DataFrame, name: str) -> str:
        """Write rows to the scratch folder; where they are."""
        path = files.join(self.scratch, name)
        if self.through_driver and self._is_local_folder and is_local(self.spark):
            files.write_parquet(path, rows.toArrow())
        else:
            rows.write.mode("overwrite").parquet(path)
        return path

    def clear_scratch(self) -> None:
        """Remove what `materialise` wrote."""
        files.remove_folder(self.scratch)

    @property
    def scratch(self) -> str:
        """Folder of intermediate files; a stage leaves it empty."""
        return files.join(self.workspace, "scratch")

    def require_all_whole(self, tables: Iterable[Table]) -> None:
        """Refuse tables whose files are not as they were written, whether or not anybody is about to read them.

        Raises:
            DamagedTableError: says which tables, and how to get them back.
        """
        damages = [str(damage) for table in tables if (damage := self._damage(table, compares=True))]
        if damages:
            raise DamagedTableError("\n".join(damages))

    def _require_whole(self, table: Table, *, compares: bool = False) -> None:
        """Refuse a table whose files are not those of its log, before a job of Spark's trips over them.

        Raises:
            DamagedTableError: says which table, and how to get it back.
        """
        if damage := self._damage(table, compares=compares):
            raise damage

    def _damage(self, table: Table, *, compares: bool) -> DamagedTableError | None:
        if not self._is_local_folder:
            return None
        folder = Path(self.location(table))
        fault = table_fault(folder, compares=compares)
        return damaged_table(table.name, str(folder), fault) if fault else None

    def _open(self, table: Table) -> DataFrame:
        self._require_whole(table)
        if self.catalog:
            return self.spark.read.table(self.location(table))
        found = self._files_of(table)
        return self.spark.read.format("delta").load(self.location(table)) if found is None else found

    def _files_of(self, table: Table) -> DataFrame | None:
        """The table's newest version as the files that its log names, which delta-rs reads in milliseconds.

        Spark would read the log with several jobs for each table and each query. Null where the table is not in a
        local folder or is more than its files.

        Raises:
            MissingTableError: there is none, which Spark would say after a tenth of a second.
        """
        if "://" in self.workspace:
            return None
        try:
            found = self._delta.data_files(table)
        except CannotReadError:
            return None
        if found is None:
            if is_local(self.spark):
                raise self._missing(table)
            return None  # whoever Spark runs for may see other folders
        columns, paths = found
        if not paths:
            return no_rows(self.spark, columns)
        return self.spark.read.schema(columns).parquet(*map(literal, paths))
