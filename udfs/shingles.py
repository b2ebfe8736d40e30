"""What two texts have in common: tokens, shingles and the Jaccard similarity of shingle sets.

One definition for deduplication and for verification. A *token* is a maximal run of Unicode letters
and digits, with their combining marks, of the NFKC-normalised, lower-cased text; each CJK character
is a token of its own, because those scripts put no spaces between words. A *shingle* is three
consecutive tokens; a text of one or two tokens is one shingle; a text without a token has none.

Shingles are kept as 64-bit hashes. Among 10^8 distinct shingles the chance that any two collide is
0.03 %, and such a collision moves one Jaccard by less than 1 / set size.
"""

import re
import sys
import unicodedata
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
import xxhash

SHINGLE_TOKENS = 3

Shingles = npt.NDArray[np.uint64]

# Han with its extensions, iteration marks and kana. Hangul is written with spaces and stays in words.
_CJK = re.compile(
    "[\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
)
_ASCII_TOKEN = re.compile("[a-z0-9]+")
_DIGITS = re.compile(r"\d+")

# Odd constants of xxHash: with one for each place, (a, b, c) and (c, b, a) are different shingles.
_PLACE = np.array([0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
_FINALISER = np.uint64(0xFF51AFD7ED558CCD)


@cache
def _unicode_token() -> re.Pattern[str]:
    # `\w` knows letters and digits but no marks, and would cut Hindi words at every vowel sign.
    # Python has no \p{M}, so the class is spelt out once, from the interpreter's own Unicode table.
    marks = "".join(chr(c) for c in range(0x300, sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == "M")
    return re.compile(rf"\w[\w{marks}]*")


def tokenise(text: str) -> list[str]:
    """Split a text into tokens, in order, as the module defines them."""
    folded = unicodedata.normalize("NFKC", text).lower()
    if folded.isascii():
        return _ASCII_TOKEN.findall(folded)
    return _unicode_token().findall(_CJK.sub(r" \g<0> ", folded).replace("_", " "))


@lru_cache(maxsize=1 << 18)
def _token_hash(token: str) -> int:
    return xxhash.xxh3_64_intdigest(token.encode("utf-8", "surrogatepass"))


def shingle_tokens(tokens: list[str]) -> Shingles:
    """Hash the distinct shingles of a token sequence.

    Returns:
        Sorted distinct hashes, dtype uint64, shape (number of distinct shingles,); empty without a token.
    """
    if not tokens:
        return np.empty(0, dtype=np.uint64)
    hashes = np.fromiter(map(_token_hash, tokens), dtype=np.uint64, count=len(tokens))
    width = min(SHINGLE_TOKENS, len(tokens))
    windows = np.lib.stride_tricks.sliding_window_view(hashes, width)
    mixed = (windows * _PLACE[:width]).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(33)
    return np.unique(mixed * _FINALISER)


def shingles(text: str) -> Shingles:
    """Hash the distinct shingles of a text; see `shingle_tokens`."""
    return shingle_tokens(tokenise(text))


def numbers_masked(tokens: list[str]) -> int:
    """Hash a token sequence with every run of digits replaced by one zero.

    Two different texts with the same value differ only in their numbers: near-duplicates to a
    shingle set, two different problems to a learner of arithmetic.
    """
    return xxhash.xxh3_64_intdigest(_DIGITS.sub("0", " ".join(tokens)).encode("utf-8", "surrogatepass"))


def jaccard(left: Shingles, right: Shingles) -> float:
    """Jaccard similarity |A ∩ B| / |A ∪ B| of two sorted shingle sets; 0.0 when both are empty."""
    shared = int(np.intersect1d(left, right, assume_unique=True).size)
    union = left.size + right.size - shared
    return shared / union if union else 0.0
