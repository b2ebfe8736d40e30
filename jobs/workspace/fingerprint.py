"""Whether a stage has anything to do: a hash of everything its result depends on."""

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

from jobs.workspace.runtime import Runtime, Stage


def stage_fingerprint(runtime: Runtime, stage: Stage, upstream: str) -> str:
    """Hash of everything the stage's result depends on: settings, inputs, code, and the stage before."""
    settings = runtime.settings.model_dump(mode="json", include=set(stage.settings))
    parts = [stage.name, settings, dict(stage.inputs(runtime)), code_hash(), upstream]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()


@cache
def code_hash() -> str:
    """Hash of all code and data of the product."""
    digest = hashlib.sha256()
    for package in ("conf", "jobs", "schemas", "udfs"):
        for file in _files(resources.files(package)):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(folder: Any) -> list[Any]:  # a Traversable, whose home changed between Python 3.10 and 3.14
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            found += _files(entry)
        elif entry.name.endswith((".py", ".yaml", ".j2")):
            found.append(entry)
    return found
