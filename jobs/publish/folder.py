"""The folder of a package: it appears whole, and replaces an older package but nothing else."""

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError

KIND = "phase0 package"
"""What `kind` says in the manifest of a package."""
MANIFEST = "manifest.json"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give out a folder beside the target that takes its place at the end; after an error the target is as before.

    Raises:
        ConfigError: the target holds something that is not a package of ours.
    """
    require_own(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder)
        raise
    if target.exists():
        old = target.with_name(f"{folder.name}.old")
        target.rename(old)
        folder.rename(target)
        shutil.rmtree(old)
    else:
        folder.rename(target)


def require_own(target: Path) -> None:
    """Refuse a folder with anything that would be lost; an empty one is as good as none.

    Raises:
        ConfigError: names what is there.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"--output {target} is a file; name a folder")
    held = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    manifest = read_manifest(target)
    others = sorted(held - ({MANIFEST, *manifest["files"]} if manifest else set()))
    if others:
        raise ConfigError(
            f"--output {target} holds {', '.join(others[:5])}{', …' if len(others) > 5 else ''}, which is no part of a "
            "package; name another folder, or move it away"
        )


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a package, null where the folder has none or it is of something else."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    is_ours = isinstance(manifest, dict) and manifest.get("kind") == KIND and isinstance(manifest.get("files"), dict)
    return manifest if is_ours else None
