"""What is installed is what is declared, bounded, locked by hash and listed with its licence."""

import ast
import re
import runpy
import sys
from importlib import metadata

import pytest
import setuptools
from packaging.requirements import Requirement

from tests.support.audit import judge
from tests.support.licences import FILE, canonical, listed, locked
from tests.support.paths import ROOT

OURS = {"conf", "jobs", "schemas", "udfs", "tests"}
LOCKS = sorted((ROOT / "requirements").glob("lock-*.txt"))
OPTIONAL = {"cjdk", "rensa", "datasketch"}
"""What `make install` does not install: a Java, and the peers of `make bench`."""
# Nobody imports these: what they are for.
TOOLS = {
    "cjdk": "fetches a Java",
    "wheel": "builds the wheel",
    "pytest-xdist": "make test in several processes",
    "ruff": "make check",
    "mypy": "make check",
    "types-pyyaml": "make check",
    "venv-pack": "make env-archive",
    "ipykernel": "runs the notebooks",
    "matplotlib": "plots of the notebooks",
    "grpcio": "Spark Connect's client",
    "grpcio-status": "Spark Connect's client",
    "googleapis-common-protos": "Spark Connect's client",
    "zstandard": "Spark Connect's client",
}


@pytest.fixture(scope="module")
def declared():
    """The arguments of setup(): all requirements, and those of `pip install phase0` alone."""
    given = {}
    patched = pytest.MonkeyPatch()
    patched.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    patched.delenv("PHASE0_SPARK_PROVIDED", raising=False)
    runpy.run_path(str(ROOT / "setup.py"))
    patched.undo()
    extras = [line for lines in given["extras_require"].values() for line in lines]
    return [Requirement(line) for line in [*given["install_requires"], *extras]]


def imported(*folders):
    """Top-level names of other people's modules that the code imports."""
    tops = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    tops |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    tops.add(node.module.partition(".")[0])
    return tops - sys.stdlib_module_names - OURS


def distributions(tops):
    known = metadata.packages_distributions()
    return {
        canonical(name) for top in tops for name in known.get(top, [top])
    }  # what is not installed is called as it is


def test_every_import_is_declared(declared):
    names = {canonical(one.name) for one in declared}

    of_code = distributions(imported("jobs", "udfs", "schemas", "conf"))
    assert of_code - names <= {"ipython"}, "of a notebook's own kernel, looked for where it may be missing"
    assert distributions(imported("tests")) - names <= {"ipython", "pip-audit"}


def test_every_declared_package_is_imported_or_a_tool(declared):
    names = {canonical(one.name) for one in declared}

    unused = names - distributions(imported("jobs", "udfs", "schemas", "conf", "tests"))
    assert unused == set(TOOLS) & names == set(TOOLS)


def test_every_requirement_has_an_upper_bound(declared):
    unbounded = [
        str(one) for one in declared if not {"==", "<", "<=", "~="} & {part.operator for part in one.specifier}
    ]
    assert unbounded == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_a_hash_for_every_package_and_no_address(lock, declared):
    text, minor = lock.read_text("utf-8"), lock.stem.removeprefix("lock-")
    python = {"python_version": minor, "python_full_version": f"{minor}.9", "extra": ""}
    entries = [entry for entry in re.split(r"\n(?=[a-z0-9])", text) if "==" in entry]
    pins = {canonical(pin.name): pin for pin in (requirement(entry) for entry in entries) if applies(pin, python)}
    wanted = [one for one in declared if applies(one, python) and one.name not in OPTIONAL]

    assert len(pins) > 100 and all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text and "index-url" not in text and "find-links" not in text
    for one in wanted:
        (pin,) = pins[canonical(one.name)].specifier
        assert one.specifier.contains(pin.version, prereleases=True), f"{pin} is locked, {one} is declared"


def requirement(entry):
    """A package of a lock, without its hashes."""
    return Requirement(entry.partition("\\")[0].partition("--hash")[0].strip())


def applies(one, python):
    return one.marker is None or one.marker.evaluate(python)


def test_the_makefile_has_a_lock_for_each_version_that_is_promised():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    promised = re.search(r"^LOCKED := (.*)$", makefile, re.MULTILINE).group(1).split()

    assert [f"lock-{minor}" for minor in promised] == [lock.stem for lock in LOCKS]
    assert "--require-hashes" in makefile


def test_every_locked_package_is_listed_with_its_licence():
    assert listed(FILE.read_text("utf-8")) == set(locked()), "type: make licences"


@pytest.mark.parametrize(
    ("code", "printed", "verdict"),
    [
        (0, "No known vulnerabilities found", (0, "no known hole")),
        (1, "Found 2 known vulnerabilities in 1 package", (1, "known holes, as listed")),
        (1, "ConnectionError: HTTPSConnectionPool: Max retries exceeded", (2, "NOT AUDITED: the database")),
        (1, "Traceback", (2, "NOT AUDITED: pip-audit failed")),
    ],
)
def test_an_audit_that_could_not_ask_is_no_clean_one(code, printed, verdict):
    found = judge(code, printed)

    assert found[0] == verdict[0] and found[1].startswith(verdict[1])
