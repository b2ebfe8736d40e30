"""Starting Spark: an active session is used as it is, and a missing Java is one clear line."""

import os

import pytest
from pyspark.logger import PySparkLogger

from jobs.config.spark import SparkConfig
from jobs.workspace.session import _hush_errors, get_session, start_requirements
from schemas.errors import EnvironmentSetupError


def test_an_active_session_is_used_as_it_is(spark):
    before = spark.conf.get("spark.sql.shuffle.partitions")

    session = get_session(SparkConfig(shuffle_partitions=99))

    assert session is spark and spark.conf.get("spark.sql.shuffle.partitions") == before


def test_all_that_is_known_to_be_missing_is_said_before_java_is_asked():
    with pytest.raises(EnvironmentSetupError) as refused:
        start_requirements({"PATH": "", "SPARK_HOME": "/nonexistent"})

    said = str(refused.value)
    assert "Java 17 or newer is needed" in said and "openjdk-17-jre-headless" in said and "cjdk" in said
    assert "SPARK_HOME=/nonexistent" in said and "unset SPARK_HOME" in said


def test_where_nothing_is_missing_nothing_is_said():
    start_requirements({"PATH": os.environ["PATH"], "JAVA_HOME": os.environ.get("JAVA_HOME", "")})


@pytest.mark.parametrize(
    "fault",
    [{"driver_memory": "lots"}, {"shuffle_partitions": 0}, {"mastr": "local"}, {"remote": "host:15002"}],
)
def test_a_session_that_cannot_be_is_refused(fault):
    with pytest.raises(ValueError, match=next(iter(fault))):
        SparkConfig(**fault)


def test_a_token_is_not_taken_from_a_configuration():
    with pytest.raises(ValueError, match="SPARK_CONNECT_AUTHENTICATE_TOKEN"):
        SparkConfig(remote="sc://host:443/;use_ssl=true;token=abc")


def test_an_error_is_not_printed_by_pyspark_as_well(capfd):
    logger = PySparkLogger.getLogger("DataFrameQueryContextLogger")
    before = logger.level
    try:
        _hush_errors()
        logger.exception("[DIVIDE_BY_ZERO]", file="x", line="1")
    finally:
        logger.setLevel(before)
    assert capfd.readouterr() == ("", "")
