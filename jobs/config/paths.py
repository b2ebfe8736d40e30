"""Paths as a configuration holds them."""

import os
import posixpath
import re
from pathlib import Path

from schemas.errors import ConfigError

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
    home, slash, rest = path.partition("/")
    if home.startswith("~") and (slash or home == "~"):
        path = literal(from_home(home)) + slash + rest
    return path if path.startswith("/") else posixpath.normpath(f"{literal(folder.as_posix())}/{path}")


def from_home(path: str) -> str:
    """A path with `~` or `~user` at its beginning expanded.

    Raises:
        ConfigError: that user has no home here, or nobody says where it is.
    """
    expanded = os.path.expanduser(path)
    if expanded == path and re.match(r"~[^/]*(/|\Z)", path):
        raise ConfigError(f"{path}: there is no home folder of that name here; write the path in full")
    return expanded
