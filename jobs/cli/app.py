"""The command line: one command for the run, one for each stage, and the tools around them.

`phase0 --help` names the commands by the table below; only the one that is typed is loaded, with what it needs.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from jobs.run.program import new_app, run_app

_RUN = {"run": "Run the whole pipeline, or a part of it; what is up to date is skipped."}
_STAGES = {
    "ingest": "Stage: read the sources.",
    "screen": "Stage: mark what breaks a rule.",
    "decontaminate": "Stage: mark what holds an item of a benchmark.",
    "deduplicate-prompts": "Stage: find near-duplicate prompts.",
    "distill": "Stage: pair prompts with answers.",
    "deduplicate-pairs": "Stage: find near-duplicate pairs.",
    "score": "Stage: score the pairs.",
    "select": "Stage: select the data set.",
    "export": "Stage: write the data set.",
}
# Module of `jobs.cli` -> its commands, in the order in which they are listed, and what each does.
_TOOLS = {
    "models": {
        "ask": 'Ask one question; print answer, tokens and cost: phase0 ask gpt-6-luna "Why is the sky blue?".',
        "preflight": "Check key, model, shutdown date, schema and clock of every model a configuration asks; costs "
        "nothing.",
        "plan": "Count rows, tokens and dollars of every teacher and the judge, before any call; writes nothing by "
        "itself.",
    },
    "batches": {"batches": "List the batches at providers; cancel one."},
    "inspection": {
        "validate": "Check all stored tables against their expectations and rebuild the data docs.",
        "status": "Show where the run stands, also while it is on: stages, rows, fates, paid calls, cost; writes "
        "nothing.",
        "report": "Write the report, the status report and the data docs anew from the tables.",
        "show": "Show rows of one fate with their text.",
        "explain": "Explain why one row is in the data set or not: what every table says of it.",
        "show-config": "Print the merged configuration, defaults included, or what can be configured.",
    },
    "files": {
        "init": "Detect the format of files, show how records are read, write a configuration.",
        "fetch": "Download the sources that are on the hub or at an address, and show what is here.",
        "verify": "Check any JSONL of instructions and responses, or a package, independent of the pipeline.",
        "deduplicate": "Remove near-duplicates from any JSONL or Parquet file; every removed row names its kept twin.",
        "doctor": "Check Java, Python, packages and write access; say what to fix.",
    },
    "package": {"package": "Split, shard and describe a finished run for whoever trains on it; push it to a hub."},
    "calibration": {
        "calibrate": "Compare the scorer with what people say of answers, and a judge with itself; what it "
        "finds is kept and shown."
    },
    "review": {
        "review": "Draw rows of the data set into a CSV for a reviewer, or record the verdicts of a filled-in one."
    },
}
HELP = {**_RUN, **_STAGES, **{name: text for commands in _TOOLS.values() for name, text in commands.items()}}
"""Command -> its help, in the order of the list."""


def _load(name: str) -> Any:
    """The command of that name, with all that it imports."""
    if name in _RUN or name in _STAGES:
        from jobs.pipeline import STAGES, run
        from jobs.run.command import add_stage_command

        tools = new_app("")
        tools.command()(run)
        for stage in STAGES:
            add_stage_command(tools, stage)
    else:
        module = next(module for module, commands in _TOOLS.items() if name in commands)
        tools = new_app("")
        tools.add_typer(import_module(f"jobs.cli.{module}").commands)
        tools.callback()(_nothing)  # so that it is a group, however few commands it has
    return get_command(tools).commands[name]  # type: ignore[attr-defined]


class _Commands(TyperGroup):
    """Knows the commands by name and loads the one that is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(HELP)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _load(cmd_name) if cmd_name in HELP else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = formatter.width - 6 - max(map(len, HELP))
        stub = typer.core.TyperCommand
        with formatter.section("Commands"):
            formatter.write_dl([(name, stub(name, help=text).get_short_help_str(width)) for name, text in HELP.items()])


def _nothing() -> None:
    """A group's own options: it has none."""


app = new_app("Build verified instruction-tuning data sets: phase0 run --config demo")
app.info.cls = _Commands
app.callback()(_nothing)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of the console script; `arguments` are what was typed if not given."""
    run_app(app, sys.argv[1:] if arguments is None else arguments)


def task() -> None:
    """Entry of a Databricks task, which takes any exit for a failure, even one with code 0."""
    try:
        main()
    except SystemExit as ending:
        if ending.code:
            raise
