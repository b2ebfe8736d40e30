"""A flipped bit in a table is seen before delta-rs, which does not look, reads it."""

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py4j.protocol import Py4JJavaError

from jobs.workspace.checksums import _joined, is_as_written, write_checksum
from jobs.workspace.queries import EVERY_TABLE
from jobs.workspace.storage import Storage
from jobs.workspace.table_files import table_fault
from schemas.errors import DamagedTableError
from schemas.tables import REVIEWS, SCREEN
from tests.support.factories import rows_of

REVIEW = {"pair_id": "a" * 32, "reviewer": "ana", "verdict": "keep", "note": "good"}


def flip(path: Path, place: int) -> bytes:
    """Turn one bit of a file over; gives what it held before."""
    content = path.read_bytes()
    harmed = bytearray(content)
    harmed[place // 8 % len(harmed)] ^= 1 << place % 8
    path.write_bytes(harmed)
    return content


def is_sealed(path: Path) -> bool:
    return path.with_name(f".{path.name}.crc").exists()


def test_the_checksums_are_those_of_spark_which_finds_a_flipped_bit_by_ours(spark, tmp_path):
    Storage(lambda: spark, str(tmp_path)).replace(SCREEN, rows_of(spark, SCREEN, [{}]))
    part = max((tmp_path / "tables" / "screen").glob("*.parquet"), key=lambda path: path.stat().st_size)
    for path in (part, next(part.parent.glob("_delta_log/*.json"))):
        theirs = path.with_name(f".{path.name}.crc").read_bytes()
        assert is_as_written(path)
        write_checksum(path)
        assert path.with_name(f".{path.name}.crc").read_bytes() == theirs

    flip(part, 400)
    with pytest.raises(Py4JJavaError, match=r"[Cc]hecksum"):
        spark.read.parquet(str(part)).collect()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 5000])
def test_every_bit_counts(tmp_path, size):
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)) * 20)
    path.write_bytes(path.read_bytes()[:size])
    write_checksum(path)
    assert is_as_written(path)
    for place in range(0, size * 8, 97):
        content = flip(path, place)
        assert not is_as_written(path)
        path.write_bytes(content)


@pytest.mark.parametrize("block", [1, 7, 512])
@given(content=st.binary(max_size=9_000))
def test_the_sums_of_blocks_make_that_of_the_whole(block, content):
    sums = [zlib.crc32(content[start : start + block]) for start in range(0, len(content), block)]
    assert _joined(np.array(sums, np.uint32), block, len(content)) == zlib.crc32(content)


def test_checksums_of_another_length_are_none_of_this_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a" * 512)
    write_checksum(path)
    path.write_bytes(b"a" * 1024)
    assert not is_as_written(path)


@pytest.mark.parametrize("bit", range(32))
def test_a_bit_that_flips_in_the_size_of_a_block_costs_no_memory(tmp_path, bit):
    path = tmp_path / "x"
    path.write_bytes(b"a" * 300)
    write_checksum(path)
    flip(tmp_path / ".x.crc", 32 + bit)
    tracemalloc.start()
    try:
        is_as_written(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_file_without_checksums_is_believed(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert is_as_written(path)
    (tmp_path / ".x.crc").write_bytes(b"")  # where the power went before they were written
    assert is_as_written(path)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """A table that delta-rs wrote in two commits."""
    workspace = tmp_path_factory.mktemp("workspace")
    storage = Storage(lambda: pytest.fail("no Spark is needed"), str(workspace))
    for verdict in ("keep", "drop"):
        storage.append_rows(REVIEWS, [{**REVIEW, "verdict": verdict}])
    return storage, workspace / "tables" / "reviews"


@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, 99), place=st.integers(0, 10**6))
def test_a_flipped_bit_anywhere_in_a_table_is_told_and_never_read(reviews, which, place):
    storage, folder = reviews
    files = sorted([*folder.glob("*.parquet"), *folder.glob("_delta_log/*.json")])
    path = files[which % len(files)]
    content = flip(path, place)
    try:
        with pytest.raises(DamagedTableError, match=r"the table reviews is damaged: .*put .* back from a backup"):
            storage.query("select verdict from {reviews}", (), {})
    finally:
        path.write_bytes(content)


def test_after_all_that_the_table_is_whole(reviews):
    storage, folder = reviews
    found = storage.query("select verdict from {reviews} order by verdict", (), {}).to_pylist()

    assert [row["verdict"] for row in found] == ["drop", "keep"]
    assert table_fault(folder, compares=True) is None
    assert all(is_sealed(path) for path in (*folder.glob("*.parquet"), *folder.glob("_delta_log/*.json")))


def test_all_damaged_tables_are_named_at_once(tmp_path):
    storage = Storage(lambda: pytest.fail("no Spark is needed"), str(tmp_path))
    for table, row in ((REVIEWS, REVIEW), (SCREEN, {"id": "a" * 32})):
        storage.append_rows(table, [row])
    flip(next((tmp_path / "tables" / "reviews").glob("*.parquet")), 99)
    next((tmp_path / "tables" / "screen").glob("*.parquet")).unlink()

    with pytest.raises(DamagedTableError) as told:
        storage.require_all_whole(EVERY_TABLE)

    screen, reviews = str(told.value).splitlines()
    assert "reviews is damaged" in reviews and "differs from its checksum" in reviews
    assert "screen is damaged" in screen and "is missing" in screen


def test_a_very_large_table_is_left_to_spark(reviews, monkeypatch):
    _, folder = reviews
    monkeypatch.setattr("jobs.workspace.table_files._MOST_COMPARED_BYTES", 10)
    path = next(folder.glob("*.parquet"))
    content = flip(path, 99)

    assert table_fault(folder, compares=True) is None
    path.write_bytes(content)
