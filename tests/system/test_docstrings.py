"""What a docstring or comment names in backticks exists: a reader who looks for it finds it."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT

MODULES = sorted(path for package in ("jobs", "udfs", "schemas") for path in (ROOT / package).rglob("*.py"))
# `udfs.llm.journal`, `jobs.config.teachers.PUBLIC`: a module of ours, and what is in it.
DOTTED = re.compile(r"`((?:jobs|udfs|schemas)(?:\.\w+)+)(?:\(\))?`")
# `run_stages`, `Storage.materialise`, `JOURNAL`: names as only code spells them, perhaps with a dot in between.
PLAIN = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)*)(?:\(\))?`")
LIKE_CODE = re.compile(r"[a-z\d]_|[a-z][A-Z]|^[A-Z][A-Z_]+$")
FOREIGN = {"applyInArrow", "COMPLETE", "MAX_TOKENS", "SAFETY", "RECITATION", "RateLimit_Error"}
"""Names of Spark, of providers and others that we tell of and do not use."""


def prose_of(source: str) -> str:
    """All strings and comments of a module."""
    kinds = (tokenize.STRING, tokenize.COMMENT)
    return "\n".join(one.string for one in tokenize.generate_tokens(io.StringIO(source).readline) if one.type in kinds)


def resolves(dotted: str) -> bool:
    """Whether a module of ours is called so, or a module has something of that name."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        if path.is_dir() and length == len(parts):
            return True
        if path.with_suffix(".py").is_file():
            rest = parts[length:]
            return not rest or set(rest) <= names_in(path.with_suffix(".py"))
    return False


@cache
def names_in(path: Path) -> frozenset[str]:
    """Every name that the code of a module uses or defines: attributes, arguments and keys too."""
    found, prose = set(), set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        found |= {getattr(node, field, None) for field in ("name", "id", "attr", "arg", "asname")}
        if isinstance(node, ast.Expr):
            prose.add(node.value)  # a docstring proves nothing
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            found |= set(re.findall(r"\w+", node.value))  # a column, a key of the configuration, a state
    return frozenset(name for name in found if name)


@cache
def known_words() -> frozenset[str]:
    """Names of all modules, and all words of the files that are no Python: settings, tables, templates, variables."""
    found = {part for path in MODULES for part in (*names_in(path), path.stem)}
    for path in (ROOT / "conf").rglob("*.*"):
        if path.suffix in (".yaml", ".j2"):
            found |= set(re.findall(r"\w+", path.read_text("utf-8")))
    return frozenset(found)


def unknown_references(source: str) -> list[str]:
    prose = prose_of(source)
    missing = [name for name in DOTTED.findall(prose) if not resolves(name)]
    others = (name for name in PLAIN.findall(prose) if name.split(".")[0] not in ("jobs", "udfs", "schemas"))
    plain = (name for name in others if LIKE_CODE.search(name.split(".")[-1]) and name not in FOREIGN)
    return missing + [name for name in plain if not set(name.split(".")) <= known_words()]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(path.relative_to(ROOT).with_suffix("").parts))
def test_what_it_names_exists(path):
    assert not unknown_references(path.read_text("utf-8"))


def test_a_name_that_is_gone_is_seen():
    assert unknown_references('"""Calls `model_faults_of_old` of `schemas.tables.JOURNAL_OF_OLD`."""') == [
        "schemas.tables.JOURNAL_OF_OLD",
        "model_faults_of_old",
    ]
    assert not unknown_references("# As `jobs.run.run_stages.run_stages` does for `Stage.prepare` and `batch_key`.")
