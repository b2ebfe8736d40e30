"""The house rules a machine can check: imports go one way, names are safe, executors need no stage."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for package in ("jobs", "udfs", "schemas") for path in (ROOT / package).rglob("*.py"))

STAGES = {
    "ingest",
    "screen",
    "deduplicate_prompts",
    "distill",
    "deduplicate_pairs",
    "score",
    "select_rows",
    "export",
}
# Above the stages: they may import stages, no stage imports them.
ABOVE = {
    "pipeline",
    "validate",
    "collect_status",
    "write_reports",
    "explain",
    "summary",
    "cli",
    "cli_batches",
    "cli_inspect",
    "cli_package",
    "cli_review",
    "notebook",
}


def imports(path: Path) -> set[str]:
    """Modules a file imports, but for those under `if __name__ == "__main__"`: that is the program, not the module."""
    tree = ast.parse(path.read_text("utf-8"))
    body = [node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.dump(node.test))]
    found = set()
    for node in ast.walk(ast.Module(body, [])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    module, imported = name_of(path), imports(path)
    if module.startswith("schemas"):
        assert not {name for name in imported if name.startswith(("udfs", "jobs"))}
    if module.startswith("udfs"):
        assert not {name for name in imported if name.startswith("jobs")}
    if module.removeprefix("jobs.") in STAGES:
        forbidden = {f"jobs.{name}" for name in STAGES | ABOVE} - {module}
        assert not imported & forbidden, "a stage imports no stage and nothing above the stages"


def test_the_stages_of_the_pipeline_are_those_checked_here():
    from jobs.pipeline import STAGES as ACTUAL

    assert {stage.name.replace("-", "_").replace("select", "select_rows") for stage in ACTUAL} == STAGES


def test_no_module_hides_one_of_the_standard_library():
    # A script has its own folder first on the path: jobs/select.py would be everybody's `select`.
    hidden = {path.stem for path in (ROOT / "jobs").glob("*.py")} & set(sys.stdlib_module_names)
    assert not hidden


def test_no_module_is_longer_than_300_lines():
    long = {name_of(path): n for path in MODULES if (n := len(path.read_text("utf-8").splitlines())) > 300}
    assert not long


@pytest.mark.parametrize("word", ["sparkContext", ".rdd", "accumulator(", "broadcast(", ".cache()", ".persist("])
def test_nothing_needs_what_serverless_spark_lacks(word):
    # F.broadcast is a hint to the planner and works everywhere.
    users = [
        name_of(path)
        for path in MODULES
        if word in path.read_text("utf-8").replace("F.broadcast(", "")
        and not (word == ".cache()" and "functools" in path.read_text("utf-8"))
    ]
    assert not users


def test_every_init_file_is_empty():
    # So that importing a pure module starts neither Spark nor Great Expectations.
    assert not [name_of(path) for path in MODULES if path.name == "__init__.py" and path.read_text("utf-8").strip()]


def test_every_suppression_says_which_rule_it_suppresses():
    for path in MODULES:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert not line.rstrip().endswith(("# noqa", "# type: ignore")), f"{name_of(path)}:{number}"
