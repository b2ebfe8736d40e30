"""Delta tables of a local folder or an object store without Spark's reader and writer of logs: by delta-rs.

Spark reads a log with several jobs and writes one with more; delta-rs does either in milliseconds. So Spark reads and
writes the files of rows, and delta-rs the log that says which of them the table consists of. What needs more than that
is refused here and left to Delta's own code in Spark.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import pyarrow.parquet as pq

from jobs.workspace import files
from jobs.workspace.queries import Value, filled_in, null_columns, quoted, tables_of, with_parts
from jobs.workspace.table_files import give_checksums
from schemas.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder, Schema
    from deltalake.transaction import AddAction
    from pyspark.sql.types import StructType

WriteMode = Literal["append", "overwrite"]

_ROOM_BYTES = 128 << 10
"""More than a few rows, their commit and a checkpoint take."""
_PLAIN_WRITERS = 2
"""Version of the protocol up to which a writer need know of nothing but files, where the table has no properties."""
_OTHER_ROWS = "select * from {table} where ({condition}) is not true"


class CannotReadError(Exception):
    """Only Spark can read the table: it uses a feature that delta-rs does not know, or lies where that cannot look."""


@dataclass(frozen=True)
class DeltaTables:
    """Tables in a folder."""

    folder: str
    """Path or URI; below it a folder for each table."""

    def query(self, question: str, values: Mapping[str, Value]) -> "pa.Table":
        """Rows that answer a question; a table that is not there has none. See `Runtime.query`.

        Raises:
            SchemaMismatchError: a table has other columns than this version's.
            CannotReadError: delta-rs cannot read a table.
        """
        import pyarrow as pa
        from deltalake import QueryBuilder
        from deltalake.exceptions import DeltaError

        builder = QueryBuilder()
        names = {table.name: self._register(table, builder) for table in tables_of(question)}
        sql = filled_in(question, values, quoted).format(**names)
        try:
            return _arrow(builder.execute(sql))
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise CannotReadError(type(error).__name__) from error

    def data_files(self, table: Table) -> "tuple[StructType, list[str]] | None":
        """Columns of a table and the files that its newest version consists of; null where it is not there.

        Raises:
            CannotReadError: its rows are not simply those of its files, or delta-rs cannot read its log.
        """
        found = self._open(table)
        if found is None:
            return None
        if found.metadata().partition_columns:
            raise CannotReadError(f"{table.name} is partitioned")
        # What delta-rs calls their addresses is escaped, and no name of a file.
        names = _arrow(found.get_add_actions()).column("path").to_pylist()
        if any("/" in name or "%" in name for name in names):
            raise CannotReadError(f"{table.name} has files elsewhere")
        return _columns(found), sorted(files.join(self.folder, table.name, name) for name in names)

    def takes_files(self, table: Table) -> bool:
        """Whether files of rows can be added to a table, or put in the place of its own, by a line for each in its log.

        Not where the stored table has other columns, partitions, properties, or features of later protocols.
        """
        try:
            found = self._open(table)
        except CannotReadError:
            return False
        if found is None:
            return True
        state = found.metadata()
        is_plain = found.protocol().min_writer_version <= _PLAIN_WRITERS
        same_columns = _columns(found).simpleString() == table.schema.simpleString()
        return is_plain and same_columns and not state.partition_columns and not state.configuration

    def add_files(self, table: Table, written: Path, mode: WriteMode) -> None:
        """Take the Parquet files that Spark wrote into a local folder over into a table that takes them, in one commit.

        Args:
            table: made where it is missing.
            written: the folder; it holds the rows of one write and nothing of it is left there.
            mode: whether the files come beside those of the table or in their place.
        """
        folder = self._folder_of(table)
        files.require_room(str(folder), _ROOM_BYTES)  # on a full disk delta-rs panics
        self._commit(table, [*_taken_over(written, folder)], mode)
        shutil.rmtree(written)

    def write_rows(
        self, table: Table, rows: Sequence[Mapping[str, Any]], mode: WriteMode, condition: str | None = None
    ) -> None:
        """Write rows as dicts, column -> value; a column that is not named is null. See `write`."""
        import pyarrow as pa

        columns = _arrow_schema(table)
        maps = {field.name for field in columns if pa.types.is_map(field.type)}
        plain = [
            {name: list(one.items()) if name in maps and one else one for name, one in row.items()} for row in rows
        ]
        self.write(table, pa.Table.from_pylist(plain, columns), mode, condition)

    def write(self, table: Table, rows: "pa.Table", mode: WriteMode, condition: str | None = None) -> None:
        """Write rows that the driver has to a table of a local folder in one commit, making it where it is missing.

        Args:
            table: to write. One of an earlier version gets its new columns.
            rows: with its columns.
            mode: whether they come beside those of the table or in their place.
            condition: SQL, in whose place alone they come; they must fulfil it. Null: in that of all.
        """
        import pyarrow as pa
        from deltalake import write_deltalake

        folder = self._folder_of(table)
        rows = rows.cast(_arrow_schema(table))
        files.require_room(str(folder), _ROOM_BYTES + rows.nbytes)
        if not self.takes_files(table):
            if mode == "append":
                write_deltalake(str(folder), rows, mode="append", schema_mode="merge")
            else:
                columns_as: Literal["merge", "overwrite"] = "merge" if condition else "overwrite"
                write_deltalake(str(folder), rows, mode="overwrite", schema_mode=columns_as, predicate=condition)
            give_checksums(folder)
            return
        if condition is not None:
            others = self.query(with_parts(_OTHER_ROWS, table=f"{{{table.name}}}", condition=condition), {})
            rows = pa.concat_tables([others.select(rows.column_names).cast(rows.schema), rows])
        # `write_deltalake` would do, but panics where the path of the folder holds a bracket.
        file = folder / f"part-00000-{uuid4()}-c000.snappy.parquet"
        pq.write_table(rows, file)
        self._commit(table, [_addition(file)], mode)

    def _commit(self, table: Table, additions: "list[AddAction]", mode: WriteMode) -> None:
        from deltalake.transaction import create_table_with_add_actions

        found, folder = self._open(table), self._folder_of(table)
        if found is None:
            create_table_with_add_actions(str(folder), _schema(table), additions)
        else:
            found.create_write_transaction([*additions], mode, _schema(table))
        give_checksums(folder)

    def _folder_of(self, table: Table) -> Path:
        return Path(self.folder) / table.name

    def _register(self, table: Table, builder: "QueryBuilder") -> str:
        """Make a table known to a builder; gives the SQL for its rows, with the columns that came later."""
        from pyspark.sql.types import StructType

        found = self._open(table)
        if found is None:
            return f"(select {null_columns(table.schema.fields)} where false)"
        builder.register(table.name, found)
        columns = _columns(found)
        added = table.added_since(columns)
        table.require(StructType([*columns.fields, *added]))
        if not added:
            return table.name
        return with_parts("(select *, {added} from {table})", added=null_columns(added), table=table.name)

    def _open(self, table: Table) -> "DeltaTable | None":
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        path = files.join(self.folder, table.name)
        try:
            found = DeltaTable(path)
            features = set(found.protocol().reader_features or ()) - {"timestampNtz"}
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            # Its text may hold what a URI or a store says, keys included, so the kind alone is told.
            raise CannotReadError(type(error).__name__) from None
        if features or found.protocol().min_reader_version == 2:  # column mapping
            raise CannotReadError(f"{table.name} needs {', '.join(sorted(features)) or 'column mapping'}")
        return found


def _taken_over(written: Path, folder: Path) -> "Iterator[AddAction]":
    """Move files, with their checksums, into the folder of a table; gives what its log says of them."""
    for file in sorted(written.glob("*.parquet")):
        place = folder / file.name
        # In this order: a file without checksums is read without a comparison, sums without a file would be refused.
        checksum = f".{file.name}.crc"
        shutil.move(file, place)
        if (written / checksum).exists():
            shutil.move(written / checksum, folder / checksum)
        yield _addition(place)


def _addition(file: Path) -> "AddAction":
    from deltalake.transaction import AddAction

    status = file.stat()
    return AddAction(file.name, status.st_size, {}, int(status.st_mtime * 1000), True, "{}")


def _arrow(rows: Any) -> "pa.Table":
    """Rows that delta-rs gave. `pyarrow.table` would do, but loads pandas to see whether they are a frame of it."""
    import pyarrow as pa

    return pa.RecordBatchReader.from_stream(rows).read_all()


def _schema(table: Table) -> "Schema":
    from deltalake import Schema

    return Schema.from_json(table.schema.json())


def _arrow_schema(table: Table) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema(_schema(table).to_arrow())


def _columns(table: "DeltaTable") -> "StructType":
    from pyspark.sql.types import StructType

    return StructType.fromJson(json.loads(table.schema().to_json()))
