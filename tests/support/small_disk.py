"""A small disk of its own, where this user can have one: as root, or with a sudo that asks nothing."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_AS_ROOT: Sequence[str] = () if os.geteuid() == 0 else ("sudo", "-n")


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a disk in memory at a folder for as long as the block lasts, or skip the test.

    Args:
        folder: is made.
        options: of tmpfs: `size=64k`, `ro,size=1m`.
    """
    folder.mkdir()
    if not _mount(folder, options):
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run([*_AS_ROOT, "umount", "--lazy", folder], check=True)


def can_mount(folder: Path) -> bool:
    """Whether this user can have a small disk."""
    if not _mount(folder, "size=64k"):
        return False
    subprocess.run([*_AS_ROOT, "umount", "--lazy", folder], check=True)
    return True


def _mount(folder: Path, options: str) -> bool:
    owner = f"uid={os.geteuid()},gid={os.getegid()}"
    command = [*_AS_ROOT, "mount", "-t", "tmpfs", "-o", f"{options},{owner}", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def fill(folder: Path) -> None:
    """Leave no room on the disk that a folder is on."""
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for size in (1 << 20, 1 << 16, 1 << 12, 1):
            try:
                while ballast.write(bytes(size)):
                    pass
            except OSError:
                continue
