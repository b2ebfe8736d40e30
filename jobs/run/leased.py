"""The lease of a workspace, held while anything in it changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from jobs.answers.answer_all import take_in_batches
from jobs.ledger.settle import settle_all
from jobs.workspace import files
from jobs.workspace.lease import hold_lease
from jobs.workspace.machine_errors import explained, is_of_machine, require_writable
from jobs.workspace.runtime import Runtime
from jobs.workspace.stopping import stop_file


@contextmanager
def leased(runtime: Runtime) -> Iterator[Runtime]:
    """The same runtime with the lease of its workspace, and what runs that died have paid for in the ledger."""
    calls = runtime.settings.calls
    require_writable(runtime.settings.workspace)
    lease = hold_lease(
        runtime.settings.workspace,
        runtime.run_id,
        seconds=calls.lease_seconds,
        grace_seconds=calls.grace_seconds,
        is_paid=runtime.settings.asks_models,
        say=runtime.progress.line,
    )
    try:  # around the lease too: giving it back writes a file
        with lease as held:
            owner = replace(runtime, lease=held)
            files.remove(stop_file(runtime.settings.workspace))
            if journals := settle_all(owner):
                runtime.progress.line(f"settled {journals} journal{'s' if journals > 1 else ''} of a run that died")
            take_in_batches(owner)
            yield owner
    except Exception as error:
        if not is_of_machine(error):
            raise
        raise explained(error, runtime.settings.workspace) from error
