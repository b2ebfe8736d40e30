"""The command line: exit codes, and errors that say what to type."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.paths import ROOT

GOOD = {
    "instruction": "Name a prime number.",
    "response": "Seven.",
    "source": "x",
    "quality_score": 8.5,
    "category": "general",
}


def write(path: Path, rows, extra: str = "") -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + extra)
    return str(path)


def distinct(count: int):
    return [{**GOOD, "instruction": f"What is special about the number {n} {n * 7} {n * 13}?"} for n in range(count)]


@pytest.mark.parametrize(
    ("rows", "extra", "code", "said"),
    [
        (distinct(100), "", 0, "Validation Status: PASSED"),
        (distinct(95) + distinct(5), "", 1, "Dataset Ready for Training: NO"),
        (distinct(100), "{broken\n", 1, "line 101"),
    ],
    ids=["good", "5 % duplicates", "malformed"],
)
def test_verify_ends_with_the_code_of_its_finding(tmp_path, capsys, rows, extra, code, said):
    assert run("verify", "--input", write(tmp_path / "d.jsonl", rows, extra)) == code
    assert said in capsys.readouterr().out


def test_verify_of_a_missing_file_is_a_usage_error(tmp_path, capsys):
    assert run("verify", "--input", str(tmp_path / "none.jsonl")) == 2
    assert "none.jsonl" in capsys.readouterr().err


def test_verify_prints_json_on_demand(tmp_path, capsys):
    assert run("verify", "--json", "--input", write(tmp_path / "d.jsonl", distinct(3))) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "PASSED"


def test_a_wrong_configuration_is_a_usage_error_without_a_traceback(tmp_path, capsys):
    assert run("run", "--config", str(tmp_path / "none.yaml")) == 2
    said = capsys.readouterr().err
    assert said.startswith("phase0: no configuration") and "Traceback" not in said


def test_an_unknown_stage_or_option_is_a_usage_error(capsys):
    assert run("run", "--config", "demo", "--from", "nowhere") == 2
    assert run("run", "--colour") == 2


def test_the_status_of_a_run_that_never_was_says_what_to_type(spark, tmp_path, capsys):
    assert run("status", "--config", "demo", "--set", f"workspace={tmp_path}/none") == 2
    assert "there is no table runs" in capsys.readouterr().err


def test_showing_an_unknown_fate_names_the_known_ones(demo, capsys):
    of_the_demo = ("--config", "demo", "--set", f"workspace={demo.workspace}")
    assert run("show", *of_the_demo, "--reason", "no_such") == 2
    assert "selected" in " ".join(capsys.readouterr().err.split()).partition("there are: ")[2]


def test_a_stage_runs_as_a_script_with_only_the_zip_of_the_package_beside_it(tmp_path):
    # As spark-submit runs it: the script's folder comes first on the path, so no module of ours may hide another.
    script = ROOT / "jobs" / "screen.py"
    said = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert said.returncode == 0 and "mark what breaks a rule" in said.stdout, said.stderr


@pytest.mark.parametrize("looks", [["status"], ["show", "--reason", "low_score"], ["explain", "--line", "1"]])
def test_who_looks_waits_neither_for_java_nor_for_pandas(demo, looks):
    code = (
        "import sys, pyspark, jobs.cli.app as app\n"
        "try: app.main(sys.argv[1:])\n"
        "except SystemExit as end: print('ended with', end.code)\n"
        "print('pandas' in sys.modules, pyspark.SparkContext._gateway)"
    )
    command = [sys.executable, "-c", code, *looks, "--config", "demo", "--set", f"workspace={demo.workspace}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    assert said[-2:] == ["ended with 0", "False None"]
