"""The manifest of a package: its files and splits, how they were made, and what to check them against.

It holds no time and no random name of its own, so that the same run gives the same package to the byte.
"""

from collections.abc import Mapping
from typing import Any

from jobs.config.settings import PackageConfig
from jobs.publish.content import Content
from jobs.publish.folder import KIND
from jobs.publish.source import Source
from jobs.workspace.fingerprint import versions

_TAKEN_OVER = ("scorer", "teachers", "teacher_kinds", "targets", "cost_usd")


def build_package_manifest(
    config: PackageConfig,
    source: Source,
    content: Content,
    split: Mapping[str, Any],
    needs: Mapping[str, int],
    misfits: int,
) -> dict[str, Any]:
    """Everything a receiver needs to check the package and to find the run it was made of.

    Args:
        config: how it was to be packed.
        source: the export.
        content: what was written.
        split: facts of the split, empty where there is no validation.
        needs: reason why rows are not bare -> rows that the chat messages could have.
        misfits: rows whose turns do not alternate or are blank in part, so that no format has them.
    """
    exported = source.manifest
    return {
        "kind": KIND,
        "files": dict(sorted(content.files.items())),
        "splits": _splits(content),
        "split": dict(split),
        "counts": {name: dict(sorted(counted.items())) for name, counted in content.counts.items()},
        "needs_context": dict(sorted(needs.items())),
        "no_conversation": misfits,
        "options": config.model_dump(mode="json"),
        **{name: exported[name] for name in _TAKEN_OVER},
        "made_from": {
            "run_id": exported["run_id"],
            "created_at": exported["created_at"],
            "config_sha256": exported["config_sha256"],
            "manifest_sha256": source.sha256,
            "files": exported["files"],
            "downloads": exported["downloads"],
        },
        "fingerprint": source.fingerprint,
        "versions": versions(),
    }


def _splits(content: Content) -> dict[str, dict[str, int]]:
    """Configuration -> split -> rows."""
    splits: dict[str, dict[str, int]] = {}
    formats = {facts["format"] for facts in content.files.values() if "format" in facts}
    for facts in content.files.values():
        if facts.get("format") == min(formats):  # each format has all rows
            of_config = splits.setdefault(facts["config"], {})
            of_config[facts["split"]] = of_config.get(facts["split"], 0) + facts["rows"]
    return splits
