"""Where the tables are: Delta, in a folder of the workspace or under `catalog.schema`."""

from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from jobs.workspace import files
from schemas.errors import MissingTableError
from schemas.tables import Table


@dataclass(frozen=True)
class Storage:
    """Reads and writes whole tables; the only code that knows where they are."""

    spark: SparkSession
    workspace: str
    catalog: str | None = None

    def location(self, table: Table) -> str:
        """Path of the table, or its name in the catalog."""
        return f"{self.catalog}.{table.name}" if self.catalog else files.join(self.workspace, "tables", table.name)

    def read(self, table: Table) -> DataFrame:
        """The table's rows.

        Raises:
            MissingTableError: no stage has written it yet.
            SchemaMismatchError: it was written by another version with other columns.
        """
        try:
            return table.select_from(table.with_added(self._open(table)))
        except AnalysisException as error:
            raise MissingTableError(
                f"there is no table {table.name} in {self.catalog or self.workspace}; run `phase0 run` with the same "
                "configuration, or the stage that writes it"
            ) from error

    def exists(self, table: Table) -> bool:
        """Whether the table has been written."""
        try:
            self._open(table).schema  # noqa: B018 - Connect opens lazily, only the schema makes it look
        except AnalysisException:
            return False
        return True

    def replace(self, table: Table, rows: DataFrame) -> None:
        """Write the whole table anew, in one transaction."""
        writer = table.select_from(rows).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
        writer.saveAsTable(self.location(table)) if self.catalog else writer.save(self.location(table))

    def replace_where(self, table: Table, rows: DataFrame, condition: str) -> None:
        """Write anew the part of a table for which the SQL condition holds; all of `rows` must fulfil it."""
        if not self.exists(table):
            self.replace(table, rows)
            return
        writer = table.select_from(rows).write.format("delta").mode("overwrite").option("replaceWhere", condition)
        writer.saveAsTable(self.location(table)) if self.catalog else writer.save(self.location(table))

    def append(self, table: Table, rows: DataFrame) -> None:
        """Add rows to the table, making it where it is missing."""
        writer = table.select_from(rows).write.format("delta").mode("append")
        if table.added:  # a table of an earlier version gets its new columns
            writer = writer.option("mergeSchema", "true")
        writer.saveAsTable(self.location(table)) if self.catalog else writer.save(self.location(table))

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
        path = files.join(self.scratch, name)
        rows.write.mode("overwrite").parquet(path)
        return self.spark.read.schema(rows.schema).parquet(path)

    def clear_scratch(self) -> None:
        """Remove what `materialise` wrote."""
        files.remove_folder(self.scratch)

    @property
    def scratch(self) -> str:
        """Folder of intermediate files; a stage leaves it empty."""
        return files.join(self.workspace, "scratch")

    def _open(self, table: Table) -> DataFrame:
        if self.catalog:
            return self.spark.read.table(self.location(table))
        return self.spark.read.format("delta").load(self.location(table))
