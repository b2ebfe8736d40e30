"""Whoever writes to a disk without room: the error names the place, so that one line can say it and what to type."""

import asyncio
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.errors import PySparkException

from jobs.curation.review_sheet import COLUMNS, write_sheet
from jobs.deduplication.kept_rows import DUPLICATE
from jobs.publish.folder import new_folder
from jobs.publish.shards import Shards
from jobs.workspace import files
from jobs.workspace.lease import hold_lease
from jobs.workspace.machine_errors import WORKSPACE, explained, is_of_machine
from jobs.workspace.storage import Storage
from schemas.errors import EnvironmentSetupError, StoppedError
from schemas.tables import SCREEN
from tests.support.factories import rows_of, store
from tests.support.small_disk import fill, mounted
from udfs.llm.journal import Journal
from udfs.llm.journal_reader import journal_records

RECORD = {"kind": "sent", "request_id": "r", "attempt_id": "a", "text": "x" * 5_000}


def write_report(folder):
    files.write_text(f"{folder}/output/report.html", "x" * 100_000)


def write_provenance(folder):
    with files.open_atomic(f"{folder}/output/provenance.parquet") as out, pq.ParquetWriter(out, DUPLICATE) as writer:
        writer.write_table(DUPLICATE.empty_table())
        out.write(os.urandom(1 << 20))


def write_reviews(folder):
    write_sheet([dict.fromkeys(COLUMNS, "x" * 20_000)], folder / "reviews.csv")


def write_with_delta_rs(folder):
    store(Storage(_no_spark, str(folder)), {SCREEN: [{}]})


def write_journal(folder):
    async def write():
        journal = Journal(str(folder / "journal/w"), "t")
        for _ in range(30):
            await journal.append(RECORD)
        await journal.close()

    asyncio.run(write())


def write_package(folder):
    with files.naming(str(folder / "package")), new_folder(folder / "package") as package:
        (package / "data").mkdir()
        shards = Shards(package, "default", "train", ["jsonl"], 1, 9, 1 << 20)
        for _ in range(9):
            shards.write({"instruction": "x" * 20_000})
        shards.close()


def take_the_lease(folder):
    with hold_lease(str(folder), "r", seconds=9, grace_seconds=1, is_paid=False, say=print):
        pass


WRITERS = [
    write_report,
    write_provenance,
    write_reviews,
    write_with_delta_rs,
    write_journal,
    write_package,
    take_the_lease,
]


def _no_spark():
    raise AssertionError("Spark is not needed")


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_full_disk_is_named_by_whoever_writes_to_it(tmp_path, write, capfd):
    with mounted(tmp_path / "disk", "size=64k") as disk:
        (disk / "w").mkdir()
        if write is take_the_lease:
            fill(disk)
        with pytest.raises(OSError) as fault:
            write(disk / "w")
        told = explained(fault.value, None)
        left = sorted(path.name for path in disk.rglob("*") if path.name.startswith(".") or path.suffix == ".tmp")

    assert is_of_machine(fault.value) and isinstance(told, StoppedError)
    assert str(told).startswith(f"the disk is full: {disk}/w") and "\n" not in str(told)
    assert left == [], "half a file is taken away"
    assert capfd.readouterr().err == "", "no library says its own"


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_folder_that_became_read_only_is_named_too(tmp_path, write, capfd):
    with mounted(tmp_path / "disk", "ro,size=64k") as disk:
        with pytest.raises(OSError) as fault:
            write(disk / "w")
        told = explained(fault.value, None)

    assert isinstance(told, EnvironmentSetupError)
    assert str(told).startswith(f"{disk}/w") and "cannot be written to (Read-only file system)" in str(told)
    assert capfd.readouterr().err == ""


def test_half_a_line_of_the_journal_is_taken_back_so_that_the_next_one_is_read(tmp_path):
    async def write(disk):
        journal = Journal(str(disk / "j"), "t")
        await journal.append({**RECORD, "text": "first"})
        with pytest.raises(OSError, match=r"j/t\.jsonl"):
            await journal.append({**RECORD, "text": "x" * 100_000})
        await journal.append({**RECORD, "text": "after it"})
        await journal.close()

    with mounted(tmp_path / "disk", "size=64k") as disk:
        asyncio.run(write(disk))
        read = list(journal_records(str(disk / "j")))

    assert [record["text"] for record in read] == ["first", "after it"]


def test_spark_on_a_full_disk_names_the_workspace(spark, tmp_path):
    with mounted(tmp_path / "disk", "size=256k") as disk:
        storage = Storage(lambda: spark, str(disk / "w"))
        storage.replace(SCREEN, rows_of(spark, SCREEN, [{}]))
        fill(disk)
        with pytest.raises(Exception) as fault:  # of whichever library
            storage.replace(SCREEN, rows_of(spark, SCREEN, [{}]))
        told = explained(fault.value, str(disk / "w"))

    assert is_of_machine(fault.value)
    assert isinstance(told, StoppedError) and str(told).startswith(f"the disk is full: {disk}/w. Make room (df -h ")


def test_an_error_around_the_disks_own_is_told_as_the_disks(tmp_path):
    wrapped = ValueError("Unable to store the validation result")
    wrapped.__context__ = OSError(28, "No space left on device", "/w/data_docs/index.html")

    assert is_of_machine(wrapped)
    assert str(explained(wrapped, None)).startswith("the disk is full: /w/data_docs/index.html. Make room")
    assert not is_of_machine(StoppedError("12 prompts are pending")) and not is_of_machine(ValueError("x"))


def test_an_error_that_names_no_place_is_told_with_the_commands_workspace():
    token = WORKSPACE.set("/somewhere")
    try:
        told = explained(PySparkException("java.io.IOException: Disk quota exceeded"), None)
    finally:
        WORKSPACE.reset(token)

    assert str(told).startswith("the disk is full: /somewhere. Make room (df -h /somewhere ")


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (OSError(28, "No space left on device"), "/w/x"),
        (OSError(28, "No space left on device", "/own"), "/own"),
        (ConnectionResetError(104, "reset"), "/w/x"),
    ],
)
def test_an_error_gets_the_place_that_it_lacks_and_keeps_its_kind(error, named):
    with pytest.raises(type(error)) as told, files.naming("/w/x"):
        raise error

    assert (told.value.filename, told.value.errno) == (named, error.errno)


def test_an_error_without_a_number_is_left_as_it_is():
    error = pa.ArrowInvalid("x")

    with pytest.raises(pa.ArrowInvalid) as told, files.naming("/w/x"):
        raise error
    with pytest.raises(OSError, match=r"^no number$"), files.naming("/w/x"):
        raise OSError("no number")

    assert told.value is error
