"""The process that Python workers are forked from, with all loaded that each of them needs.

Spark's own loads nothing, so that there is no thread when it forks. Each worker then takes 0.9 s of CPU time for its
imports, and six times as long as need be for PySpark, which Spark puts before the installed package as a zip without
byte code. This one is for sessions in one process of this machine (`jobs.workspace.session`), and forks with threads no
more than Spark's: where an import has started one, it gives way to it.
"""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path

_SHARED = (
    *("numpy", "pyarrow", "pandas", "scipy.sparse", "pyspark.worker"),
    *("udfs.reading", "udfs.screening", "udfs.scoring.score_batches", "udfs.similarity"),
)
_NO_THREADS = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "OMP_NUM_THREADS": "1"}


def main() -> None:
    """Take the place of `pyspark.daemon`, with its arguments."""
    for name, value in _NO_THREADS.items():
        os.environ.setdefault(name, value)
    sys.path[:] = without_zips(sys.path)
    for name in _SHARED:
        import_module(name)
    if _threads() != 1:
        os.execv(sys.executable, [sys.executable, "-m", "pyspark.daemon", *sys.argv[1:]])  # noqa: S606 - no shell is wanted
    gc.freeze()
    from pyspark.daemon import manager

    manager()


def without_zips(path: list[str]) -> list[str]:
    """A search path without Spark's zips where the packages are installed too."""
    installed = [folder for folder in path if Path(folder, "pyspark", "daemon.py").is_file()]
    return [entry for entry in path if not installed or not entry.endswith((os.sep + "pyspark.zip", "-src.zip"))]


def _threads() -> int:
    """Of this process; 0 where the system does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


if __name__ == "__main__":
    main()
