"""Commands on files and on this machine, which need no run: fetch, look at data, verify, deduplicate, doctor."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli import doctor as doctor_job
from jobs.deduplication.deduplicate_file import deduplicate_file
from jobs.rendering.terminal import say
from jobs.run.options import DEFAULT_CONFIG, Config, Offline, Overrides, Verbose, console, offline_override, settings_of
from jobs.sources.fetch import fetch_sources
from jobs.sources.preview import preview_files
from jobs.verify.file import main_verify

commands: typer.Typer = typer.Typer()


@commands.command()
def init(
    files: Annotated[list[Path], typer.Argument(help="data files to look at")],
    output: Annotated[Path, typer.Option("--output", "-o", help="configuration to write")] = Path(DEFAULT_CONFIG),
    force: Annotated[bool, typer.Option("--force", help="replace the file if it is there")] = False,
) -> None:
    """Detect the format of files, show how records are read, write a configuration."""
    preview_files(files, output, console, force=force)


@commands.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="only these; default all")] = None,
    config: Config = DEFAULT_CONFIG,
    overrides: Overrides = None,
    update: Annotated[
        list[str] | None, typer.Option("--update", help="take this source as it is upstream now; repeatable")
    ] = None,
    benchmarks: Annotated[
        bool,
        typer.Option("--benchmarks", help="the benchmarks of conf/benchmarks.yaml too, to be looked for from then on"),
    ] = False,
    offline: Offline = False,
) -> None:
    """Download the sources that are on the hub or at an address, and show what is here."""
    settings = settings_of(config, [*(overrides or []), *offline_override(offline)])
    fetch_sources(settings, console, names or (), update or (), benchmarks=benchmarks)
    say(console, f"next: phase0 run --config {config}")


@commands.command()
def verify(
    input: Annotated[Path, typer.Option("--input", "-i", help="the JSONL, .gz too, or the folder of a package")],
    min_rows: Annotated[int | None, typer.Option(min=0, help="rows wanted")] = None,
    min_mean_quality: Annotated[float | None, typer.Option(min=1, max=10, help="mean score wanted")] = None,
    min_score: Annotated[float | None, typer.Option(min=0, max=10, help="every score must be above it")] = None,
    max_duplicate_share: Annotated[float | None, typer.Option(min=0, max=1, help="duplicates allowed")] = None,
    jaccard: Annotated[float | None, typer.Option(min=0.5, max=1, help="similarity of near-duplicates")] = None,
    min_valid_share: Annotated[float | None, typer.Option(min=0, max=1, help="valid lines wanted")] = None,
    min_teachers: Annotated[int | None, typer.Option(min=0, help="different teachers wanted")] = None,
    benchmarks: Annotated[
        list[Path] | None, typer.Option(help="file of a benchmark whose items no row may hold; repeatable")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Check any JSONL of instructions and responses, or a package, independent of the pipeline."""
    given = {
        "min_rows": min_rows,
        "min_mean_quality": min_mean_quality,
        "min_score": min_score,
        "max_duplicate_share": max_duplicate_share,
        "jaccard": jaccard,
        "min_valid_share": min_valid_share,
        "min_teachers": min_teachers,
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(main_verify(input, wanted, json, benchmarks or ()))


@commands.command()
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
    against: Annotated[
        list[str] | None,
        typer.Option(help="rows that are published already and stay: JSONL, Parquet, package, workspace; repeatable"),
    ] = None,
    signatures: Annotated[
        str | None, typer.Option(help="folder where what is compared of --against is kept; default the user's cache")
    ] = None,
    common_shingle_share: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="shingles that more than this share of the rows have make no twins"),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Remove near-duplicates from any JSONL or Parquet file; every removed row names its kept twin."""
    columns = tuple(text_column or ("instruction", "response"))
    deduplicate_file(
        input,
        output,
        columns,
        id_column,
        threshold,
        protect_numbers=protect_numbers,
        verbose=verbose,
        console=console,
        against=against or (),
        signatures=signatures,
        common_shingle_share=common_shingle_share,
    )


@commands.command()
def doctor(
    workspace: Annotated[Path, typer.Option(readable=False, help="folder that a run would write to")] = Path(
        "workspace"
    ),
) -> None:
    """Check Java, Python, packages and write access; say what to fix."""
    raise typer.Exit(doctor_job.check(workspace, console))
