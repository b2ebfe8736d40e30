"""What a notebook needs in a line each: its parameters, the workspace, a run, tables to look at, a sheet to review.

runtime = open_workspace(parameter("config", "demo"))
print(build(runtime))
show(runtime.read(FATES))
"""

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from jobs.config.load import find_config, load_settings
from jobs.curation.review_sheet import draw_sheet, sheet_verdicts
from jobs.curation.reviews import login_name, record_verdicts
from jobs.rendering.notebook_progress import NotebookProgress, plain_console
from jobs.rendering.notebook_table import show
from jobs.rendering.progress import Progress
from jobs.run.small_files import for_small_files
from jobs.workspace.runtime import Runtime, begin_run, open_runtime

if TYPE_CHECKING:
    from jobs.reports.write import Reports

__all__ = ["build", "login_name", "open_workspace", "parameter", "record_reviews", "review_sheet", "show"]


def parameter(name: str, default: str) -> str:
    """A parameter of the notebook: the environment variable `PHASE0_<NAME>`, or the default.

    On Databricks it is a widget at the top of the notebook, which begins with that value.
    """
    value = os.environ.get(f"PHASE0_{name.upper()}", default)
    databricks = _dbutils()
    if databricks is None:
        return value
    databricks.widgets.text(name, value)  # leaves alone what somebody has typed there
    return str(databricks.widgets.get(name))


def open_workspace(config: str = "demo", workspace: str = "", *overrides: str) -> Runtime:
    """Open the workspace of a configuration, on the session that is active or on a local one.

    Args:
        config: path of a YAML file, or the name of one that ships with the package (`demo`, `public`).
        workspace: folder or URI of tables and output; empty: where the configuration says.
        overrides: any other setting, as for `--set`: `select.min_score=7.5`.

    Returns:
        The runtime; `runtime.read(table)` reads a table of `schemas.tables`.

    Raises:
        ConfigError: names every fault of the configuration.
        EnvironmentSetupError: Spark cannot start; says what to install.
    """
    # Tables that are shown without `show` are escaped by pandas, but their dollars would become formulas.
    pd.set_option("display.html.use_mathjax", False)
    # The libraries that download draw bars of text where there is no package of widgets, and would complain about it.
    warnings.filterwarnings("ignore", "IProgress not found")
    given = [f"workspace={workspace}"] if workspace else []
    settings = load_settings(config, [*given, *overrides], _project_folder())
    runtime = replace(
        open_runtime(for_small_files(settings), Console(quiet=True)),
        progress=_progress(),
        config_file=find_config(config, _project_folder()),
    )
    runtime.progress.line(f"workspace {settings.workspace}, Spark {runtime.spark.version}")
    return runtime


def build(runtime: Runtime, *, force: bool = False, accept_plan: bool = False) -> "Reports":
    """Run what is not up to date and write the reports; `print` shows the verification.

    Where models are asked, they are checked and the plan is shown before the first call. Nobody is asked for a yes:
    `budget.run_usd` is the most that is spent, and a plan over it is refused.

    Args:
        runtime: of `open_workspace`.
        force: run stages again that are up to date.
        accept_plan: begin although more is expected than a cap allows; the caps hold.

    Raises:
        StoppedError: the plan is over the budget, or a budget or a provider ended the calls; what was paid is kept.
        DataRefusedError: a gate failed; says which expectation and where the data docs are.
    """
    # Not above: whoever only looks at tables need not wait for all stages, and `open_workspace` hushes what they load.
    from jobs.budget.approval import Approval
    from jobs.pipeline import build_data_set
    from jobs.reports.write import write_reports

    run = begin_run(runtime)
    build_data_set(run, force=force, approve=Approval(accepts_plan=accept_plan))
    return write_reports(run)


def review_sheet(runtime: Runtime, count: int = 20) -> pd.DataFrame:
    """Rows of the data set to review, numbered from 1, with empty `verdict` and `note`.

    Spread over sources, categories and score bands; what nobody has read goes first.
    """
    rows = draw_sheet(runtime, count)
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="row"))


def record_reviews(runtime: Runtime, sheet: pd.DataFrame, reviewer: str) -> None:
    """Record the verdicts of a sheet; rows without one were not decided on.

    Raises:
        ConfigError: something in it cannot be right; lists every fault, and nothing is recorded.
    """
    verdicts = sheet_verdicts(sheet.to_dict("records"), (f"row {number}" for number in sheet.index))
    counts = record_verdicts(runtime, verdicts, reviewer)
    runtime.progress.line(f"recorded: {counts['drop']:,} to drop, {counts['keep']:,} to keep")


def _project_folder() -> Path:
    """Where `phase0` is typed: in Jupyter the current folder is that of the notebook."""
    here = Path.cwd()
    return here.parent if here.name == "notebooks" else here


def _progress() -> Progress:
    # Whether Databricks rewrites an output in place was not seen; plain lines are right everywhere.
    return NotebookProgress() if _dbutils() is None else Progress(plain_console())


def _dbutils() -> Any:
    """The tools that Databricks puts into every notebook, null elsewhere."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell.user_ns.get("dbutils") if shell else None
