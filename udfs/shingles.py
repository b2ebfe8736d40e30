"""What two texts have in common: tokens, shingles and the Jaccard similarity of shingle sets.

One definition for deduplication and for verification. A *word* is a maximal run of Unicode letters and digits, with
their combining marks, of the NFKC-normalised, lower-cased text; each CJK character is a word of its own, because those
scripts put no spaces between words. A *token* is a word or a symbol that decides what the text says (`udfs.symbols`).
A *shingle* is three consecutive tokens of the text with two blanks on either side, so that the last word of a question
counts as much as any other; a text without a token has none.

Shingles are kept as 64-bit hashes. Among 10^8 distinct shingles the chance that any two collide is
0.03 %, and such a collision moves one Jaccard by less than 1 / set size.
"""

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import xxhash

from udfs import symbols
from udfs.token_hashes import hash_tokens

SHINGLE_TOKENS = 3

Shingles = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

# Han with its extensions, iteration marks and kana. Hangul is written with spaces and stays in words.
_CJK = re.compile(
    "[\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
)
_ASCII_WORD = re.compile("[a-z0-9]+")
_DIGITS = re.compile(r"\d+")

# Odd constants of xxHash: with one for each place, (a, b, c) and (c, b, a) are different shingles.
_PLACE = np.array([0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
_FINALISER = np.uint64(0xFF51AFD7ED558CCD)
_BLANKS = SHINGLE_TOKENS - 1


_WORD = re.compile(r"\w+")
# The first mark of Unicode is U+0300.
_MAY_BE_MARK = re.compile("[^\0-\u02ff]")


@cache
def _marks() -> frozenset[str]:
    return frozenset(chr(c) for c in range(0x300, sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == "M")


@cache
def _word_with_marks() -> re.Pattern[str]:
    # `\w` knows letters and digits but no marks, and would cut Hindi words at every vowel sign.
    # Python has no \p{M}, so the class is spelt out once, from the interpreter's own Unicode table.
    return re.compile(rf"\w[\w{''.join(sorted(_marks()))}]*")


def words(text: str) -> list[str]:
    """Split a text into words, in order, as the module defines them."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return _ASCII_WORD.findall(folded) if folded.isascii() else _words(folded)


def _words(folded: str) -> list[str]:
    spaced = _CJK.sub(r" \g<0> ", folded).replace("_", " ")
    # The class of all marks is slow to look through, and few texts have one.
    has_marks = _MAY_BE_MARK.search(spaced) is not None and not _marks().isdisjoint(set(spaced))
    return (_word_with_marks() if has_marks else _WORD).findall(spaced)


def tokenise(text: str) -> list[str]:
    """Split a text into tokens, in order, as the module defines them."""
    return _spaced_tokens(text).decode("utf-8", "surrogatepass").split()


def _spaced_tokens(text: str) -> bytes:
    """The tokens in UTF-8, in order, with blanks between them."""
    if text.isascii() or (text := symbols.respelt(text)).isascii():
        return _ascii_tokens(text)
    return _encoded(_unicode_tokens(text))


def _encoded(tokens: Sequence[str]) -> bytes:
    return " ".join(tokens).encode("utf-8", "surrogatepass")


def _unicode_tokens(text: str) -> list[str]:
    text = f"\n{text}"
    tokens: list[str] = []
    end = 0
    for found in symbols.unicode_pattern().finditer(text):
        tokens += _words(text[end : found.start()].lower())
        if symbols.is_token(found[0]):
            tokens += found[0]
        end = found.end()
    return tokens + _words(text[end:].lower())


def _ascii_tokens(text: str) -> bytes:
    """The same for ASCII text, where a table of bytes does it several times as fast."""
    return symbols.ASCII.sub(_set_apart, f"\n{text}").encode("latin-1").translate(_ASCII_TABLE)


# A symbol that is a token travels through the table with its highest bit set, and comes out as what it was.
_SET_APART = {chr(c): f" {chr(c | 0x80)} " for c in range(0x80)} | {"\n": " "}
_ASCII_TABLE = bytes(
    byte & 0x7F if byte & 0x80 else ord(chr(byte).lower()) if chr(byte).isalnum() else ord(" ") for byte in range(256)
)


def _set_apart(match: re.Match[str]) -> str:
    found = match[0]
    if len(found) == 1:
        return _SET_APART[found]
    return "".join(_SET_APART[character] for character in found) if symbols.is_token(found) else " "


def shingle_texts(texts: Sequence[str]) -> tuple[Shingles, Counts]:
    """Hash the distinct shingles of many texts at once.

    Returns:
        The sets one after another, each sorted, and where each begins, with the end: shape (texts + 1,).
    """
    return _shingle_all(*hash_tokens([_spaced_tokens(text) for text in texts]))


def shingle_pairs(pairs: Sequence[tuple[str, str]]) -> tuple[Shingles, Counts, Counts]:
    """Hash the distinct shingles of many pairs of texts, each taken for one text with a line break within.

    Returns:
        As of `shingle_texts`, and how many tokens the texts have: shape (pairs, 2).
    """
    # The tokens of two texts with a line break between them are the tokens of both.
    hashes, lengths = hash_tokens([_spaced_tokens(text) for pair in pairs for text in pair])
    of_pairs = lengths.reshape(-1, 2)
    return *_shingle_all(hashes, of_pairs.sum(axis=1)), of_pairs


def shingles(text: str) -> Shingles:
    """Hash the distinct shingles of a text.

    Returns:
        Sorted distinct hashes, dtype uint64, shape (number of distinct shingles,); empty without a token.
    """
    return shingle_texts([text])[0]


def _shingle_all(hashes: Shingles, lengths: Counts) -> tuple[Shingles, Counts]:
    """Hashes of tokens, and how many of them each text has, to shingles."""
    # Two blanks before each text and two behind the last: so each text has as many windows as tokens and blanks.
    row = np.zeros(hashes.size + _BLANKS * (lengths.size + 1), dtype=np.uint64)
    starts = _BLANKS * np.arange(1, lengths.size + 1)
    row[np.arange(hashes.size) + np.repeat(starts, lengths)] = hashes
    windows = row[:-2] * _PLACE[0] + row[1:-1] * _PLACE[1] + row[2:] * _PLACE[2]
    windows ^= windows >> np.uint64(33)
    windows *= _FINALISER
    bounds = np.concatenate(([0], np.cumsum(lengths + _BLANKS)))
    for start, end in pairwise(bounds.tolist()):
        windows[start:end].sort()
    is_first = np.ones(windows.size, dtype=np.bool_)
    np.not_equal(windows[1:], windows[:-1], out=is_first[1:])
    is_first[bounds[:-1]] = True
    is_first &= np.repeat(lengths > 0, lengths + _BLANKS)
    return windows[is_first], np.concatenate(([0], np.cumsum(is_first)))[bounds]


def numbers_masked(tokens: Sequence[str]) -> int:
    """Hash a token sequence with every run of digits replaced by one zero.

    Two different texts with the same value differ only in their numbers: near-duplicates to a
    shingle set, two different problems to a learner of arithmetic.
    """
    return xxhash.xxh3_64_intdigest(_DIGITS.sub("0", " ".join(tokens)).encode("utf-8", "surrogatepass"))
