"""The folder of a package appears whole, however the run that writes it ends."""

import json
import os
import signal
import subprocess
import sys

import pytest

from jobs.publish.folder import KIND, clear_litter, new_folder
from tests.support.paths import ROOT

# Writes a package and stops in the middle of it, or between the two renames at its end.
WRITER = """
import sys
from pathlib import Path
from jobs.publish import folder as f
target, where = Path(sys.argv[1]), sys.argv[2]
def stop(*_):
    print("there", flush=True)
    sys.stdin.read()
if where == "between":
    rename = Path.rename
    def renamed(self, to):
        if Path(to) == target:
            stop()
        return rename(self, to)
    Path.rename = renamed
with f.new_folder(target) as folder:
    (folder / "manifest.json").write_text('{"kind": "phase0 package", "files": {}, "is": "new"}')
    if where == "within":
        stop()
"""


def write(target, text):
    with new_folder(target) as folder:
        (folder / "manifest.json").write_text(json.dumps({"kind": KIND, "files": {}, "is": text}))


def said(target):
    return json.loads((target / "manifest.json").read_text())["is"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def writer(tmp_path):
    """Starts a process that stops at a place, and ends it with the test."""
    started = []

    def start(where):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "p"), where],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "there\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("where", ["within", "between"])
def test_what_a_killed_run_left_is_gone_with_the_next_and_the_old_package_is_not(tmp_path, writer, where):
    target = tmp_path / "p"
    write(target, "old")
    process = writer(where)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(names(tmp_path)) == 2, "there is litter"

    clear_litter(target)
    assert (names(tmp_path), said(target)) == (["p"], "old")

    write(target, "newer")
    assert (names(tmp_path), said(target)) == (["p"], "newer")


def test_what_another_run_is_writing_is_left_alone(tmp_path, writer):
    process = writer("within")
    live = names(tmp_path)

    write(tmp_path / "p", "mine")

    assert names(tmp_path) == [*live, "p"]
    process.communicate("")
    assert (names(tmp_path), said(tmp_path / "p")) == (["p"], "new")


def test_folders_of_others_are_left_alone(tmp_path):
    for name in (".p.notes", ".p.0123456", ".q.01234567", "p.01234567", ".p.01234567.older"):
        (tmp_path / name).mkdir()
    (tmp_path / ".p.89abcdef").write_text("a file")

    write(tmp_path / "p", "mine")

    assert len(names(tmp_path)) == 7


def test_an_error_leaves_the_target_as_it_was_and_nothing_beside_it(tmp_path):
    write(tmp_path / "p", "old")

    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "p"):
        1 / 0  # noqa: B018

    assert (names(tmp_path), said(tmp_path / "p")) == (["p"], "old")
