"""A command line as a program: plain help, and errors meant for the user as one line and an exit code.

Imported before anything else, also for `--help`, so it loads neither Spark nor a stage.
"""

import re
import sys
from collections.abc import Sequence

import typer
from rich.console import Console

from jobs.rendering.terminal import say
from schemas.errors import Phase0Error


def new_app(text: str | None = None) -> typer.Typer:
    """A command line with the product's manners: plain help, no tracebacks of its own."""
    return typer.Typer(
        name="phase0",
        help=text,
        no_args_is_help=text is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def run_app(app: typer.Typer, arguments: Sequence[str], script_of: str | None = None) -> None:
    """Run a command line: errors meant for the user end with their exit code, without a traceback.

    Args:
        app: the command line.
        arguments: what was typed after the program's name.
        script_of: the command that the program is by itself; messages that repeat what to type name it.
    """
    given = list(arguments)
    try:
        app(args=given, standalone_mode=True, obj=[*([script_of] if script_of else []), *given])
    except Phase0Error as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        if {"-v", "--verbose"} & set(given) or not _is_of_spark(error):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # The line that says what went wrong on an executor is the last of the Python traceback in the message.
        causes = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
        _complain(
            f"a Spark job failed: {(causes or lines or [repr(error)])[-1]}\nRun it again with -v to see all of it."
        )
        sys.exit(1)


def _is_of_spark(error: Exception) -> bool:
    # Now that something has failed there is time to load them.
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return isinstance(error, PySparkException | Py4JError)


def _complain(text: str) -> None:
    say(Console(stderr=True), f"phase0: {text}", "red")
