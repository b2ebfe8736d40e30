"""The notebooks as people run them: a kernel each, from top to bottom, on real Spark; and what they are made of."""

import ast
import json
import re
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient

from jobs.notebook import parameter
from jobs.pipeline import STAGES
from jobs.rendering.notebook_progress import NotebookProgress
from jobs.rendering.notebook_table import show
from schemas.tables import REVIEWS
from tests.support.demo import open_quietly
from tests.support.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


# What is in the files.


def faults(notebook) -> list[str]:
    """What must not be in a notebook that is committed and runs everywhere unchanged."""
    found = []
    for cell in notebook.cells:
        if cell.metadata:
            found.append(f"{cell.id}: metadata {dict(cell.metadata)}")
        if cell.cell_type != "code":
            continue
        if cell.outputs or cell.execution_count is not None:
            found.append(f"{cell.id}: outputs")
        try:
            body = ast.parse(cell.source)
        except SyntaxError:
            found.append(f"{cell.id}: not plain Python")
        else:
            if any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in ast.walk(body)):
                found.append(f"{cell.id}: defines what belongs into jobs/")
    if dict(notebook.metadata.kernelspec) != {"display_name": "Python 3", "language": "python", "name": "python3"}:
        found.append("bound to a kernel of somebody's machine")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stripped_and_runs_anywhere(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)

    assert not faults(notebook)
    parameters = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert 'parameter("config", "demo")' in parameters and 'parameter("workspace", "")' in parameters
    text = path.read_text("utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n", "as Jupyter saves it: small diffs"
    linked = re.findall(r"\]\(([^)]+\.ipynb)\)", text)
    assert all((path.parent / name).is_file() for name in linked)


def test_each_fault_of_a_notebook_is_found():
    code = nbformat.v4.new_code_cell
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "my-env", "display_name": "mine"}})
    notebook.cells = [
        code("1", id="ran", execution_count=3),
        code("print(1)", id="printed", outputs=[nbformat.v4.new_output("stream", text="1\n")]),
        code("%pip install phase0", id="magic"),
        code("def score(row):\n    return 1", id="logic"),
        code("1", id="collapsed", metadata={"scrolled": True}),
    ]

    assert faults(notebook) == [
        "ran: outputs",
        "printed: outputs",
        "magic: not plain Python",
        "logic: defines what belongs into jobs/",
        "collapsed: metadata {'scrolled': True}",
        "bound to a kernel of somebody's machine",
    ]


# Executed.


@pytest.fixture(scope="module")
def workspace(demo, tmp_path_factory) -> Path:
    """A copy of the finished demo: the notebooks find every stage up to date, until one of them changes something."""
    copy = tmp_path_factory.mktemp("notebooks") / "workspace"
    shutil.copytree(demo.workspace, copy, ignore=shutil.ignore_patterns("logs"))
    return copy


def execute(name: str, monkeypatch, *more_cells, before: str = "", **environment: str):
    """Run a notebook in a kernel of its own, as Jupyter does; returns it with its outputs.

    Args:
        name: of the notebook.
        monkeypatch: for the environment.
        more_cells: appended to it.
        before: source of a cell in front of it: what Databricks has set up before the first cell runs.
        environment: variables the kernel sees.
    """
    for variable, value in {"PYTHONPATH": str(ROOT), **environment}.items():
        monkeypatch.setenv(variable, value)
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    if before:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    notebook.cells += more_cells
    folder = {"metadata": {"path": str(ROOT / "notebooks")}}
    return NotebookClient(notebook, timeout=600, kernel_name="python3", resources=folder).execute()


def outputs(notebook, kind: str) -> list[str]:
    """Everything of one media type that its cells show, in order; streams are `text/plain`."""
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    streams = [output.text for output in shown if output.output_type == "stream" and kind == "text/plain"]
    return streams + [output.data[kind] for output in shown if kind in output.get("data", {})]


def errors(notebook) -> list[str]:
    """What it shows of warnings and errors."""
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [str(o) for o in shown if o.output_type == "error" or (o.output_type == "stream" and o.name == "stderr")]


# Downloads report to this console. A terminal's bars would end as a heap of lines, Jupyter's ask for another package.
CONSOLE = """
console = runtime.progress.console
assert not console.is_terminal and not console.is_jupyter
"""


