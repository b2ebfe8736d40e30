"""The command line: one command for the run, one for each stage, and the tools around them."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from rich.console import Console

from jobs import doctor as doctor_job
from jobs.deduplicate_file import deduplicate_file
from jobs.launch import open_runtime
from jobs.options import options_table
from jobs.pipeline import STAGES, run_stages, stages_between
from jobs.preview import preview_files
from jobs.runtime import Runtime
from jobs.settings import Settings, load_settings
from jobs.show import show_rows
from jobs.status import show_status
from jobs.summary import print_summary
from jobs.validate import validate_tables
from jobs.verify import main_verify
from schemas.errors import Phase0Error

app = typer.Typer(
    name="phase0",
    help="Build verified instruction-tuning data sets: phase0 run --config demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True)

Config = Annotated[str, typer.Option("--config", "-c", help="YAML file, or a shipped one: demo, public")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="override a setting: --set select.min_score=7.5; repeatable")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="show what Spark and Java print")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="read only the first N records of each file")]
Force = Annotated[bool, typer.Option("--force", help="run stages again that are up to date")]
DEFAULT_CONFIG = "phase0.yaml"


def _settings(config: str, overrides: Sequence[str] | None, limit: int | None = None) -> Settings:
    extra = [f"ingest.limit={limit}"] if limit else []
    return load_settings(config, [*(overrides or []), *extra])


def _runtime(config: str, overrides: Sequence[str] | None, verbose: bool, limit: int | None = None) -> Runtime:
    return open_runtime(_settings(config, overrides, limit), console, verbose=verbose)


@app.command()
def run(
    config: Config = DEFAULT_CONFIG,
    first: Annotated[str | None, typer.Option("--from", help="first stage")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last stage")] = None,
    overrides: Overrides = None,
    limit: Limit = None,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Run the whole pipeline, or a part of it; what is up to date is skipped."""
    stages = stages_between(first, last)
    runtime = _runtime(config, overrides, verbose, limit)
    results = run_stages(runtime, stages, force=force)
    if stages[-1] is STAGES[-1]:
        raise typer.Exit(print_summary(runtime, results))


def _add_stage_commands() -> None:
    for stage in STAGES:
        app.command(name=stage.name, help=f"Stage: {stage.title}.", rich_help_panel="Stages")(
            _stage_command(stage.name)
        )


def _stage_command(name: str) -> Callable[..., None]:
    def command(
        config: Config = DEFAULT_CONFIG,
        overrides: Overrides = None,
        limit: Limit = None,
        force: Force = False,
        verbose: Verbose = False,
    ) -> None:
        runtime = _runtime(config, overrides, verbose, limit)
        run_stages(runtime, stages_between(name, name), force=force)

    return command


@app.command()
def validate(config: Config = DEFAULT_CONFIG, overrides: Overrides = None, verbose: Verbose = False) -> None:
    """Check all stored tables against their expectations and rebuild the data docs."""
    runtime = _runtime(config, overrides, verbose)
    raise typer.Exit(validate_tables(runtime))


@app.command()
def status(config: Config = DEFAULT_CONFIG, overrides: Overrides = None, verbose: Verbose = False) -> None:
    """Show where the run stands: stages, rows, fates, cost."""
    show_status(_runtime(config, overrides, verbose))


