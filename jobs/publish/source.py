"""The finished run that a package is made of, and whether a package is already that of this run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.config.settings import Settings
from jobs.publish.folder import read_package_manifest
from jobs.verify.thresholds import sha256_of
from jobs.workspace import files
from jobs.workspace.fingerprint import code_hash, settings_hash
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError, MissingTableError
from schemas.tables import DATASET, PAIRS, SCORES, SELECTION

_RUN_AGAIN = "run `phase0 run` with the same configuration, --set and --limit first"


@dataclass(frozen=True)
class Source:
    """The export of a run."""

    manifest: Mapping[str, Any]
    """What `jobs.publish.manifest.build_manifest` wrote."""
    sha256: str
    """Of the file of the manifest."""
    fingerprint: str
    """Of everything that the bytes of a package depend on."""


def read_source(settings: Settings) -> Source:
    """Read the manifest of the export.

    Raises:
        MissingTableError: nothing has been exported.
        ConfigError: the configuration is not the one of the export, so that the card would say what is not so.
    """
    text = files.read_text(files.join(settings.workspace, "output", "manifest.json"))
    if text is None:
        raise MissingTableError(f"nothing has been exported to {settings.workspace}/output; {_RUN_AGAIN}")
    manifest = json.loads(text)
    if manifest["config_sha256"] != settings_hash(settings):
        raise ConfigError(f"the configuration is not the one that {settings.workspace} was made with; {_RUN_AGAIN}")
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    parts = [sha256, settings.package.model_dump(mode="json"), code_hash()]
    return Source(manifest, sha256, hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest())


def require_exported(runtime: Runtime, source: Source) -> None:
    """Refuse tables that are newer than the export.

    Raises:
        ConfigError: names them.
    """
    exported = source.manifest["tables"]
    tables = (PAIRS, SCORES, SELECTION, DATASET)
    newer = [table.name for table in tables if exported.get(table.name) != runtime.storage.version(table)]
    if newer:
        raise ConfigError(
            f"{', '.join(newer)} {'are' if len(newer) > 1 else 'is'} newer than the export; "
            "run `phase0 export --force` with the same configuration first"
        )


def is_current(target: Path, source: Source) -> bool:
    """Whether the folder holds the package of this very run, with every file as it was written."""
    manifest = read_package_manifest(target)
    if manifest is None or manifest.get("fingerprint") != source.fingerprint:
        return False
    paths = {target / name: facts["sha256"] for name, facts in manifest["files"].items()}
    return all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in paths.items())
