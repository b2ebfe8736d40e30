"""The manifest: what the exported files are, what they were made of, and what to check them against."""

import hashlib
import json
import platform
import unicodedata
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from jobs.runtime import Runtime
from jobs.settings import Settings
from jobs.sources_lock import origins
from schemas.tables import ALL, DATASET

PACKAGES = ("phase0", "pyspark", "delta-spark", "great-expectations", "pyarrow", "xxhash")


def build_manifest(runtime: Runtime, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a reader needs to check and to repeat the export.

    Args:
        runtime: the run.
        facts: file, sha256, rows and bytes of the JSONL.
    """
    settings, dataset = runtime.settings, runtime.read(DATASET)
    counts = {
        name: {row[name] or "not known": row["count"] for row in dataset.groupBy(name).count().orderBy(name).collect()}
        for name in ("category", "source", "origin", "licence", "language")
    }
    return {
        "files": {facts["file"]: {name: facts[name] for name in ("sha256", "rows", "bytes")}},
        "created_at": runtime.started_at.isoformat(timespec="seconds"),
        "run_id": runtime.run_id,
        "scorer": {"kind": settings.score.kind, "name": settings.score.kind},
        "teachers": [teacher.name for teacher in settings.distill.teachers],
        "teacher_kinds": {teacher.name: teacher.kind for teacher in settings.distill.teachers},
        "targets": {
            "min_rows": settings.targets.min_rows,
            "min_mean_quality": settings.targets.min_mean_quality,
            "min_score": settings.select.min_score,
            "max_duplicate_share": settings.targets.max_duplicate_share,
            "jaccard": settings.deduplicate.threshold,
            "min_valid_share": settings.targets.min_valid_share,
            "min_teachers": settings.targets.min_teachers,
        },
        "counts": counts,
        "downloads": origins(settings),
        "cost_usd": "0",
        "config_sha256": settings_hash(settings),
        "tables": {table.name: runtime.storage.version(table) for table in ALL},
        "versions": versions(),
    }


def settings_hash(settings: Settings) -> str:
    """Hash of all that shapes the data, so not of where it is written or of the machine's session."""
    content = settings.model_dump(mode="json", exclude={"workspace", "catalog", "spark", "downloads"})
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
