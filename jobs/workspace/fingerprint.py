"""Whether a stage has anything to do: a hash of everything its result depends on."""

import hashlib
import json
import platform
import unicodedata
from functools import cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jobs.config.settings import Settings
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


PACKAGES = ("phase0", "pyspark", "delta-spark", "great-expectations", "pyarrow", "xxhash")


def settings_hash(settings: Settings) -> str:
    """Hash of all that shapes the data.

    Not of the places where it is read and written, of how it is packed or of the machine's session: the same
    configuration has the same hash on another machine.
    """
    content = settings.model_dump(
        mode="json", exclude={"workspace", "catalog", "calls", "downloads", "package", "spark"}
    )
    for source in (*content["sources"], *(content["decontaminate"]["benchmarks"] or ())):
        del source["path"]
    del content["deduplicate"]["against"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()


def versions() -> dict[str, str]:
    """Versions that a result may depend on; Python's Unicode tables decide what a token is."""
    found = {"python": platform.python_version(), "unicode": unicodedata.unidata_version}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # on a cluster the code may come as a zip
            found[package] = "not installed"
    return found
