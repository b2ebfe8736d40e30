"""What goes wrong with the machine is told in one line, with the folder and what to type. Nothing is simulated."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from jobs.workspace.storage import Storage
from schemas.errors import DamagedTableError
from schemas.tables import SCREEN
from tests.support.factories import rows_of
from tests.support.paths import ROOT
from tests.support.small_disk import mounted

COMMAND = [sys.executable, "-m", "jobs.cli"]


def phase0(*arguments, **changed):
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, **changed},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


def run_in(workspace):
    return phase0("run", "--config", "demo", "--set", f"workspace={workspace}")


def test_a_workspace_that_cannot_be_written_to_is_told_before_spark_starts(tmp_path):
    (tmp_path / "file").write_text("")

    for place, reason in ((tmp_path / "file", "File exists"), (tmp_path / "file" / "w", "Not a directory")):
        code, said = run_in(place)
        assert code == 2 and len(said.splitlines()) == 1
        assert said.startswith(f"phase0: {place} cannot be written to ({reason}). Type: --set workspace=FOLDER")


def test_a_read_only_disk_is_told_before_spark_starts(tmp_path):
    with mounted(tmp_path / "disk", "ro,size=1m") as disk:
        code, said = run_in(disk / "w")

    assert (code, said.partition(".")[0]) == (2, f"phase0: {disk}/w cannot be written to (Read-only file system)")


def test_a_disk_that_is_full_already_is_told_before_spark_starts(tmp_path):
    with mounted(tmp_path / "disk", "size=16k") as disk:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            (disk / "x").write_bytes(bytes(1 << 20))
        code, said = run_in(disk / "w")

    assert code == 3 and said.startswith(f"phase0: the disk is full: {disk}/w. Make room (df -h {disk}/w ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["show-config", "--config", "demo"], 3), (["status", "--config", "none.yaml"], 2)],
)
def test_the_exit_code_is_the_same_where_not_even_the_log_can_be_written(arguments, code):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, stdout=full, stderr=full, check=False, timeout=120)

    assert done.returncode == code


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_takes_no_utf8_is_no_error(encoding):
    done = subprocess.run(
        [*COMMAND, "show-config", "--config", "demo", "--set", "export.title=naïve → 例"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        timeout=120,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert "例".encode(encoding, "replace") in done.stdout


def test_a_second_run_is_refused_before_spark_starts(tmp_path):
    lease = {
        "epoch": 1,
        "expires_at": time.time() + 600,
        "holder": {"host": socket.gethostname(), "pid": os.getpid(), "run_id": "r-1", "started_at": "now"},
        "paid": False,
    }
    (tmp_path / "lease.json").write_text(json.dumps(lease))

    code, said = run_in(tmp_path)

    assert code == 3 and said.startswith("phase0: run r-1 works on this workspace")
    assert not (tmp_path / "logs").exists(), "Spark was not started"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda part, log: part.unlink(), "is missing"),
        (lambda part, log: part.write_bytes(part.read_bytes()[:99]), "has 99 bytes and was written with"),
        (lambda part, log: log.write_text("{"), "cannot be read as a commit of Delta"),
    ],
)
def test_a_damaged_table_is_named_with_what_to_type(spark, tmp_path, harm, said):
    storage = Storage(lambda: spark, str(tmp_path))
    storage.replace(SCREEN, rows_of(spark, SCREEN, [{}]))
    folder = tmp_path / "tables" / "screen"
    harm(next(folder.glob("*.parquet")), next(folder.glob("_delta_log/*.json")))

    for act in (lambda: storage.read(SCREEN), lambda: storage.append(SCREEN, rows_of(spark, SCREEN, [{}]))):
        with pytest.raises(DamagedTableError) as refused:
            act()
        assert said in str(refused.value) and f"Type: rm -r {folder}, then phase0 run" in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_process_group_ends_a_run_with_one_line(tmp_path, number):
    process = subprocess.Popen(
        [*COMMAND, "run", "--config", "demo", "--set", f"workspace={tmp_path}/w"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("screen:"):
            break
    time.sleep(1)
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=120)

    name = "Ctrl-C" if number is signal.SIGINT else "SIGTERM"
    told = f"phase0: stopped by {name}: what was done and paid is kept, and the same command goes on from there\n"
    assert (process.returncode, said) == (3, told)


@pytest.mark.slow
def test_a_disk_that_fills_up_in_the_middle_of_a_run_is_told(tmp_path):
    # The demo needs about 2.5 MB; with so much it comes into the stages.
    with mounted(tmp_path / "disk", "size=1400k") as disk:
        done = subprocess.run(
            [*COMMAND, "run", "--config", "demo", "--set", f"workspace={disk}/w"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    told = f"phase0: the disk is full: {disk}/w. Make room (df -h {disk}/w {tempfile.gettempdir()}) and type the same"
    assert (done.returncode, done.stderr) == (3, f"{told} again: it goes on from there\n")
