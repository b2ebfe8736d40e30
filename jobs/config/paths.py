"""Paths as a configuration holds them."""

import os
import posixpath
import re
from pathlib import Path

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def literal(path: str) -> str:
    """The path of one file as a glob that matches nothing else."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", path)


def absolute_glob(path: str, folder: Path) -> str:
    """A path, glob or URI with `~` expanded and relative to no folder any more.

    Args:
        path: as a person writes it.
        folder: what it is relative to; its own name is no glob.
    """
    if _URI.match(path):
        return path
    expanded = os.path.expanduser(path)
    return expanded if expanded.startswith("/") else posixpath.normpath(f"{literal(folder.as_posix())}/{expanded}")
