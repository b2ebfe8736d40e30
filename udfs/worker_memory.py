"""What a Python worker has loaded is looked through for garbage once, and not after every task.

Spark's worker collects garbage when a task has ended, which takes 54 ms for what our functions load, in a task that may
take 5. At work as soon as it is imported, in workers only: in a driver, which is the user's process, nothing changes.
"""

import gc
import sys


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 2:
        gc.callbacks.remove(_set_aside)
        gc.freeze()


if "pyspark.worker" in sys.modules:
    gc.callbacks.append(_set_aside)
