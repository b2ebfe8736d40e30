"""phase0 in a process that dies, with its whole group, at the first rename after SIGUSR1: written, and not yet named.

`python -m tests.support.power_cut run --config FILE`
"""

import os
import signal
import sys
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from jobs.cli.app import main

_armed = False


def _arm(number: int, frame: object) -> None:
    global _armed
    _armed = True


def _cut(move: Any) -> Any:
    def moved(self: LocalFileSystem, source: str, target: str, **options: Any) -> None:
        if _armed:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        move(self, source, target, **options)

    return moved


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _arm)
    LocalFileSystem.mv = _cut(LocalFileSystem.mv)
    main(sys.argv[1:])
