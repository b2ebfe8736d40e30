"""`databricks.yml` says what Databricks takes, and its tasks do what a run does: here on a Spark Connect server."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from typing import Any

import pytest
import yaml
from databricks.bundles.jobs import Job
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.volumes import Volume

from jobs.config.load import load_settings
from jobs.pipeline import STAGES
from tests.support.paths import ROOT

BUNDLE = yaml.safe_load((ROOT / "databricks.yml").read_text("utf-8"))
TARGETS = tuple(BUNDLE["targets"])
# The keys of a bundle that ours needs, by the reference of Databricks; a misspelt one would be ignored there.
KEYS = {
    "": {"bundle", "variables", "artifacts", "resources", "targets"},
    "bundle": {"name"},
    "variables.*": {"description", "default"},
    "artifacts.*": {"type", "build"},
    "resources": {"schemas", "volumes", "secret_scopes", "jobs"},
    "targets.*": {"default", "resources"},
    "targets.*.resources": {"jobs"},
}


def sections(path: str) -> list[dict[str, Any]]:
    """The mappings at a place, `*` being any key."""
    found = [BUNDLE]
    for part in filter(None, path.split(".")):
        found = [inner for one in found for inner in (one.values() if part == "*" else [one[part]])]
    return found


def job_of(target: str) -> dict[str, Any]:
    """The job as a target has it: Databricks merges the two, tasks by their key."""
    base, extra = (where["resources"]["jobs"]["phase0"] for where in (BUNDLE, BUNDLE["targets"][target]))
    added = {task["task_key"]: task for task in extra["tasks"]}
    assert list(added) == [task["task_key"] for task in base["tasks"]], "each task has a place to run"
    return {**base, **extra, "tasks": [{**task, **added[task["task_key"]]} for task in base["tasks"]]}


def parameters(**values: str) -> list[list[str]]:
    """The parameters of each task, with variables replaced by these values or by their defaults."""
    known = {name: str(variable["default"]) for name, variable in BUNDLE["variables"].items()} | values
    tasks = BUNDLE["resources"]["jobs"]["phase0"]["tasks"]
    return [
        [re.sub(r"\$\{var\.(\w+)\}", lambda found: known[found[1]], text) for text in given]
        for given in (task["python_wheel_task"]["parameters"] for task in tasks)
    ]


@pytest.mark.parametrize("path", KEYS)
def test_a_bundle_has_known_keys_only(path):
    for section in sections(path):
        assert set(section) <= KEYS[path]


@pytest.mark.parametrize("target", TARGETS)
def test_the_job_is_one_that_databricks_knows(target):
    job = Job.from_dict(job_of(target))  # refuses unknown keys and values at every depth

    keys = [task.task_key for task in job.tasks]
    assert keys == [stage.name for stage in STAGES]
    assert [[on.task_key for on in task.depends_on] for task in job.tasks] == [[], *([key] for key in keys[:-1])]
    places = {one.environment_key for one in job.environments} | {one.job_cluster_key for one in job.job_clusters}
    assert {task.environment_key or task.job_cluster_key for task in job.tasks} == places


def test_schema_volume_and_secret_scope_are_ones_that_databricks_knows():
    resources = BUNDLE["resources"]
    schema, volume = Schema.from_dict(resources["schemas"]["phase0"]), Volume.from_dict(resources["volumes"]["phase0"])
    SecretScope.from_dict(resources["secret_scopes"]["phase0"])

    assert volume.catalog_name == schema.catalog_name
    assert all(f"workspace=/Volumes/main/phase0/{volume.name}" in given for given in parameters())


def test_every_variable_is_declared_and_used():
    text = (ROOT / "databricks.yml").read_text("utf-8")
    assert set(re.findall(r"\$\{var\.(\w+)\}", text)) == set(BUNDLE["variables"])


def test_each_task_is_its_stage_with_settings_that_load():
    for stage, (command, *options) in zip(STAGES, parameters(), strict=True):
        assert command == stage.name
        # Nobody can be asked there whether to pay; the other stages pay nobody and have no such option.
        assert ("--yes" in options) == (stage.asks_models is not None)
        options = [option for option in options if option != "--yes"]
        config, overrides = options[1], options[3::2]
        assert options[::2] == ["--config", *["--set"] * len(overrides)]
        settings = load_settings(config, overrides)
        assert (settings.catalog, settings.workspace) == ("main.phase0", "/Volumes/main/phase0/phase0")


def test_the_wheel_has_the_entry_point_and_brings_no_spark_of_its_own(wheel):
    distribution = metadata.PathDistribution(zipfile.Path(wheel, "phase0-0.1.0.dist-info/"))
    wanted = {task["python_wheel_task"]["entry_point"] for task in BUNDLE["resources"]["jobs"]["phase0"]["tasks"]}

    assert wanted <= {point.name for point in distribution.entry_points.select(group="console_scripts")}
    required = [line for line in distribution.requires or [] if "extra ==" not in line]
    assert required and not [line for line in required if line.startswith(("pyspark", "delta-spark"))]


@pytest.mark.slow
def test_the_tasks_of_the_job_give_the_bytes_of_a_local_run_on_a_connect_server(demo, wheel, tmp_path):
    # As serverless compute runs them: the entry point out of the wheel, a Connect session, tables of a catalog.
    volume, workspace = "/Volumes/spark_catalog/default/phase0", tmp_path / "workspace"
    given = parameters(config="demo", catalog="spark_catalog", schema="default")
    tasks = [[text.replace(volume, str(workspace)) for text in one] for one in given]
    extracted = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(extracted)
    program = (
        "import json, sys\n"
        "from importlib.metadata import entry_points\n"
        "from pyspark.sql import SparkSession\n"
        "(point,) = entry_points(group='console_scripts', name='phase0-task')\n"
        "for parameters in json.loads(sys.argv[1]):\n"
        "    sys.argv[1:] = parameters\n"
        "    point.load()()\n"
        "print(type(SparkSession.getActiveSession()).__module__, sys.modules[point.module].__file__)\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", program, json.dumps(tasks)],
        env={**os.environ, "SPARK_REMOTE": "local[2]", "PYTHONPATH": str(extracted), "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout[-3000:] + said.stderr[-3000:]
    assert said.stdout.splitlines()[-1].split() == ["pyspark.sql.connect.session", f"{extracted}/jobs/cli/app.py"]
    both = (demo.workspace, workspace)
    ours, theirs = (hashlib.sha256((one / "output" / "dataset.jsonl").read_bytes()).hexdigest() for one in both)
    assert theirs == ours
