"""Settings of the Spark session."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from jobs.config.section import Section

_N = r"[1-9]\d*"
_MASTER = (
    rf"^(local|local\[({_N}|\*)(, *{_N})?\]|local-cluster\[ *{_N} *, *{_N} *, *{_N} *\]|yarn|(spark|k8s|mesos)://.+)$"
)
"""Masters that Spark knows; of another it says so only after it was started."""


class SparkConfig(Section):
    """The session we start. Ignored where one is already there: `spark-submit`, a notebook, Databricks."""

    master: str = Field("local[*]", pattern=_MASTER, description="Spark master when no session is active")
    remote: str | None = Field(
        None,
        pattern=r"^(sc://.+|local(\[.+\])?)$",
        description="Spark Connect server such as sc://host:15002 instead of a master; local[2] starts one here",
    )
    driver_memory: str = Field("4g", pattern=r"^[1-9]\d*[gm]$", description="heap of the local JVM")
    shuffle_partitions: int = Field(8, ge=1, le=100_000, description="tasks of a shuffle in a local session")
    conf: Mapping[str, str] = Field(default_factory=dict, description="any other Spark conf of the local session")

    @field_validator("remote")
    @classmethod
    def _holds_no_secret(cls, remote: str | None) -> str | None:
        if remote and "token=" in remote:
            raise ValueError("a token does not belong in a configuration; export SPARK_CONNECT_AUTHENTICATE_TOKEN=…")
        return remote
