"""The folder of a package: it appears whole, and replaces an older package but nothing else."""

import fcntl
import json
import os
import re
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
_OLD = ".old"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give out a folder beside the target that takes its place at the end; after an error the target is as before.

    What a run that was killed left beside the target is cleared away first.

    Raises:
        ConfigError: the target holds something that is not a package of ours.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_litter(target)
    require_own(target)
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    folder.mkdir()
    with _held(folder):
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if not target.exists():
            folder.rename(target)
            return
        with _held(target):
            old = target.with_name(f"{folder.name}{_OLD}")
            target.rename(old)
            folder.rename(target)
            shutil.rmtree(old)


def clear_litter(target: Path) -> None:
    """Remove what killed runs left beside a target; a package that one had just moved aside goes back to its place."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}(?:{re.escape(_OLD)})?")
    litter = [path for path in target.parent.iterdir() if ours.fullmatch(path.name) and path.is_dir()]
    for path in sorted(litter, key=lambda path: not path.name.endswith(_OLD)):
        with _held(path) as is_dead:
            if not is_dead:
                continue
            if path.name.endswith(_OLD) and not target.exists() and read_package_manifest(path) is not None:
                path.rename(target)
            else:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Hold a folder, wherever it is moved to, for as long as this process lives; false where another one holds it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # whoever held it was quicker
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


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
    manifest = read_package_manifest(target)
    others = sorted(held - ({MANIFEST, *manifest["files"]} if manifest else set()))
    if others:
        raise ConfigError(
            f"--output {target} holds {', '.join(others[:5])}{', …' if len(others) > 5 else ''}, which is no part of a "
            "package; name another folder, or move it away"
        )


def read_package_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a package, null where the folder has none or it is of something else."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    is_ours = isinstance(manifest, dict) and manifest.get("kind") == KIND and isinstance(manifest.get("files"), dict)
    return manifest if is_ours else None
