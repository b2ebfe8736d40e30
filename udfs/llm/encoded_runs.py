"""Runs of a text that may be an encoding of something else, with the bytes that they would stand for."""

import base64
import binascii
import re
from collections.abc import Iterator

Run = tuple[tuple[int, int], bytes]
"""Where a run stands in the text, and what it decodes to; several decodings are parted by a line feed."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{11,}")
_BASE32 = re.compile(r"[A-Za-z2-7]{13,}|[0-9A-Va-v]{13,}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :.,_-]?){8,}|(?:0x[0-9a-fA-F]{2}[,; ]{0,2}){8,}")
_BITS = re.compile(r"(?:[01]{7,8}[ ,]{0,2}){7,}[01]{7,8}")
_NUMBERS = re.compile(r"(?:\d{2,3}(?:[,;:.-] ?| )){7,}\d{2,3}")
_DIGITS_32 = str.maketrans("abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdefghijklmnopqrstuv", "0189")


def encoded_runs(text: str) -> Iterator[Run]:
    """Whatever in a text may be base64, base32, hexadecimal, binary or numbers of bytes, at least eight of them."""
    for pattern, read in _READERS.items():
        for match in pattern.finditer(text):
            yield match.span(), b"\n".join(read(match.group()))


def _from_base64(run: str) -> Iterator[bytes]:
    plain = run.replace("-", "+").replace("_", "/")
    for start in range(4):
        part = plain[start:]
        part = part[: len(part) - len(part) % 4] if len(part) % 4 == 1 else part
        try:
            yield base64.b64decode(part + "=" * (-len(part) % 4))
        except (binascii.Error, ValueError):
            continue


def _from_base32(run: str) -> Iterator[bytes]:
    """In either alphabet, wherever in a byte the run begins."""
    digits = run.lower()
    for one in (digits.translate(_DIGITS_32), digits):
        try:
            number = int(one, 32)
        except ValueError:  # letters beyond v are of the other alphabet
            continue
        for shift in range(8):
            yield (number >> shift).to_bytes(len(one) * 5 // 8 + 1, "big")


def _from_hex(run: str) -> Iterator[bytes]:
    digits = re.sub(r"0x|[^0-9a-fA-F]", "", run)
    for part in (digits, digits[1:]):
        yield bytes.fromhex(part[: len(part) // 2 * 2])


def _from_bits(run: str) -> Iterator[bytes]:
    groups = re.findall("[01]+", run)
    if len(groups) == 1:
        groups = [run[at : at + 8] for at in range(0, len(run), 8)]
    yield bytes(int(one, 2) for one in groups if len(one) <= 8)


def _from_numbers(run: str) -> Iterator[bytes]:
    yield bytes(number for number in map(int, re.findall(r"\d+", run)) if number < 256)


_READERS = {_BASE64: _from_base64, _BASE32: _from_base32, _HEX: _from_hex, _BITS: _from_bits, _NUMBERS: _from_numbers}
