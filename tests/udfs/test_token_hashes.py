"""Hashes of tokens: what stands for a word in every comparison of two texts."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.token_hashes import _FACTOR, _MIXER, _NUMBER_OF_BYTE, _STEP, hash_tokens

_ALL = (1 << 64) - 1
TOKENS = st.binary(min_size=1, max_size=9).map(lambda token: token.replace(b" ", b"_"))


def in_plain_python(token):
    number = sum(int(_NUMBER_OF_BYTE[byte]) * pow(_FACTOR, place + 1, 1 << 64) for place, byte in enumerate(token))
    number &= _ALL
    number = (number ^ number >> 32) * int(_MIXER) & _ALL
    return number ^ number >> 32


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(TOKENS, max_size=5), max_size=5), st.integers(1, 3))
def test_a_token_has_one_hash_wherever_it_stands(texts, blanks):
    hashes, counts = hash_tokens([(b" " * blanks).join(tokens) for tokens in texts])

    assert counts.tolist() == [len(tokens) for tokens in texts]
    assert hashes.tolist() == [in_plain_python(token) for tokens in texts for token in tokens]


def test_texts_of_any_length_and_texts_across_steps_are_hashed_alike():
    long = b"x" * (3 * _STEP)
    hashes, counts = hash_tokens([b"", b" a ", long + b" a", b"b a " * _STEP, b"", b"a"])

    assert counts.tolist() == [0, 1, 2, 2 * _STEP, 0, 1]
    a, b = in_plain_python(b"a"), in_plain_python(b"b")
    assert hashes[0] == hashes[2] == hashes[-1] == a
    assert set(hashes[3:-1].tolist()) == {a, b}
    assert hash_tokens([long])[0][0] == hashes[1]


def test_no_two_of_half_a_million_tokens_collide_in_all_or_in_half_of_their_bits():
    letters = [bytes(word) for length in (1, 2, 3, 4) for word in product(b"abcdefghijkl0189", repeat=length)]
    tokens = [*letters, *(b"%d" % number for number in range(20_000, 450_000)), *(b"a" * n for n in range(5, 3_000))]
    hashes, _ = hash_tokens([b" ".join(tokens)])

    distinct = len(set(tokens))
    assert np.unique(hashes).size == distinct
    # Of n hashes of 32 bits some n^2 / 2^33 pairs are equal by chance: 31 here.
    for half in (hashes >> np.uint64(32), hashes & np.uint64(0xFFFFFFFF)):
        assert distinct - np.unique(half).size < 60
