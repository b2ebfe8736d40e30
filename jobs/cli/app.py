"""The command line: one command for the run, one for each stage, and the tools around them."""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from jobs.cli import batches, files, inspection, models, package, review
from jobs.pipeline import PAYING, STAGES, run_stages, stages_between
from jobs.reports.summary import print_summary
from jobs.run.options import (
    DEFAULT_CONFIG,
    AcceptPlan,
    Config,
    KeepAnswers,
    Offline,
    Overrides,
    Rebuy,
    Verbose,
    Yes,
    approval_of,
    errors,
    no_wait_override,
    offline_override,
    paid_overrides,
    runtime_of,
)
from schemas.errors import Phase0Error

app = typer.Typer(
    name="phase0",
    help="Build verified instruction-tuning data sets: phase0 run --config demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="read only the first N records of each file")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="leave while batches are out; a later run takes them in")]
Force = Annotated[bool, typer.Option("--force", help="run stages again that are up to date")]


@app.command()
def run(
    context: typer.Context,
    config: Config = DEFAULT_CONFIG,
    first: Annotated[str | None, typer.Option("--from", help="first stage")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last stage")] = None,
    overrides: Overrides = None,
    limit: Limit = None,
    force: Force = False,
    offline: Offline = False,
    no_wait: NoWait = False,
    yes: Yes = False,
    accept_plan: AcceptPlan = False,
    keep_answers: KeepAnswers = False,
    rebuy: Rebuy = False,
    verbose: Verbose = False,
) -> None:
    """Run the whole pipeline, or a part of it; what is up to date is skipped."""
    stages = stages_between(first, last)
    more = [*offline_override(offline), *no_wait_override(no_wait), *paid_overrides(keep_answers, rebuy)]
    runtime = runtime_of(config, [*(overrides or []), *more], verbose, limit)
    results = run_stages(runtime, stages, force=force, approve=approval_of(context, yes, accept_plan))
    if stages[-1] is STAGES[-1]:
        raise typer.Exit(print_summary(runtime, results))


def _add_stage_commands() -> None:
    for stage in STAGES:
        build = _paying_command if stage.name in PAYING else _stage_command
        app.command(name=stage.name, help=f"Stage: {stage.title}.", rich_help_panel="Stages")(build(stage.name))


def _stage_command(name: str) -> Callable[..., None]:
    def command(
        config: Config = DEFAULT_CONFIG,
        overrides: Overrides = None,
        limit: Limit = None,
        force: Force = False,
        verbose: Verbose = False,
    ) -> None:
        runtime = runtime_of(config, overrides, verbose, limit)
        run_stages(runtime, stages_between(name, name), force=force)

    return command


def _paying_command(name: str) -> Callable[..., None]:
    """The command of a stage that may ask models."""

    def command(
        context: typer.Context,
        config: Config = DEFAULT_CONFIG,
        overrides: Overrides = None,
        limit: Limit = None,
        force: Force = False,
        yes: Yes = False,
        accept_plan: AcceptPlan = False,
        keep_answers: KeepAnswers = False,
        rebuy: Rebuy = False,
        verbose: Verbose = False,
    ) -> None:
        runtime = runtime_of(config, [*(overrides or []), *paid_overrides(keep_answers, rebuy)], verbose, limit)
        approve = approval_of(context, yes, accept_plan)
        run_stages(runtime, stages_between(name, name), force=force, approve=approve)

    return command


def run_command(name: str) -> None:
    """Entry of a script: `spark-submit … jobs/<stage>.py --config FILE` is the command of that name."""
    main([name, *sys.argv[1:]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of the console script: errors meant for the user end with their exit code, without a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(args=given, standalone_mode=True, obj=given)
    except Phase0Error as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except (PySparkException, Py4JError) as error:
        if {"-v", "--verbose"} & set(given):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # The line that says what went wrong on an executor is the last of the Python traceback in the message.
        causes = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
        _complain(
            f"a Spark job failed: {(causes or lines or [repr(error)])[-1]}\nRun it again with -v to see all of it."
        )
        sys.exit(1)


def task() -> None:
    """Entry of a Databricks task, which takes any exit for a failure, even one with code 0."""
    try:
        main()
    except SystemExit as ending:
        if ending.code:
            raise


def _complain(text: str) -> None:
    errors.print(f"phase0: {text}", style="red", markup=False, highlight=False, soft_wrap=True)


_add_stage_commands()
app.add_typer(models.commands)
app.add_typer(batches.commands)
app.add_typer(inspection.commands)
app.add_typer(files.commands)
app.add_typer(package.commands)
app.add_typer(review.commands)

if __name__ == "__main__":
    main()
