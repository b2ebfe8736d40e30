"""What spares Java its start is used where it is, and nobody's own settings are overruled by it."""

import shlex
import sys

import pytest

from jobs.config.spark import SparkConfig
from jobs.workspace.quick_start import JAVA_OPTIONS, quick_start, quick_start_folder
from jobs.workspace.session import is_one_process

CLASS_PATH = "spark.driver.extraClassPath"


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """An environment in a folder with a space in its name, with two jars and the classes."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "my env"))
    folder = quick_start_folder()
    (folder / "jars").mkdir(parents=True)
    for name in ("jars/b.jar", "jars/a.jar", "classes.jsa"):
        (folder / name).touch()
    return folder


def test_where_nothing_is_stored_nothing_is_set(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert quick_start({}) == {}


def test_jars_and_classes_are_named_and_options_kept(stored):
    found = quick_start({JAVA_OPTIONS: "-XX:+UseSerialGC"})
    assert found[CLASS_PATH] == f"{stored}/jars/a.jar:{stored}/jars/b.jar"
    options = shlex.split(found[JAVA_OPTIONS])
    assert options[0] == "-XX:+UseSerialGC" and f"-XX:SharedArchiveFile={stored}/classes.jsa" in options
    assert "-Xshare:auto" in options, "an archive of another Java is passed over"


@pytest.mark.parametrize("own", ["spark.jars", "spark.jars.packages", CLASS_PATH])
def test_who_names_jars_has_those(stored, own):
    assert quick_start({own: "mine"}) == {}


@pytest.mark.parametrize("own", ["-XX:SharedArchiveFile=/mine.jsa", "-XX:ArchiveClassesAtExit=/mine.jsa"])
def test_who_names_an_archive_has_that(stored, own):
    assert JAVA_OPTIONS not in quick_start({JAVA_OPTIONS: own})


def test_jars_without_classes_are_used(stored):
    (stored / "classes.jsa").unlink()
    assert list(quick_start({})) == [CLASS_PATH]


@pytest.mark.parametrize(
    ("config", "is_used"),
    [
        ({}, True),
        ({"master": "local"}, True),
        ({"master": "local[2,4]"}, True),
        ({"master": "local-cluster[2,1,1024]"}, False),
        ({"master": "spark://host:7077"}, False),
        ({"remote": "local[2]"}, False),
    ],
)
def test_it_is_for_a_session_in_one_process_of_this_machine(monkeypatch, config, is_used):
    """Executors of their own have not these files on their class path; they get the jars from the driver."""
    for name in ("PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION", "SPARK_REMOTE"):
        monkeypatch.delenv(name, raising=False)
    assert is_one_process(SparkConfig(**config)) == is_used
