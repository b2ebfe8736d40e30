"""The code that a Connect server is sent: all that a worker imports of ours, and the same bytes each time."""

import subprocess
import sys

from jobs.workspace.code_archive import write_code_archive


def test_executor_code_and_rules_load_from_the_archive_alone(tmp_path):
    archive = write_code_archive(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(archive)!r}); import udfs.reading, udfs.scoring.score_batches; "
        "from udfs.screen.rules import load_rules; from udfs.categories import load_category_rules; "
        "load_category_rules(); print(len(load_rules()), udfs.reading.__file__, 'jobs' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert said.returncode == 0, said.stderr
    assert f"{archive}/udfs/reading.py False" in said.stdout


def test_the_same_code_gives_the_same_bytes(tmp_path):
    assert write_code_archive(tmp_path).read_bytes() == write_code_archive(tmp_path).read_bytes()
