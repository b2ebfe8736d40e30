"""The pipeline: all stages in order, each validated, each skipped when nothing it depends on has changed."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from jobs import (
    decontaminate,
    deduplicate_pairs,
    deduplicate_prompts,
    distill,
    export,
    ingest,
    score,
    screen,
    select_rows,
)
from jobs.budget.approval import Approve
from jobs.curation.second_choice import pass_over
from jobs.reports.summary import print_summary
from jobs.run.command import Force, Limit, NoWait
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
    no_wait_override,
    offline_override,
    paid_overrides,
    runtime_of,
)
from jobs.run.program import new_app, run_app
from jobs.run.run_log import StageRun
from jobs.run.run_stages import run_stages
from jobs.workspace.runtime import Runtime, Stage
from schemas.errors import ConfigError

STAGES: tuple[Stage, ...] = (
    ingest.STAGE,
    screen.STAGE,
    decontaminate.STAGE,
    deduplicate_prompts.STAGE,
    distill.STAGE,
    deduplicate_pairs.STAGE,
    score.STAGE,
    select_rows.STAGE,
    export.STAGE,
)


def stages_between(first: str | None, last: str | None) -> Sequence[Stage]:
    """The stages from one name to another, both included.

    Raises:
        ConfigError: there is no such stage, or they are in the wrong order.
    """
    names = [stage.name for stage in STAGES]
    for name in (first, last):
        if name is not None and name not in names:
            raise ConfigError(f"no stage {name}; the stages are {', '.join(names)}")
    start, end = names.index(first) if first else 0, names.index(last) if last else len(names) - 1
    if start > end:
        raise ConfigError(f"--from {first} comes after --to {last}; the order is {', '.join(names)}")
    return STAGES[start : end + 1]


def build_data_set(
    runtime: Runtime, stages: Sequence[Stage] = STAGES, *, force: bool = False, approve: Approve | None = None
) -> list[StageRun]:
    """Run stages as `run_stages`; with the last one, let second choices take the places of what is not exported.

    Args:
        runtime: the run.
        stages: some that follow each other.
        force: run stages again that are up to date.
        approve: see `run_stages`; asked again where second choices have to be judged.
    """
    results = run_stages(runtime, stages, force=force, approve=approve)
    while stages[-1] is STAGES[-1] and (count := pass_over(runtime)):
        runtime.progress.line(
            f"{count:,} kept rows are not exported, and others fell to them: those take their places (second choice)"
        )
        results = run_stages(runtime, STAGES, approve=approve)
    return results


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
    runtime = runtime_of(config, [*(overrides or []), *more], verbose, limit, stages)
    build_data_set(runtime, stages, force=force, approve=approval_of(context, yes, accept_plan))
    if stages[-1] is STAGES[-1]:
        raise typer.Exit(print_summary(runtime, config))


if __name__ == "__main__":
    app = new_app()
    app.command()(run)
    run_app(app, sys.argv[1:], "run")