@app.command()
def show(
    reason: Annotated[str, typer.Option("--reason", "-r", help="a fate, such as low_score, refusal or selected")],
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="rows to show")] = 3,
    source: Annotated[str | None, typer.Option("--source", help="only rows of this source")] = None,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Show rows of one fate with their text."""
    show_rows(_runtime(config, overrides, verbose), reason, count, source)


@app.command("show-config")
def show_config(
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    options: Annotated[bool, typer.Option("--options", help="print a table of every option instead")] = False,
) -> None:
    """Print the merged configuration, defaults included, or what can be configured."""
    import yaml

    if options:
        print(options_table(), end="")
        return
    data = _settings(config, overrides).model_dump(mode="json")
    print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), end="")


@app.command()
def init(
    files: Annotated[list[Path], typer.Argument(help="data files to look at")],
    output: Annotated[Path, typer.Option("--output", "-o", help="configuration to write")] = Path(DEFAULT_CONFIG),
    force: Annotated[bool, typer.Option("--force", help="replace the file if it is there")] = False,
) -> None:
    """Detect the format of files, show how records are read, write a configuration."""
    preview_files(files, output, console, force=force)


@app.command()
def verify(
    input: Annotated[Path, typer.Option("--input", "-i", help="the JSONL, .gz too")],
    min_rows: Annotated[int | None, typer.Option(min=0, help="rows wanted")] = None,
    min_mean_quality: Annotated[float | None, typer.Option(min=1, max=10, help="mean score wanted")] = None,
    min_score: Annotated[float | None, typer.Option(min=0, max=10, help="every score must be above it")] = None,
    max_duplicate_share: Annotated[float | None, typer.Option(min=0, max=1, help="duplicates allowed")] = None,
    jaccard: Annotated[float | None, typer.Option(min=0.5, max=1, help="similarity of near-duplicates")] = None,
    min_valid_share: Annotated[float | None, typer.Option(min=0, max=1, help="valid lines wanted")] = None,
    min_teachers: Annotated[int | None, typer.Option(min=0, help="different teachers wanted")] = None,
    json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Check any JSONL of instructions and responses, independent of the pipeline."""
    given = {
        "min_rows": min_rows,
        "min_mean_quality": min_mean_quality,
        "min_score": min_score,
        "max_duplicate_share": max_duplicate_share,
        "jaccard": jaccard,
        "min_valid_share": min_valid_share,
        "min_teachers": min_teachers,
    }
    raise typer.Exit(main_verify(input, {name: value for name, value in given.items() if value is not None}, json))


@app.command()
def deduplicate(
    input: Annotated[str, typer.Option("--input", "-i", help="JSONL or Parquet: file, glob or URI")],
    output: Annotated[str, typer.Option("--output", "-o", help="folder for the kept rows and duplicates.parquet")],
    text_column: Annotated[
        list[str] | None, typer.Option(help="column to compare; repeatable; default instruction and response")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="column that names a row; default its place")] = None,
    threshold: Annotated[float, typer.Option(min=0.5, max=1.0, help="Jaccard similarity of twins")] = 0.8,
    protect_numbers: Annotated[
        bool, typer.Option("--protect-numbers", help="keep rows that differ only in numbers")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Remove near-duplicates from any JSONL or Parquet file; every removed row names its kept twin."""
    columns = tuple(text_column or ("instruction", "response"))
    deduplicate_file(
        input, output, columns, id_column, threshold, protect_numbers=protect_numbers, verbose=verbose, console=console
    )


@app.command()
def doctor(
    workspace: Annotated[Path, typer.Option(help="folder that a run would write to")] = Path("workspace"),
) -> None:
    """Check Java, Python, packages and write access; say what to fix."""
    raise typer.Exit(doctor_job.check(workspace, console))


def run_command(name: str) -> None:
    """Entry of a script: `spark-submit … jobs/<stage>.py --config FILE` is the command of that name."""
    main([name, *sys.argv[1:]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of the console script: errors meant for the user end with their exit code, without a traceback."""
    try:
        app(args=list(arguments) if arguments is not None else None, standalone_mode=True)
    except Phase0Error as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except (PySparkException, Py4JError) as error:
        given = sys.argv[1:] if arguments is None else arguments
        if {"-v", "--verbose"} & set(given):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # The line that says what went wrong on an executor is the last of the Python traceback in the message.
        causes = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
        _complain(
            f"a Spark job failed: {(causes or lines or [repr(error)])[-1]}\nRun it again with -v to see all of it."
        )
        sys.exit(1)


def _complain(text: str) -> None:
    errors.print(f"phase0: {text}", style="red", markup=False, highlight=False, soft_wrap=True)


_add_stage_commands()

if __name__ == "__main__":
    main()
