"""The house rules a machine can check: each module has a floor, imports go down, promises about imports hold."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

from jobs.pipeline import STAGES
from tests.support.paths import ROOT

MODULES = sorted(path for package in ("jobs", "udfs", "schemas") for path in (ROOT / package).rglob("*.py"))
JOB_FILES = {
    f"jobs.{name}"
    for name in (
        "ingest",
        "screen",
        "decontaminate",
        "deduplicate_prompts",
        "distill",
        "deduplicate_pairs",
        "score",
        "select_rows",
        "export",
    )
}
FLOORS: tuple[tuple[str, ...], ...] = (
    # A module imports its own package and lower floors: nothing beside it, nothing above it. A stage is by itself.
    ("schemas",),
    ("udfs",),
    ("jobs.config", "jobs.rendering"),
    ("jobs.workspace",),
    ("jobs.sources", "jobs.models", "jobs.verify"),
    ("jobs.deduplication", "jobs.curation", "jobs.ledger"),
    ("jobs.online", "jobs.batches"),
    ("jobs.answers",),
    ("jobs.surrogate",),
    ("jobs.calibration",),
    ("jobs.budget", "jobs.validation", "jobs.publish"),
    ("jobs.run",),
    ("jobs.reports", *sorted(JOB_FILES)),
    ("jobs.pipeline",),
    ("jobs.cli", "jobs.notebook"),
)
FLOOR_OF = {package: number for number, floor in enumerate(FLOORS) for package in floor}

# Where a library may be imported; elsewhere it is hidden behind what these packages offer.
ONLY_IN = {
    "openai": ("udfs.llm.client", "udfs.llm.bounded_client", "jobs.models", "jobs.batches.api"),
    "great_expectations": ("jobs.validation",),
    "typer": ("jobs.run", "jobs.cli", "jobs.pipeline"),
}


class Import(NamedTuple):
    """One imported module or name, `__main__` blocks included."""

    module: str
    name: str
    line: int

    @property
    def target(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def is_only_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports_of(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (Import(node.module, alias.name, node.lineno) for alias in node.names)


@cache
def imports(path: Path) -> tuple[Import, ...]:
    return tuple(imports_of(ast.parse(path.read_text("utf-8"))))


def home_of(module: str) -> str | None:
    """The package or file of `FLOORS` that a module, or a name in it, belongs to."""
    while module and module not in FLOOR_OF:
        module = module.rpartition(".")[0]
    return module or None


def is_ours(module: str) -> bool:
    return module.split(".")[0] in ("jobs", "udfs", "schemas")


def climbs(module: str, found: tuple[Import, ...]) -> list[str]:
    """Imports of a module that go beside it or up, as text."""
    home = home_of(module)
    wrong = []
    for one in found:
        target = home_of(one.target)
        if is_ours(one.module) and target != home and (target is None or FLOOR_OF[target] >= FLOOR_OF[home or ""]):
            wrong.append(f"{module}:{one.line} imports {one.target}")
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_has_a_floor_and_its_imports_go_down(path):
    module = name_of(path)
    if module == "jobs":  # the empty file that makes it a package
        return
    assert home_of(module), f"{module} is in no package of FLOORS"
    assert not climbs(module, imports(path))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("schemas.tables", "import udfs.text"),
        ("udfs.text", "from jobs.config import settings"),
        ("jobs.score", "from jobs.screen import STAGE"),
        ("jobs.score", "if __name__ == '__main__':\n    from jobs.cli.app import main"),
        ("jobs.online.waves", "from jobs.batches.run import run_batches"),
        ("jobs.publish.rows", "from jobs import select_rows"),
        ("jobs.config.settings", "import jobs.unknown.package"),
    ],
)
def test_an_import_that_climbs_is_seen(module, line):
    assert climbs(module, tuple(imports_of(ast.parse(line))))


def test_no_module_imports_itself_in_a_circle():
    known = {name_of(path): path for path in MODULES}
    edges = {
        module: {
            target
            for one in imports(path)
            for target in (one.target, one.module)
            if target in known and target != module and known[target].name != "__init__.py"
        }
        for module, path in known.items()
    }
    assert not circle(edges)
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c"]


def circle(edges: dict[str, set[str]]) -> list[str]:
    """The modules that are left when all that import nothing of the rest are taken away, again and again."""
    left = dict(edges)
    while done := [module for module, targets in left.items() if not targets & set(left)]:
        for module in done:
            del left[module]
    return sorted(left)


def test_the_verifier_shares_nothing_with_the_pipeline():
    # `phase0 verify` is a second opinion: it must not repeat a fault of what it checks.
    for path in (ROOT / "jobs" / "verify").glob("*.py"):
        foreign = [one.target for one in imports(path) if one.module.startswith("jobs") and "verify" not in one.target]
        assert not foreign, name_of(path)


def test_every_room_has_a_sentence_and_stands_where_its_floor_is():
    told = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    rooms = [path.name for path in (ROOT / "jobs").iterdir() if (path / "__init__.py").is_file()]
    assert sorted(set(told) & set(rooms)) == sorted(rooms)
    floors = [FLOOR_OF[f"jobs.{name}"] for name in told if name in rooms]
    assert floors == sorted(floors), "the lowest first"


@pytest.mark.parametrize(("library", "homes"), ONLY_IN.items(), ids=list(ONLY_IN))
def test_a_library_is_imported_in_its_homes_only(library, homes):
    users = {name_of(path) for path in MODULES for one in imports(path) if one.module.split(".")[0] == library}
    assert users, f"nobody imports {library}: drop the rule"
    assert not {user for user in users if not any(user == home or user.startswith(home + ".") for home in homes)}


def test_no_udf_is_defined_in_jobs():
    # Executors have `udfs` and `schemas`; what is defined in `jobs` would travel by value, its imports would not.
    made = re.compile(r"\bF\.(pandas_)?udf\(|\budf\(|\.(mapInArrow|mapInPandas|applyInArrow|applyInPandas)\(")
    for path in (ROOT / "jobs").rglob("*.py"):
        text = path.read_text("utf-8")
        own = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
        for call in made.finditer(text):
            argument = re.match(r"\s*(\w+)", text[call.end() :])
            assert argument and argument[1] not in own | {"lambda"}, f"{name_of(path)}: {text[call.start() :][:60]}"


def test_no_name_in_jobs_hides_another_module():
    # A script has its own folder first on the path: jobs/select.py would be everybody's `select`.
    names = {path.stem for path in (ROOT / "jobs").iterdir() if path.suffix == ".py" or path.is_dir()}
    ours = {"jobs", "udfs", "schemas", "conf", "tests"}
    assert not names & set(sys.stdlib_module_names)
    assert not names & (set(packages_distributions()) - ours)


@pytest.mark.parametrize("script", sorted(JOB_FILES | {"jobs.pipeline"}))
def test_a_job_is_a_script(script, tmp_path):
    # As docs/CLUSTER.md says: `spark-submit … jobs/score.py --config my.yaml`.
    command = [sys.executable, str(ROOT / (script.replace(".", "/") + ".py")), "--config", "missing.yaml"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("phase0: ") and "missing.yaml" in ended.stderr


def test_each_stage_follows_the_one_before_it():
    assert [stage.after for stage in STAGES] == [None, *(stage.name for stage in STAGES[:-1])]
    files = {f"jobs.{stage.name.replace('-', '_').replace('select', 'select_rows')}" for stage in STAGES}
    assert files == JOB_FILES


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


def test_the_tests_mirror_the_packages():
    packages = {path.name for path in (ROOT / "jobs").iterdir() if path.is_dir()} | {"udfs", "schemas"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= packages | {"stages", "system", "support", "benchmarks"}
    flat = {path.name for path in (ROOT / "tests").glob("*.py")}
    assert flat == {"__init__.py", "conftest.py"}, "a test lies in the folder of what it tests"
    misplaced = [path for path in (ROOT / "tests").rglob("test_*.py") if path.parent.name in ("support", "benchmarks")]
    assert not misplaced


def test_every_package_is_installed():
    text = (ROOT / "setup.py").read_text("utf-8")
    packages = {name_of(path) for path in MODULES if path.name == "__init__.py"}
    assert not [name for name in packages if f'"{name}",' not in text]


def test_programs_in_strings_import_what_there_is():
    written = re.compile(r"from ((?:jobs|udfs|schemas|conf|tests)[\w.]*) import (\w+)")
    found = [
        (str(path.relative_to(ROOT)), name, what)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name, what in written.findall(node.value)
    ]
    assert len(found) > 5
    assert not [one for one in found if not hasattr(importlib.import_module(one[1]), one[2])]
