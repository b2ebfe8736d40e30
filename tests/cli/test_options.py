"""What the commands make of their options."""

import os
import subprocess
import sys

from jobs.cli.app import HELP, _load
from jobs.config.load import load_settings
from jobs.pipeline import STAGES
from jobs.run.small_files import for_small_files
from jobs.workspace.session import THROUGH_DRIVER
from tests.support.paths import ROOT

OPTIONS = "spark.driver.extraJavaOptions"


def settings_of(path, *overrides):
    source = f"sources=[{{name: s, path: '{path}', format: alpaca, licence: MIT}}]"
    return load_settings("demo", [source, "spark.conf={}", *overrides])


def test_small_files_are_run_without_javas_slow_compiler_unless_the_configuration_says_otherwise(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"x" * 1_000)
    small = settings_of(file)
    of_small = for_small_files(small).spark.conf[OPTIONS]
    assert of_small.startswith("-XX:TieredStopAtLevel=1 ") and "SerialGC" in of_small
    assert for_small_files(small).spark.conf["spark.sql.codegen.wholeStage"] == "false"
    assert for_small_files(small).spark.conf[THROUGH_DRIVER] == "true"
    with_codegen = settings_of(file, "spark.conf={spark.sql.codegen.wholeStage: 'true'}")
    assert for_small_files(with_codegen).spark.conf["spark.sql.codegen.wholeStage"] == "true", "whoever says so has it"
    assert for_small_files(small).model_copy(update={"spark": small.spark}) == small, "and nothing else changes"

    own = settings_of(file, f"spark.conf={{{OPTIONS}: -Xss4m}}")
    assert for_small_files(own) == own
    file.write_bytes(b"x" * 6_000_000)
    of_middling = for_small_files(small).spark.conf
    assert of_middling[OPTIONS].startswith("-XX:TieredStopAtLevel=1 ") and "SerialGC" not in of_middling[OPTIONS]
    assert of_middling.keys() == {OPTIONS}
    os.truncate(file, 200_000_000)
    assert for_small_files(small) == small
    assert for_small_files(settings_of("s3://bucket/a.jsonl")) == settings_of("s3://bucket/a.jsonl")


def test_the_list_of_commands_loads_none_of_them():
    heavy = ("pyspark", "pyarrow", "openai", "pandas", "jobs.pipeline", "jobs.config.settings")
    told = f"import sys, jobs.cli.app as app; app.get_command(app.app); print([n for n in {heavy} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"


def test_neither_a_run_nor_a_look_loads_what_only_a_search_or_a_surrogate_needs():
    heavy = ("pyspark.ml", "pandas")
    told = f"import sys, jobs.pipeline, jobs.cli.inspection; print([n for n in {heavy} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"


def test_the_list_of_commands_says_of_each_what_the_command_says_of_itself():
    assert {name: _load(name).get_short_help_str(1_000) for name in HELP} == {
        name: text.removesuffix(".") + "." for name, text in HELP.items()
    }


def test_every_stage_is_a_command():
    stages = [name for name, text in HELP.items() if text.startswith("Stage: ")]
    assert stages == [stage.name for stage in STAGES], "those of databricks.yml are typed like these"
