"""Whether the files of a Delta table are those that its log speaks of, asked of the file system alone.

Spark finds out too, but in the middle of a job that reads several tables, and does not always say which one it was.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from jobs.workspace.checksums import has_checksum, is_as_written, write_checksum

_COMMIT = re.compile(r"\d{20}\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\b.*\.parquet")


_MOST_COMPARED_BYTES = 1 << 30
"""Of a table: above it only Spark compares checksums, which it does as it reads. A GiB takes about half a second."""


def table_fault(folder: Path, *, compares: bool = False) -> str | None:
    """Why a table cannot be read, null where all its files are there or it was never written.

    Args:
        folder: of the table.
        compares: whether the content of its files is held against their checksums, for readers that do not do so.
    """
    if not os.path.lexists(folder):
        return None
    if not folder.is_dir():
        return f"{folder} is not a folder"
    log = folder / "_delta_log"
    if os.path.lexists(log) and not log.is_dir():
        return f"{log} is not a folder"
    return next(_faults(folder, log, compares), None)


def give_checksums(folder: Path) -> None:
    """Give checksums to the last commit of a table and to the files that it added, where they have none yet.

    For a writer that does not do so: delta-rs.
    """
    commits = sorted(path for path in (folder / "_delta_log").iterdir() if _COMMIT.fullmatch(path.name))
    status = commits[-1].stat()
    added = _actions(str(commits[-1]), status.st_mtime_ns, status.st_size) or ()
    for path in (*(folder / unquote(name) for name, size in added if size is not None), commits[-1]):
        if not has_checksum(path):
            write_checksum(path)


def _faults(folder: Path, log: Path, compares: bool) -> Iterator[str]:
    names = sorted(os.listdir(log)) if log.is_dir() else []
    commits = [name for name in names if _COMMIT.fullmatch(name)]
    versions = [int(name.removesuffix(".json")) for name in commits]
    # What a checkpoint sums up need not be there any more.
    summed_up = max((int(match.group(1)) for match in map(_CHECKPOINT.fullmatch, names) if match), default=-1)
    gap = sorted(set(range(summed_up + 1, versions[-1] + 1)) - set(versions)) if versions else []
    if gap:
        yield f"{log / f'{gap[0]:020d}.json'} is missing"
    live: dict[str, int] = {}
    for name in commits:
        path = log / name
        status = path.stat()
        actions = _actions(str(path), status.st_mtime_ns, status.st_size)
        if actions is None:
            yield f"{path} cannot be read as a commit of Delta"
            return
        for added, size in actions:
            if size is None:
                live.pop(added, None)
            else:
                live[added] = size
        if compares and not is_as_written(path):
            yield f"{path} differs from its checksum"
    compares = compares and sum(live.values()) <= _MOST_COMPARED_BYTES
    for name, size in live.items():
        path = folder / unquote(name)
        try:
            found = path.stat().st_size
        except OSError:
            yield f"{path} is missing"
        else:
            if found != size:
                yield f"{path} has {found:,} bytes and was written with {size:,}"
            elif compares and not is_as_written(path):
                yield f"{path} differs from its checksum"


@lru_cache(maxsize=4096)
def _actions(path: str, changed: int, size: int) -> tuple[tuple[str, int | None], ...] | None:
    """Files that a commit adds, with their sizes, and removes, with null; null: it is no commit.

    A commit never changes once it is there, so that it is read once; what was changed by hand has another time or size.
    """
    actions: list[tuple[str, int | None]] = []
    try:
        for line in Path(path).read_bytes().splitlines():
            action = json.loads(line)
            if not isinstance(action, dict):
                return None
            if "remove" in action:
                actions.append((action["remove"]["path"], None))
            if "add" in action:
                actions.append((action["add"]["path"], int(action["add"]["size"])))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return tuple(actions) if size else None
