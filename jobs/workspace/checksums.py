"""Checksums beside files, as Hadoop's local file system keeps them: a bit that flips in a table is seen by all readers.

Spark writes and compares them by itself. delta-rs does neither, so what it writes is given some, and what it is about
to read is compared. A file `x` has its sums in `.x.crc`: `crc` and zero, the bytes of a block as a big-endian integer,
and for each block its CRC-32.

A file is compared as a whole: its CRC-32 must be the one that those of its blocks make together. To take a sum of each
block again would cost five times as much.
"""

import os
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_Sums = NDArray[np.uint32]

_MAGIC = b"crc\0"
_BLOCK_BYTES = 512
_READ_BYTES = 1 << 18


def write_checksum(path: Path) -> None:
    """Put the checksums of a file beside it, in one step."""
    content = _MAGIC + _BLOCK_BYTES.to_bytes(4, "big") + _sums(path.read_bytes()).astype(">u4").tobytes()
    place = _place(path)
    draft = place.with_name(f"{place.name}.draft")
    draft.write_bytes(content)
    os.replace(draft, place)


def has_checksum(path: Path) -> bool:
    """Whether somebody has put checksums beside a file."""
    return _place(path).is_file()


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
    if len(said) != 8 + 4 * -(-size // block):
        return False
    return _joined(np.frombuffer(said, ">u4", offset=8).astype(np.uint32), block, size) == _sum(path)


def _place(path: Path) -> Path:
    return path.with_name(f".{path.name}.crc")


def _sums(content: bytes) -> _Sums:
    """The CRC-32 of each block."""
    starts = range(0, len(content), _BLOCK_BYTES)
    return np.array([zlib.crc32(content[start : start + _BLOCK_BYTES]) for start in starts], np.uint32)


def _sum(path: str) -> int:
    """The CRC-32 of a whole file."""
    found, room = 0, memoryview(bytearray(_READ_BYTES))
    with open(path, "rb", buffering=0) as handle:
        while count := handle.readinto(room):
            found = zlib.crc32(room[:count], found)
    return found


def _joined(sums: _Sums, block: int, size: int) -> int:
    """The CRC-32 of a file of `size` bytes from those of its blocks, of which the last may be short.

    A CRC is linear: that of `ab` is that of `b` xor that of `a` followed by as many zeros as `b` has bytes. Blocks are
    joined to pairs, pairs to pairs of pairs, all of a size in one step (zlib has it for one pair).
    """
    if len(sums) < 2:
        return int(sums.sum())
    last, rest = sums[-1], sums[:-1]
    doublings = 0
    while len(rest) > 1:
        if len(rest) % 2:
            rest = np.concatenate([np.zeros(1, np.uint32), rest])  # nothing, before the first, changes no sum
        rest = _followed(rest[::2], _zeros(block, doublings)) ^ rest[1::2]
        doublings += 1
    return int(_followed(rest, _zeros((size - 1) % block + 1))[0] ^ last)


@lru_cache(maxsize=1024)
def _zeros(count: int, doublings: int = 0) -> _Sums:
    """What zero bytes that follow, so many and doubled so often, make of each octet of a CRC: four tables of 256."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if doublings:
        half = _zeros(count, doublings - 1)
        made = _followed(_followed(bits, half), half)
    else:
        zeros = bytes(count)
        of_none = zlib.crc32(zeros)
        made = np.array([zlib.crc32(zeros, int(bit)) ^ of_none for bit in bits], np.uint32)
    is_set = np.arange(256)[:, None] >> np.arange(8) & 1 > 0
    return np.asarray(np.bitwise_xor.reduce(np.where(is_set, made.reshape(4, 1, 8), np.uint32(0)), axis=2))


def _followed(sums: _Sums, zeros: _Sums) -> _Sums:
    """CRCs of what has zeros behind it."""
    octets = sums.astype("<u4").view(np.uint8).reshape(-1, 4)
    return np.asarray(np.bitwise_xor.reduce(zeros[np.arange(4), octets], axis=1))
