"""A wave in a process that a test kills: `python -m tests.support.killed_wave URL FOLDER ROWS`."""

import sys
from pathlib import Path

from tests.support.waves import context, endpoint, request
from udfs.llm.map_calls import drive_calls
from udfs.llm.models import RateLimits

IN_FLIGHT = 20

if __name__ == "__main__":
    base_url, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    target = endpoint(base_url, limits=RateLimits(max_in_flight=IN_FLIGHT))
    for _ in drive_calls([request(f"t{number}") for number in range(rows)], context(folder, [target])):
        pass
