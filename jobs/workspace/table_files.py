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

_COMMIT = re.compile(r"\d{20}\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\b.*\.parquet")


def table_fault(folder: Path) -> str | None:
    """Why a table cannot be read, null where all its files are there or it was never written.

    The content of its data files is not looked at: Spark compares their checksums as it reads.
    """
    if not os.path.lexists(folder):
        return None
    if not folder.is_dir():
        return f"{folder} is not a folder"
    log = folder / "_delta_log"
    if os.path.lexists(log) and not log.is_dir():
        return f"{log} is not a folder"
    return next(_faults(folder, log), None)


def _faults(folder: Path, log: Path) -> Iterator[str]:
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
    for name, size in live.items():
        path = folder / unquote(name)
        try:
            found = path.stat().st_size
        except OSError:
            yield f"{path} is missing"
        else:
            if found != size:
                yield f"{path} has {found:,} bytes and was written with {size:,}"


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
