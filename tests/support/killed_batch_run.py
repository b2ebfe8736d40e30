"""A run of batches that kills itself right after an event.

`python -m tests.support.killed_batch_run URL WORKSPACE EVENT`
"""

import os
import signal
import sys
from pathlib import Path

from tests.support.batch_events import at_event
from tests.support.batch_runs import batch_endpoint, open_workspace, run

if __name__ == "__main__":
    url, workspace, event = sys.argv[1:]
    runtime = open_workspace(Path(workspace), "spark.driver_memory=1g", "spark.shuffle_partitions=2")
    with at_event(event, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        run(runtime, batch_endpoint(url))
