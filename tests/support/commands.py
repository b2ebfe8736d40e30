"""Commands in the process of the tests, as the terminal runs them."""

import pytest

from jobs.cli.app import main


def run(*arguments: str) -> int:
    """Run a command and give its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)
