"""Ids made of content: never a position, never a random number, so a re-run finds its rows again."""

import json
from collections.abc import Sequence

import xxhash

from udfs.formats.draft import Turn
from udfs.text import key_text


def example_id(source: str, system: str | None, history: Sequence[Turn], instruction: str, response: str | None) -> str:
    """Id of an example: 32 hex digits of xxh3-128.

    Instructions that differ only in white space or compatibility characters (NFKC) are the same
    instruction; a response counts to the letter.
    """
    return _digest([source, system, [list(turn) for turn in history], key_text(instruction), response])


def pair_id(example: str, answer: str) -> str:
    """Id of an example with one answer: `public`, or the id of the request that brought it."""
    return _digest([example, answer])


def _digest(parts: list[object]) -> str:
    # JSON separates the parts: ("ab", "c") and ("a", "bc") must not meet.
    canonical = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return xxhash.xxh3_128_hexdigest(canonical.encode("utf-8", "surrogatepass"))
