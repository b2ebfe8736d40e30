"""Features are finite numbers of any texts, each with a name, and they say what they are named for."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.scoring.features import FEATURES, features_of, findings_of

PLAIN = ("Name a river in Italy.", "The Po is a river in Italy. It is 652 km long.")


def named(*texts):
    return dict(zip(FEATURES, features_of(*texts), strict=True))


@settings(deadline=None)  # the first text that is not ASCII reads the table of Unicode
@given(st.text(max_size=300), st.text(max_size=600), st.none() | st.text(max_size=50))
def test_any_texts_have_all_features_and_each_is_finite(instruction, response, system):
    features = features_of(instruction, response, system)

    assert len(features) == len(FEATURES)
    assert all(math.isfinite(value) for value in features)
    assert features == features_of(instruction, response, system)
    assert findings_of(features) in {"clean", "remarked", "fails"}


def test_names_are_given_once():
    assert len(set(FEATURES)) == len(FEATURES)


@pytest.mark.parametrize(
    ("feature", "response"),
    [
        ("response_words", PLAIN[1] * 3),
        ("list_items", "Rivers:\n- the Po\n- the Adige"),
        ("has_fence", "```\nThe Po\n```"),
        ("repeated_pairs", PLAIN[1] * 3),
        ("not_ascii", "Der Fluss heißt Pò."),
        ("prompt_words_used", "A river in Italy is a name."),
        ("ends_with_question", "Which river?"),
        ("fails", "N/A"),
    ],
)
def test_a_feature_rises_with_what_it_is_named_for(feature, response):
    assert named(PLAIN[0], response)[feature] > named(*PLAIN)[feature]


def test_the_words_count_and_not_only_their_number():
    one, other = features_of("Name a river.", "The Po."), features_of("Name a river.", "The Mo.")

    differing = {name for name, a, b in zip(FEATURES, one, other, strict=True) if a != b}

    assert differing
    assert all(name.startswith("word_") for name in differing)


def test_what_the_rules_find_is_told_apart():
    texts = {"clean": PLAIN[1], "fails": "N/A", "remarked": "Answer: the Po is a river in Italy."}

    assert {name: findings_of(features_of(PLAIN[0], text)) for name, text in texts.items()} == {
        name: name for name in texts
    }
