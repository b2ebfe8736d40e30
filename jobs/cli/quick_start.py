"""Make what lets Java start quickly: `python -m jobs.cli.quick_start`, once, by `make install`.

It starts Spark twice. First to have Delta's jars fetched and to keep those that Spark does not bring; then for the
first stages of the demo, after which Java writes down the classes that it has loaded.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

import pyspark
from pyspark import SparkContext
from rich.console import Console

from jobs.config.load import load_settings
from jobs.config.spark import SparkConfig
from jobs.pipeline import stages_between
from jobs.run.run_stages import run_stages
from jobs.run.small_files import for_small_files
from jobs.workspace.quick_start import JAVA_OPTIONS, quick_start_folder, stored_jars
from jobs.workspace.runtime import open_runtime
from jobs.workspace.session import THROUGH_DRIVER, get_session

_VERSION = re.compile(r"-\d[\w.-]*\.jar$")


def main() -> None:
    """Make it where it is missing."""
    folder = quick_start_folder()
    if sys.argv[1:] == ["--classes"]:
        _write_classes(folder / "classes.jsa")
        return
    for other in folder.parent.glob("spark-*"):  # of versions that were here before
        if other != folder:
            shutil.rmtree(other)
    if not stored_jars():
        _store_jars(folder / "jars")
    if not (folder / "classes.jsa").is_file():  # in a process of its own: these jars must be there from the start
        subprocess.run([sys.executable, "-m", "jobs.cli.quick_start", "--classes"], check=True)


def _store_jars(folder: Path) -> None:
    with TemporaryDirectory() as scratch:
        session = get_session(SparkConfig(), Path(scratch) / "log")
        fetched = [Path(unquote(urlsplit(jar).path)) for jar in (session.conf.get("spark.jars") or "").split(",")]
        session.stop()
    own = {_VERSION.sub("", jar.name) for jar in (Path(pyspark.__file__).parent / "jars").glob("*.jar")}
    unfinished = folder.with_name("jars.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for jar in fetched:
        # Ivy puts the group in front: `io.delta_delta-storage-4.4.0.jar`.
        if _VERSION.sub("", jar.name.partition("_")[2]) not in own:
            shutil.copy(jar, unfinished)
    unfinished.rename(folder)


def _write_classes(archive: Path) -> None:
    unfinished = archive.with_name("classes.unfinished")
    with TemporaryDirectory() as workspace:
        settings = for_small_files(load_settings("demo", [f"workspace={workspace}"]))
        options = f'{settings.spark.conf[JAVA_OPTIONS]} "-XX:ArchiveClassesAtExit={unfinished}"'
        # Spark's writer is wanted among the classes, too.
        conf = {**settings.spark.conf, JAVA_OPTIONS: options, THROUGH_DRIVER: "false"}
        spark = settings.spark.model_copy(update={"conf": conf})
        runtime = open_runtime(settings.model_copy(update={"spark": spark}), Console(quiet=True))
        run_stages(runtime, stages_between(None, "distill"))
        gateway = SparkContext._gateway
        runtime.spark.stop()
        if gateway is not None:
            gateway.shutdown()
            gateway.proc.stdin.close()  # which is what Java waits for
            gateway.proc.wait(300)
    unfinished.rename(archive)


if __name__ == "__main__":
    main()
