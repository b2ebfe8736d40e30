"""Starting Spark: an active session is used as it is, and a missing Java is one clear line."""

import pytest

from jobs.config.spark import SparkConfig
from jobs.workspace.session import _require_java, get_session
from schemas.errors import EnvironmentSetupError


def test_an_active_session_is_used_as_it_is(spark):
    before = spark.conf.get("spark.sql.shuffle.partitions")

    session = get_session(SparkConfig(shuffle_partitions=99))

    assert session is spark and spark.conf.get("spark.sql.shuffle.partitions") == before


def test_a_missing_java_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(EnvironmentSetupError, match=r"Java 17 or newer is needed.*openjdk-17-jre-headless.*cjdk"):
        _require_java()


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
