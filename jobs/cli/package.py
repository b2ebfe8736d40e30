"""The command that hands a finished run on: as a package, and to a hub."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from jobs.publish.package import build_package, package_folder
from jobs.publish.push import HubRepository
from jobs.publish.source import is_current, read_source
from jobs.rendering.terminal import say
from jobs.run.options import DEFAULT_CONFIG, Config, Overrides, Verbose, console, settings_of
from jobs.workspace import files
from jobs.workspace.runtime import open_runtime

commands: typer.Typer = typer.Typer()


@commands.command()
def package(
    config: Config = DEFAULT_CONFIG,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder to write; default <workspace>/package")
    ] = None,
    formats: Annotated[list[str] | None, typer.Option("--format", help="jsonl or parquet; repeatable")] = None,
    messages: Annotated[
        bool | None, typer.Option("--messages/--no-messages", help="chat messages too", show_default=False)
    ] = None,
    validation: Annotated[
        float | None, typer.Option(min=0, help="share of the rows, or from 1 on their number; 0 for no split")
    ] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="files of the train split")] = None,
    push: Annotated[str | None, typer.Option("--push", help="owner/name of a data set on the hub")] = None,
    public: Annotated[bool, typer.Option("--public", help="a repository made by --push can be read by all")] = False,
    overrides: Overrides = None,
    force: Annotated[bool, typer.Option("--force", help="write it again though it is up to date")] = False,
    verbose: Verbose = False,
) -> None:
    """Split, shard and describe a finished run for whoever trains on it; push it to a hub."""
    given = {
        "formats": f"[{', '.join(formats)}]" if formats else None,
        "messages": None if messages is None else str(messages).lower(),
        "validation": validation,
        "shards": shards,
    }
    options = [f"package.{name}={value}" for name, value in given.items() if value is not None]
    settings = settings_of(config, [*(overrides or []), *options])
    target, source = package_folder(settings, output), read_source(settings)
    repository = HubRepository(push) if push else None  # what is wrong with it is said before the work is done
    if not force and is_current(target, source):
        say(console, f"package:   {target} is up to date")
    else:
        with files.naming(str(target)):
            build_package(open_runtime(settings, console, verbose=verbose), source, target)
        say(console, f"package:   {target}")
    folder = shlex.quote(str(target))
    if repository is None:
        say(console, f"verify it: phase0 verify --input {folder}")
        say(console, "push it:   the same command with --push OWNER/NAME")
        return
    say(console, "verifying and pushing")
    pushed = repository.push(target, public=public)
    say(console, f"pushed:    {pushed.url} ({'private' if pushed.is_private else 'public'})")
    if public and pushed.is_private:
        say(console, f"           it was private before; {pushed.url}/settings makes it public")
