"""The distill stage in a process of its own, for tests that kill it: `python -m tests.support.paid_process CONFIG`."""

import sys
from pathlib import Path

from tests.support.paid import open_paid, pay

if __name__ == "__main__":
    pay(open_paid(Path(sys.argv[1])))
