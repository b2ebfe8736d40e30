"""Hashes of the tokens of many texts at once, without a Python object for each of them.

A token's hash is a polynomial in its bytes modulo 2^64 (Karp and Rabin 1987), each byte standing for a 64-bit number of
its own and the sum mixed at the end. So the hash of any run of bytes is the difference of two running sums, and numpy
makes those of a whole batch.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import xxhash

from udfs.chunks import chunks

Hashes = npt.NDArray[np.uint64]

_BLANK = ord(" ")
_NUMBER_OF_BYTE = np.array([xxhash.xxh3_64_intdigest(bytes([byte])) for byte in range(256)], dtype=np.uint64)
_FACTOR = 0x9E3779B97F4A7C15
_MIXER = np.uint64(0xD6E8FEB86659FD93)
# Bytes hashed in one step, so that its running sums stay in the processor's cache; a longer text is a step of its own.
_STEP = 1 << 16


def hash_tokens(texts: Sequence[bytes]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Hash tokens, equal ones alike wherever they stand.

    Args:
        texts: of each its tokens with one or more blanks between them.

    Returns:
        The hashes of all tokens in order, and how many each text has.
    """
    hashes, counts = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.int64)]
    for start, end in chunks([len(text) + 1 for text in texts], _STEP):
        of_step, in_each = _hash_step(texts[start:end])
        hashes.append(of_step)
        counts.append(in_each)
    return np.concatenate(hashes), np.concatenate(counts)


def _hash_step(texts: Sequence[bytes]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    joined = np.frombuffer(b" ".join((b"", *texts, b"")), dtype=np.uint8)
    is_token = joined != _BLANK
    edges = np.flatnonzero(is_token[1:] != is_token[:-1])
    # Before the first byte of each token, and on its last one.
    before, last = edges[::2], edges[1::2]
    powers, inverse_powers = _powers(1 << (joined.size - 1).bit_length())
    sums = np.cumsum(_NUMBER_OF_BYTE[joined] * powers[: joined.size])
    hashes = (sums[last] - sums[before]) * inverse_powers[before]
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MIXER
    hashes ^= hashes >> np.uint64(32)
    ends = np.cumsum([len(text) + 1 for text in texts])
    return hashes, np.diff(np.searchsorted(last, ends), prepend=0)


@lru_cache(maxsize=2)
def _powers(size: int) -> tuple[Hashes, Hashes]:
    """Powers of the factor, and those of its inverse modulo 2^64, from the zeroth on."""
    factors = np.full((2, size), [[_FACTOR], [pow(_FACTOR, -1, 1 << 64)]], dtype=np.uint64)
    factors[:, 0] = 1
    powers = np.cumprod(factors, axis=1)
    return powers[0], powers[1]
