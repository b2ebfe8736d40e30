"""What runs in Spark's Python workers. Nothing here imports `jobs`."""

import gc
import sys


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.callbacks.remove(_set_aside)
        gc.freeze()


# A worker collects garbage after each task, and looks through all that is loaded each time: 54 ms for a task that may
# take 5. After the first time that is set aside. In a driver, which is the user's process, nothing is changed.
if "pyspark.worker" in sys.modules:
    gc.callbacks.append(_set_aside)
