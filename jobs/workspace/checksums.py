"""Checksums beside files, as Hadoop's local file system keeps them: a bit that flips in a table is seen by all readers.

Spark writes and compares them by itself. delta-rs does neither, so what it writes is given some, and what it is about
to read is compared. A file `x` has its sums in `.x.crc`: `crc` and zero, the bytes of a block as a big-endian integer,
and for each block its CRC-32.
"""

import os
import sys
import zlib
from array import array
from functools import lru_cache
from pathlib import Path

_MAGIC = b"crc\0"
_BLOCK_BYTES = 512


def write_checksum(path: Path) -> None:
    """Put the checksums of a file beside it, in one step."""
    content = _MAGIC + _BLOCK_BYTES.to_bytes(4, "big") + _sums(path.read_bytes(), _BLOCK_BYTES)
    place = _place(path)
    draft = place.with_name(f"{place.name}.draft")
    draft.write_bytes(content)
    os.replace(draft, place)


def is_as_written(path: Path) -> bool:
    """Whether a file is what its checksums say; true where it has none. A file that has not changed is read once.

    Raises:
        OSError: the file cannot be read.
    """
    status = path.stat()
    return _compare(str(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _compare(path: str, changed: int, size: int) -> bool:
    try:
        said = _place(Path(path)).read_bytes()
    except FileNotFoundError:
        return True
    block = int.from_bytes(said[4:8], "big")
    if not said.startswith(_MAGIC) or not block:
        return True  # Hadoop takes it for none, too
    return said[8:] == _sums(Path(path).read_bytes(), block)


def _place(path: Path) -> Path:
    return path.with_name(f".{path.name}.crc")


def _sums(content: bytes, block: int) -> bytes:
    sums = array("I", [zlib.crc32(content[start : start + block]) for start in range(0, len(content), block)])
    if sys.byteorder == "little":
        sums.byteswap()
    return sums.tobytes()
