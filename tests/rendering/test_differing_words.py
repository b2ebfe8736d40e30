"""Where two near-duplicates differ is marked, and what they share is cut."""

import pytest

from jobs.rendering.differing_words import differing_words

LONG = " ".join(f"w{n}" for n in range(60))


def shown(text: str, twin: str, **options: int) -> str:
    return "".join(f"[{words}]" if differs else words for words, differs in differing_words(text, twin, **options))


@pytest.mark.parametrize(
    ("text", "twin", "wanted"),
    [
        ("Name a big lake.", "Name a big river.", "Name a big [lake.]"),
        ("Name a river.", "Name a big river.", "Name a river."),
        ("Name one big river.", "Name one river.", "Name one [big] river."),
        ("same", "same", "same"),
        ("", "other", ""),
        ("a\nb", "a b", "a\nb"),
    ],
    ids=["replaced", "only the twin has more", "added", "equal", "empty", "white space is no difference"],
)
def test_what_the_twin_lacks_is_marked(text, twin, wanted):
    assert shown(text, twin) == wanted


def test_what_both_share_is_cut_far_from_a_difference():
    assert shown(f"{LONG} end", f"{LONG} stop", context=2) == "w0 w1 … w58 w59 [end]"
    assert shown(f"start {LONG}", f"begin {LONG}", context=2) == "[start] w0 w1 … "


def test_a_long_text_is_cut_and_says_so():
    assert shown("x" * 500, "y", limit=10) == f"[{'x' * 10} …]"
    assert shown("word " * 2000, "word " * 2000).endswith(" … ")
