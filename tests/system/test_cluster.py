"""A run on a real standalone cluster gives the bytes of a local one, with the executors' packages in an archive."""

import ast
import hashlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.demo import demo_conf
from tests.support.paths import ROOT
from tests.support.standalone_cluster import SPARK_HOME, bare_environment, standalone_cluster


@pytest.fixture(scope="module")
def env_archive() -> Path:
    """`dist/env.tar.gz`, made anew where the list of requirements is younger."""
    installed = f"{sys.prefix}/.installed"  # this very environment, however it was set up
    subprocess.run(["make", "env-archive", f"VENV={sys.prefix}", "-o", installed], cwd=ROOT, check=True)
    return ROOT / "dist" / "env.tar.gz"


def documented_command() -> list[str]:
    """The words of the command for a standalone cluster in docs/CLUSTER.md."""
    guide = (ROOT / "docs" / "CLUSTER.md").read_text("utf-8")
    found = re.search(r"## Standalone\n+```text\n(.*?)```", guide, re.DOTALL)
    assert found
    return shlex.split(found.group(1).replace("\\\n", " "))


def submit(master: str, zipped: Path, env_archive: Path, workspace: Path) -> subprocess.CompletedProcess[str]:
    """Run the pipeline on the embedded sample as docs/CLUSTER.md says."""
    ours = {
        "spark://master:7077": master,
        "spark.pyspark.driver.python=.venv/bin/python": f"spark.pyspark.driver.python={sys.executable}",
        "dist/phase0.zip": str(zipped),
        "dist/env.tar.gz#environment": f"{env_archive}#environment",
        "my.yaml": str(ROOT / "conf" / "demo.yaml"),
    }
    given = documented_command()
    assert not set(ours) - set(given)
    name, *command = [ours.get(word, word) for word in given]
    # Not of the guide: the loopback, little memory, and the haste of the demo.
    confs = {
        **demo_conf(),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.executor.memory": "1g",
        "spark.executor.cores": "1",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.databricks.delta.stats.skipping": "false",
        "spark.databricks.delta.stats.collect": "false",
    }
    extra = [part for key, value in confs.items() for part in ("--conf", f"{key}={value}")]
    return subprocess.run(
        [str(SPARK_HOME / "bin" / name), *extra, *command, "--set", f"workspace={workspace}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=bare_environment(),
        check=False,
    )


@pytest.mark.slow
def test_a_cluster_whose_machines_lack_our_packages_gives_the_bytes_of_a_local_run(demo, wheel, env_archive, tmp_path):
    zipped = tmp_path / "phase0.zip"
    zipped.write_bytes(wheel.read_bytes())
    workspace = tmp_path / "workspace"

    with standalone_cluster(tmp_path) as master:
        said = submit(master, zipped, env_archive, workspace)

    assert said.returncode == 0, said.stdout[-3000:] + said.stderr[-3000:]
    both = (demo.workspace, workspace)
    ours, theirs = (hashlib.sha256((one / "output" / "dataset.jsonl").read_bytes()).hexdigest() for one in both)
    assert theirs == ours
    executed = [sorted(path.name for path in tmp_path.glob(f"worker-{number}/app-*/*")) for number in range(2)]
    assert all(executed), "both workers had an executor"


def test_a_machine_of_the_cluster_has_none_of_our_packages():
    program = "from importlib.util import find_spec; print([n for n in ('pyarrow', 'xxhash', 'udfs') if find_spec(n)])"
    said = subprocess.run(
        ["python3", "-c", program], capture_output=True, text=True, env=bare_environment(), cwd="/", check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_archive_lists_what_executors_import():
    modules = [path for package in ("schemas", "udfs") for path in (ROOT / package).rglob("*.py")]
    nodes = [node for path in modules for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    tops = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    tops -= {"conf", "schemas", "udfs", "pyspark"}  # `--py-files` brings ours, the cluster brings pyspark
    text = (ROOT / "requirements-executors.txt").read_text("utf-8")
    listed = {re.split("[=<>]", line)[0].lower() for line in text.splitlines() if not line.startswith("#")}

    assert {{"yaml": "pyyaml"}.get(name, name).lower() for name in tops} <= listed
