"""The search for benchmark items finds the longest common run of tokens, and nothing else."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.item_index import COMMON_TEXTS, SEED_TOKENS, build_index

WORDS = st.sampled_from(["a", "b", "ab", "c1", "7", "x", "你", "nein"])
TEXTS = st.lists(WORDS, max_size=24)
ITEM = "Janet's ducks lay sixteen eggs per day, and she eats three of them for breakfast every single morning"


def longest_common_run(left, right):
    """By trying every pair of places; the truth that the index is compared with."""
    runs = [0]
    for here in range(len(left)):
        for there in range(len(right)):
            length = 0
            while here + length < len(left) and there + length < len(right):
                if left[here + length] != right[there + length]:
                    break
                length += 1
            runs.append(length)
    return max(runs)


@settings(deadline=None)  # the first text compiles the table of combining marks
@given(
    item=st.lists(WORDS, min_size=1, max_size=24), before=TEXTS, after=TEXTS, cut=st.tuples(*[st.integers(0, 24)] * 2)
)
def test_the_longest_run_is_found_where_it_holds_a_seed_and_short_items_as_a_whole(item, before, after, cut):
    text = [*before, *item[min(cut) : max(cut)], *after]
    runs = list(build_index([" ".join(item)]).runs(["nothing here", " ".join(text)]))

    expected = longest_common_run(text, item)
    least = min(SEED_TOKENS, len(item))
    assert [run.tokens for run in runs] == ([expected] if expected >= least else [])
    for run in runs:
        assert (run.text, run.item, run.text_tokens) == (1, 0, len(text))
        found = text[run.text_start : run.text_start + run.tokens]
        assert found == item[run.item_start : run.item_start + run.tokens]


def test_a_run_never_crosses_from_one_text_into_the_next():
    words = ITEM.split()
    index = build_index([ITEM, "one more item that is long enough to have a seed of its own"])

    runs = list(index.runs([" ".join(words[:6]), " ".join(words[6:])]))

    assert [(run.text, run.tokens) for run in runs] == [(1, len(words) - 6)], "the first seven tokens are no seed"


def test_what_many_different_items_share_is_no_seed_and_copies_of_one_item_are_not_many():
    form = "write a python function that takes a list and returns"
    index = build_index([f"{form} the {word} of its elements squared twice over" for word in ("sum", "mean", "mode")])
    copies = build_index([ITEM] * COMMON_TEXTS)

    assert not list(index.runs([f"{form} something else"]))
    assert len(list(index.runs([f"{form} the mode of its elements squared twice over"]))) >= 1
    assert len(list(copies.runs([ITEM]))) == COMMON_TEXTS


def test_an_item_made_of_common_words_only_is_found_still_and_known_as_such():
    parts = ["one two three four five six seven eight", "nine ten eleven twelve one two three four"]
    texts = [" ".join(parts), *[f"{part} {n} {word}" for part in parts for n, word in enumerate("uvwxyz")]]
    middle = " ".join(parts).split()
    texts += [f"{' '.join(middle[s : s + 8])} {word}" for s in range(9) for word in ("p", "q", "r")]
    index = build_index(texts)

    assert index.is_form[0] and not index.is_form[1]
    assert 16 in {run.tokens for run in index.runs([f"Please: {texts[0]}!"]) if run.item == 0}


@pytest.mark.parametrize("items", [[], [""], ["?!"], ["", ITEM]])
def test_an_index_of_little_or_nothing_can_be_searched(items):
    index = build_index(items)

    assert not list(index.runs([])) and not list(index.runs(["", "some other text"]))
    assert len(list(index.runs([ITEM]))) == items.count(ITEM)


def test_the_index_travels_to_executors_as_it_is():
    index = pickle.loads(pickle.dumps(build_index([ITEM])))

    assert [run.tokens for run in index.runs([ITEM.upper()])] == [len(ITEM.split()) + 1]
