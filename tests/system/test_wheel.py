"""What travels to a cluster: the wheel, which is also the zip for `--py-files`, holds code and data."""

import subprocess
import sys
import zipfile

from tests.support.paths import ROOT

PACKAGES = ("conf", "jobs", "schemas", "udfs")


def test_it_holds_every_module_and_every_data_file(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".yaml", ".css", ".j2", ".json", ".jsonl", ".gz") and "__pycache__" not in path.parts
    }
    assert wanted and not wanted - held


def test_it_holds_no_tests_and_no_workspace(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_rules_and_code_load_from_the_zip_alone(wheel, tmp_path):
    zipped = tmp_path / "phase0.zip"
    zipped.write_bytes(wheel.read_bytes())
    program = (
        f"import sys; sys.path.insert(0, {str(zipped)!r}); import udfs.reading, udfs.scoring.score_batches; "
        "import jobs.pipeline; "
        "from udfs.screen.rules import load_rules; from udfs.categories import load_category_rules; "
        "from jobs.validation.suites import load_suite; load_category_rules(); load_suite('scores'); "
        "print(len(load_rules()), udfs.reading.__file__)"
    )
    said = subprocess.run(
        [sys.executable, "-S", "-c", f"import site; site.main(); {program}"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert "phase0.zip" in said.stdout