def test_the_quickstart_shows_the_run_and_its_result(workspace, monkeypatch):
    notebook = execute(
        "01_quickstart", monkeypatch, nbformat.v4.new_code_cell(CONSOLE), PHASE0_WORKSPACE=str(workspace)
    )
    text, html = "\n".join(outputs(notebook, "text/plain")), "\n".join(outputs(notebook, "text/html"))

    assert not errors(notebook)
    assert f"workspace {workspace}, Spark " in text
    assert len(re.findall(r"^\w+[\w-]* +up to date$", text, re.MULTILINE)) == len(STAGES), "a line for each stage"
    assert "Validation Status: PASSED" in text and f"{workspace}/output/dataset.jsonl" in text
    assert html.count("<table") == 2 and "duplicate_prompt" in html


# What Databricks gives a notebook, as far as we use it.
DATABRICKS = """
from types import SimpleNamespace
given = {given!r}
dbutils = SimpleNamespace(widgets=SimpleNamespace(text=given.setdefault, get=given.__getitem__))
"""


def test_exploring_draws_a_picture_of_each_aspect_and_errors_are_for_the_reader(workspace, monkeypatch):
    misspelt = nbformat.v4.new_code_cell(
        'open_workspace("demo", "", "select.min_scor=8")', metadata={"tags": ["raises-exception"]}
    )
    widgets = DATABRICKS.format(given={"workspace": str(workspace)})

    notebook = execute("02_explore_dataset", monkeypatch, misspelt, before=widgets, PHASE0_WORKSPACE="/overruled")

    *cells, last = (cell for cell in notebook.cells if cell.cell_type == "code")
    (error,) = last.outputs
    assert error.ename == "ConfigError" and "min_score" in error.evalue
    assert error.traceback == [f"ConfigError: {error.evalue}"], "the message, not the way to it"
    last.outputs = []
    assert not errors(notebook)
    assert f"workspace {workspace}" in "\n".join(outputs(notebook, "text/plain")), "that of the widget"
    assert len(outputs(notebook, "image/png")) == 4
    lengths, groups = outputs(notebook, "text/html")
    assert "95 % are below" in lengths
    assert groups.count("<tr>") > 2 and "jaccard" in groups
    assert all(cell.outputs for cell in cells[1:])


def test_reviewing_keeps_the_dropped_row_out_of_the_data_set(spark, workspace, monkeypatch):
    exported = workspace / "output" / "dataset.jsonl"
    before = exported.read_text("utf-8").splitlines()

    notebook = execute("03_review", monkeypatch, PHASE0_WORKSPACE=str(workspace), PHASE0_REVIEWER="ana")
    text, html = "\n".join(outputs(notebook, "text/plain")), outputs(notebook, "text/html")

    assert not errors(notebook)
    assert "recorded: 1 to drop, 2 to keep" in text and "Validation Status: PASSED" in text
    assert len(re.findall(r"^(?:select|export) +\d.* in .* out$", text, re.MULTILINE)) == 2, "only these ran again"
    assert "rejected_by_reviewer" in html[-1] and "an example of a rejected row" in html[-1]

    runtime = open_quietly("demo", f"workspace={workspace}")
    reviews = {row["verdict"]: row for row in runtime.read(REVIEWS).collect()}
    assert reviews["drop"]["reviewer"] == "ana"
    dropped = spark.read.parquet(f"{workspace}/output/provenance.parquet").where(
        f"pair_id = '{reviews['drop']['pair_id']}'"
    )
    after = exported.read_text("utf-8").splitlines()
    assert dropped.isEmpty() and len(after) == len(before) - 1 and set(after) < set(before)


# What they are made of.

HOSTILE = "<script>alert(1)</script> $\\frac{1}{2}$ \u202egnp.exe {{7*7}} **bold**"


def test_a_table_shows_what_strangers_wrote_as_text_and_nothing_else():
    index = pd.Index(["<i>", "b"], name="row")
    frame = pd.DataFrame({"<b>text</b>": [HOSTILE, None], "listed": [[HOSTILE], []], "n": [1234567, 2]}, index)

    html = show(frame).to_html()

    assert "<script" not in html and "<b>" not in html and "<i>" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2, "in the list too"
    assert "\u202e" not in html and "\N{REPLACEMENT CHARACTER}gnp.exe" in html
    assert "mathjax_ignore" in html and "$\\frac" in html
    assert html.count("<tr>") == 3 and "&lt;i&gt;" in html, "numbered by its index, whose name takes no line"
    assert "1,234,567" in html and "None" not in html and "nan" not in html


