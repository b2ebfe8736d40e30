"""What spares Java most of its start: Delta's jars where they lie, and Spark's classes as Java has them in memory.

Without it each start resolves the jars anew, and reads and checks some twenty thousand classes. `make install` has it
made, once for these versions of Spark and Delta, by `jobs.cli.quick_start`. It lies in the environment that Python runs
in; where it is missing, or Java refuses it because it is another Java, everything works as without it.
"""

import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

JAVA_OPTIONS = "spark.driver.extraJavaOptions"
QUICK_COMPILER = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
"""Of Java: its quick compiler alone, with more room for code than that one has by default, which it then spends time to
tidy."""
_CLASS_PATH = "spark.driver.extraClassPath"
_OURS = {"spark.jars", "spark.jars.packages", _CLASS_PATH}
"""Who sets one of these says himself which jars there are."""


def quick_start_folder() -> Path:
    """Where all of it is kept: `jars` and `classes.jsa`."""
    try:
        versions = f"spark-{version('pyspark')}-delta-{version('delta-spark')}"
    except PackageNotFoundError:
        versions = "unknown"
    return Path(sys.prefix) / "share" / "phase0" / versions


def stored_jars() -> list[Path]:
    """Delta's jars and what they need besides Spark's own; none where they were not stored."""
    return sorted((quick_start_folder() / "jars").glob("*.jar"))


def quick_start(conf: Mapping[str, str]) -> dict[str, str]:
    """The settings of a session in a process of this machine that make use of it; empty where it is not there."""
    jars = stored_jars()
    if not jars or _OURS & set(conf):
        return {}
    settings = {_CLASS_PATH: ":".join(map(str, jars))}
    archive = quick_start_folder() / "classes.jsa"
    given = conf.get(JAVA_OPTIONS, "")
    if archive.is_file() and "SharedArchiveFile" not in given and "ArchiveClassesAtExit" not in given:
        # An archive that does not fit is passed over, and nothing is said of it.
        options = ("-Xshare:auto", f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
        settings[JAVA_OPTIONS] = " ".join([*([given] if given else []), *map(shlex.quote, options)])
    return settings
