"""What runs on executors, as one zip: a Spark Connect server has none of our code and is sent it."""

import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

PACKAGES = ("conf", "schemas", "udfs")
"""All that a Python worker imports of ours. It needs nothing of `jobs`."""
_OLDEST = (1980, 1, 1, 0, 0, 0)


def write_code_archive(folder: Path) -> Path:
    """Write `phase0-code.zip` to a folder; the same code gives the same bytes.

    Args:
        folder: where the zip goes; it is there already.
    """
    archive = folder / "phase0-code.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for package in PACKAGES:
            for name, content in _files(resources.files(package), package):
                written.writestr(zipfile.ZipInfo(name, _OLDEST), content, zipfile.ZIP_DEFLATED)
    return archive


def _files(folder: Any, name: str) -> list[tuple[str, bytes]]:  # a Traversable: the package may itself be in a zip
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{name}/{entry.name}"
        if entry.is_dir() and entry.name not in ("__pycache__", "samples"):
            found += _files(entry, path)
        elif entry.name.endswith((".py", ".yaml", ".j2")):
            found.append((path, entry.read_bytes()))
    return found
