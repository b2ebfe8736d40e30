"""The files of a package: where they are cut, what is in them, and that their bytes depend on the rows alone."""

import json

import pyarrow.parquet as pq
import pytest

from jobs.config.settings import PackageConfig
from jobs.publish import shards as package_files
from jobs.publish.content import write_content
from schemas.records import PROVENANCE_FILE
from tests.support.packages import packable

ROWS = [packable(number) for number in range(10)]


def write(folder, rows=ROWS, **options):
    folder.mkdir()
    config = PackageConfig(**options)
    expected = {(name, "train"): len(rows) for name in (("default", "messages") if config.messages else ("default",))}
    return write_content(rows, folder, config, expected)


def test_shards_differ_by_one_row_at_most_and_are_cut_alike_in_both_formats(tmp_path):
    content = write(tmp_path / "p", shards=4, formats=["jsonl", "parquet"])

    rows = [facts["rows"] for facts in content.files.values() if facts.get("format") == "jsonl"]
    assert (sorted(rows), sum(rows)) == ([2, 2, 3, 3], 10)
    for shard in range(4):
        path = tmp_path / "p" / "data" / f"train-{shard:05d}-of-00004.jsonl"
        read = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert pq.read_table(path.with_suffix(".parquet")).to_pylist() == read


def test_there_are_never_more_shards_than_rows(tmp_path):
    assert len(write(tmp_path / "p", shards=99).files) == 10 + len([PROVENANCE_FILE])


def test_a_file_is_full_before_it_exceeds_its_size_unless_one_row_does(tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.publish.content._MB", 400)
    long = packable(99, response="x" * 2_000)

    content = write(tmp_path / "p", [*ROWS[:5], long, *ROWS[5:]], max_shard_mb=2)

    sizes = [(facts["rows"], facts["bytes"]) for facts in content.files.values() if "format" in facts]
    assert sum(rows for rows, _ in sizes) == 11
    assert all(size <= 800 or rows == 1 for rows, size in sizes) and max(size for _, size in sizes) > 2_000
    assert sum(rows > 1 for rows, _ in sizes) >= 3, "several rows go into one file"


def test_a_row_group_is_full_before_the_next_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(package_files, "_GROUP_ROWS", 4)

    write(tmp_path / "a", formats=["jsonl", "parquet"], messages=True)

    file = pq.ParquetFile(tmp_path / "a" / "data" / "train-00000-of-00001.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [4, 4, 2]


@pytest.mark.parametrize("text", ['Say "hi"\n\u2028<b>é</b>', "日本語 \U0001f600", "\x00\x7f \u202e"])
def test_any_text_comes_back_as_it_was_from_both_formats(tmp_path, text):
    history = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    row = packable(1, instruction=text, response=text, system=text, history=history)

    write(tmp_path / "p", [row], formats=["jsonl", "parquet"], messages=True)

    folder = tmp_path / "p" / "messages"
    (line,) = (folder / "train-00000-of-00001.jsonl").read_bytes().splitlines()
    roles = ["system", "user", "assistant", "user", "assistant"]
    assert json.loads(line)["messages"] == [{"role": role, "content": text} for role in roles]
    assert pq.read_table(folder / "train-00000-of-00001.parquet").to_pylist() == [json.loads(line)]
