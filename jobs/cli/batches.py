"""Commands about batches: what is out, and ending one."""

from typing import Annotated

import typer

from jobs.batches.show import cancel_batch, forget_batch, list_batches
from jobs.run.leased import leased
from jobs.run.options import DEFAULT_CONFIG, Config, Overrides, Verbose, runtime_of

commands: typer.Typer = typer.Typer()
_batches = typer.Typer(invoke_without_command=True, no_args_is_help=False)
commands.add_typer(_batches, name="batches", help="List the batches at providers; cancel one.")


@_batches.callback()
def batches(
    context: typer.Context, config: Config = DEFAULT_CONFIG, overrides: Overrides = None, verbose: Verbose = False
) -> None:
    """List batches at providers with progress, age and cost; `batches cancel ID` ends one."""
    context.obj = (config, overrides, verbose)
    if context.invoked_subcommand is None:
        list_batches(runtime_of(config, overrides, verbose))


@_batches.command()
def cancel(
    context: typer.Context,
    batch: Annotated[str, typer.Argument(metavar="ID", help="as `phase0 batches` lists it")],
    config: Config = "",
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """End a batch now; what it has answered is paid and kept, the rest is pending again."""
    given, given_overrides, given_verbose = context.obj
    runtime = runtime_of(config or given, [*(given_overrides or []), *(overrides or [])], verbose or given_verbose)
    if cancel_batch(runtime, batch):
        runtime.progress.line(f"{batch} is being cancelled; `phase0 run` takes in what it has answered")
        return
    with leased(runtime) as owner:
        gone = forget_batch(owner, batch)
    runtime.progress.line(
        f"{gone.provider} does not know {batch}: it is given up, and ${gone.cost_usd or 0:,.4f} are charged for it"
    )
