"""What a token and a shingle are; deduplication and verification both stand on it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.exact_pairs import jaccard
from udfs.shingles import numbers_masked, shingle_pairs, shingle_texts, shingles, tokenise, words

WORDS = st.lists(st.sampled_from("abcdefg"), min_size=3, max_size=12)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, World! It's 3rd-rate.", ["hello", "world", "it", "s", "3rd", "rate"]),
        ("snake_case _x_", ["snake", "case", "x"]),
        ("日本語 test テスト", ["日", "本", "語", "test", "テ", "ス", "ト"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ﬁne x² Å", ["fine", "x", "^", "2", "å"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("\u0301 ?!", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_digits_and_their_marks(text, tokens):
    assert tokenise(text) == tokens
    assert words(text) == [token for token in tokens if token != "^"] or "²" in text


def test_a_shingle_is_three_tokens_in_order_with_blanks_at_both_ends():
    assert [len(shingles(text)) for text in ("", "a", "a b", "a b c", "a a a a a")] == [0, 3, 4, 5, 5]
    assert jaccard(shingles("a b c"), shingles("c b a")) == 0.0
    assert jaccard(shingles("A, b: c D"), shingles("a b c d")) == 1.0
    assert jaccard(shingles("a b c d"), shingles("a b c e")) == jaccard(shingles("b b c d"), shingles("e b c d"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ab +-\né\ud800", max_size=12), max_size=6))
def test_many_texts_at_once_have_the_sets_of_each(texts):
    flat, bounds = shingle_texts(texts)

    assert [flat[a:b].tolist() for a, b in pairwise(bounds)] == [shingles(t).tolist() for t in texts]


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=6))
def test_a_pair_of_texts_is_shingled_as_one_and_its_tokens_are_counted_by_text(pairs):
    flat, bounds, tokens = shingle_pairs(pairs)

    joined, joined_bounds = shingle_texts(["\n".join(pair) for pair in pairs])
    assert flat.tolist() == joined.tolist()
    assert bounds.tolist() == joined_bounds.tolist()
    assert tokens.tolist() == [[len(tokenise(text)) for text in pair] for pair in pairs]


def test_jaccard_is_that_of_the_shingle_sets():
    left, right = shingles("a b c d e f"), shingles("a b c d e x")
    assert (len(left), len(right)) == (8, 8)
    assert jaccard(left, right) == pytest.approx(5 / 11)
    assert jaccard(shingles(""), shingles("")) == 0.0


def test_texts_that_differ_only_in_numbers_share_their_mask():
    base = numbers_masked(tokenise("Add 12 and 7."))
    assert base == numbers_masked(tokenise("Add 3 and 4444."))
    assert base != numbers_masked(tokenise("Add 3 to 4."))
    assert numbers_masked(tokenise("x1")) == numbers_masked(tokenise("x22"))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_texts_have_sorted_sets_and_a_symmetric_similarity(left, right):
    a, b = shingles(left), shingles(right)
    assert a.dtype == np.uint64 and (np.diff(a.astype(object)) > 0).all()
    assert 0.0 <= jaccard(a, b) == jaccard(b, a) <= 1.0
    assert (len(a) == 0) == (not tokenise(left))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from("abcdefg"), min_size=3, max_size=12),
    st.lists(st.sampled_from("abcdefg"), min_size=3, max_size=12),
)
def test_hashed_sets_have_the_similarity_of_the_sets_of_words(left, right):
    def windows(tokens):
        padded = [None, None, *tokens, None, None]
        return {tuple(padded[i : i + 3]) for i in range(len(tokens) + 2)}

    a, b = windows(left), windows(right)
    assert jaccard(shingles(" ".join(left)), shingles(" ".join(right))) == len(a & b) / len(a | b)