def test_a_table_of_spark_fetches_no_more_than_it_shows(spark):
    rows = spark.range(1000).selectExpr(
        "repeat('x', 500) AS text", "id", "id / 3 AS third", "id = 1 AS is_one", "9.0D AS whole"
    )

    html = show(rows, limit=2, chars=10).to_html()

    assert html.count("<tr>") == 3 and "x" * 10 + " … (500 characters)" in html and "x" * 11 not in html
    assert ">0.3333<" in html and html.count(">9.0<") == 2 and ">true<" in html and ">false<" in html


@pytest.fixture
def shell(monkeypatch):
    """The shell of a notebook, and what it has displayed: id -> last bundle, in the order of appearance."""
    shown: dict[str, dict[str, str]] = {}
    instance = InteractiveShell.instance()

    def publish(data, metadata=None, *, transient, update=False, **_):
        assert update == (transient["display_id"] in shown), "what is not there cannot be updated"
        shown[transient["display_id"]] = data

    monkeypatch.setattr(instance.display_pub, "publish", publish)
    yield SimpleNamespace(instance=instance, shown=shown)
    InteractiveShell.clear_instance()


def test_progress_is_one_block_a_cell_that_ends_with_a_line_a_stage(shell):
    progress = NotebookProgress()
    shell.instance.execution_count = 1
    with progress.stage("screen", "mark what <breaks> rules"):
        progress.step("reading")
        (during,) = [bundle["text/plain"] for bundle in shell.shown.values()]
    # The tables of a stage are validated while the next one runs, so a warning may come at any time.
    progress.line("warning: <b>odd</b>", style="yellow")
    progress.line("9 in 8 out")
    with pytest.raises(KeyError), progress.stage("score", "score pairs"):
        raise KeyError
    shell.instance.execution_count = 2
    progress.line("another cell")

    first, second = shell.shown.values()
    assert during == "▸ screen: reading …"
    lines = first["text/plain"].splitlines()
    assert re.fullmatch(r"screen +\d\.\d s  9 in 8 out", lines[0]) and lines[1] == "warning: <b>odd</b>"
    assert re.fullmatch(r"score +stopped after \d\.\d s", lines[2]) and len(lines) == 3
    assert "&lt;b&gt;odd&lt;/b&gt;" in first["text/html"] and "<b>" not in first["text/html"]
    assert second["text/plain"] == "another cell"


def test_a_panel_beside_the_stage_is_rewritten_in_its_block_and_leaves_no_trace(shell):
    progress = NotebookProgress()
    shell.instance.execution_count = 1

    def block():
        (bundle,) = shell.shown.values()
        return bundle

    with progress.stage("distill", "ask"):
        progress.step("asking")
        for text in ("<i>1</i> done", "2 done"):
            thread = threading.Thread(target=progress.show_panel, args=(text,))
            thread.start()
            thread.join()
            assert block()["text/plain"].splitlines() == ["▸ distill: asking …", text]
            assert "<i>" not in block()["text/html"]
        progress.step("settling")
        assert block()["text/plain"].splitlines() == ["▸ distill: settling …", "2 done"]
        progress.show_panel(None)
        assert block()["text/plain"] == "▸ distill: settling …"
    assert re.fullmatch(r"distill +\d\.\d s", block()["text/plain"])


def test_a_parameter_is_the_default_or_the_environment_or_the_widget(shell, monkeypatch):
    assert parameter("reviewer", "me") == "me"
    monkeypatch.setenv("PHASE0_REVIEWER", "ana")
    assert parameter("reviewer", "me") == "ana"

    typed = {"reviewer": "ben"}
    widgets = SimpleNamespace(text=typed.setdefault, get=typed.__getitem__)
    shell.instance.user_ns["dbutils"] = SimpleNamespace(widgets=widgets)
    assert parameter("reviewer", "me") == "ben"
    assert parameter("config", "demo") == "demo" and typed["config"] == "demo", "a widget appears with the default"
