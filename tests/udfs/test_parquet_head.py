"""Rows of Parquet files that Spark does not take, read by us."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from udfs.parquet_head import rows_of_table


def test_all_rows_are_read_with_their_places(tmp_path):
    table = pa.table({"n": list(range(1_200)), "N": ["x"] * 1_200})
    pq.write_table(table, tmp_path / "a.parquet")

    found = list(rows_of_table(str(tmp_path / "a.parquet")))

    assert [row.position for row in found] == list(range(1_200))
    assert json.loads(found[-1].record) == {"n": 1_199, "N": "x"}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_file_that_is_none_says_so_in_one_record(tmp_path, content):
    (tmp_path / "a.parquet").write_bytes(content)

    assert [(row.position, row.reason) for row in rows_of_table(str(tmp_path / "a.parquet"))] == [
        (0, "corrupt_parquet")
    ]


def test_a_file_that_ends_early_keeps_what_was_read(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"{n} " + "x" * 50 for n in range(4_000)]})
    pq.write_table(table, path, row_group_size=1_000, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle - 30_000 : middle + 30_000] = bytes(60_000)
    path.write_bytes(content)

    found = list(rows_of_table(str(path)))

    assert found[-1].reason == "corrupt_parquet" and len(found) > 1_000
