"""Whether a table's files are those of its log, asked without Spark."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.workspace.table_files import table_fault


def write_table(folder, commits, sizes=None):
    """A Delta table as far as its files go: commits are lists of (name added, or -name removed)."""
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    for number, names in enumerate(commits):
        actions = [{"commitInfo": {}}]
        for name in names:
            if name.startswith("-"):
                actions.append({"remove": {"path": name[1:]}})
            else:
                actions.append({"add": {"path": name, "size": 4}})
                (folder / name.replace("%20", " ")).write_text("data")
        (log / f"{number:020d}.json").write_text("\n".join(map(json.dumps, actions)))
    return folder


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path / "t", [["a.parquet"], ["-a.parquet", "b%20c.parquet"], ["d.parquet"]])


def test_a_whole_table_has_no_fault_nor_has_one_that_was_never_written(table, tmp_path):
    assert table_fault(table) is None
    assert table_fault(tmp_path / "none") is None
    (table / "a.parquet").unlink()
    assert table_fault(table) is None, "what was removed may be cleaned away"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda t: (t / "b c.parquet").unlink(), "b c.parquet is missing"),
        (lambda t: (t / "d.parquet").write_text("dat"), "d.parquet has 3 bytes and was written with 4"),
        (lambda t: commit(t, 1).unlink(), "00000000000000000001.json is missing"),
        (lambda t: commit(t, 0).unlink(), "00000000000000000000.json is missing"),
        (lambda t: commit(t, 2).write_text('{"add": {'), "00000000000000000002.json cannot be read as a commit"),
        (lambda t: commit(t, 2).write_text(""), "00000000000000000002.json cannot be read as a commit"),
        (lambda t: commit(t, 2).write_text("[1]"), "00000000000000000002.json cannot be read as a commit"),
        (lambda t: commit(t, 2).write_bytes(b"\xff"), "00000000000000000002.json cannot be read as a commit"),
    ],
)
def test_what_is_missing_or_cut_is_named(table, harm, said):
    harm(table)

    assert said in table_fault(table)


def test_a_file_where_a_folder_is_wanted_is_named(tmp_path):
    (tmp_path / "t").write_text("x")
    (tmp_path / "u").mkdir()
    (tmp_path / "u" / "_delta_log").write_text("x")

    assert table_fault(tmp_path / "t") == f"{tmp_path}/t is not a folder"
    assert table_fault(tmp_path / "u") == f"{tmp_path}/u/_delta_log is not a folder"


def test_commits_that_a_checkpoint_sums_up_need_not_be_there(table):
    (table / "_delta_log" / f"{1:020d}.checkpoint.parquet").write_text("")
    commit(table, 0).unlink()
    commit(table, 1).unlink()

    assert table_fault(table) is None


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_whatever_a_commit_holds_it_is_a_fault_or_none_but_no_error(content, tmp_path_factory):
    table = write_table(tmp_path_factory.mktemp("t") / "t", [[]])
    commit(table, 0).write_bytes(content)

    fault = table_fault(table)

    assert fault is None or fault.endswith("cannot be read as a commit of Delta")


def commit(table, number):
    return table / "_delta_log" / f"{number:020d}.json"
