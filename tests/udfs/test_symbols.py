"""Which symbols make two texts of one, and which only set or punctuate the same text."""

import re
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.exact_pairs import jaccard
from udfs import shingles
from udfs.shingles import tokenise

# Each row: texts that ask different things and differ in their symbols only.
DIFFERENT = [
    ["What is 5 + 3?", "What is 5 - 3?", "What is 5 * 3?", "What is 5 / 3?", "What is 5 ^ 3?", "What is 5 × 3?"],
    ["Is 5 < 3?", "Is 5 > 3?", "Is 5 <= 3?", "Is 5 >= 3?", "Is 5 = 3?", "Is 5 != 3?", "Is 5 ≠ 3?", "Is 5, 3?"],
    [f"Write a program that prints the first ten square numbers in {name}." for name in ("C", "C++", "C#", "F#", "F")],
    ["Which of the two frameworks is older, .NET or Qt", "Which of the two frameworks is older, NET or Qt"],
    [f"Simplify the expression {e} and give the result only." for e in
     ("(a + b) * (a - b)", "(a + b) * (a + b)", "(a - b) * (a - b)", "a + b * (a - b)", "(a + b) * a - b")],
    [f"What does the regular expression {e} match?" for e in
     ("^[a-z]+$", "^[a-z]*$", "^[a-z]?$", "^[a-z]$", "^[^a-z]$", "[a-z]*", "[a-z]+")],
    [f"What does the regular expression {e} match?" for e in (r"\\d+", r"\\D+", r"\\d*", r"\\d", "d")],
    [f"How do I pay {e} for it?" for e in ("$5", "€5", "£5", "5%", "5‰", "5", "-5")],
    [f"What is {e}?" for e in ("5²", "52", "2½", "2 1", "5!", "5", "-5", "5°")],
    [f"What does {e} return?" for e in ("x[1:]", "x[:1]", "x[1]", "(0, 1)", "[0, 1]", "{0, 1}")],
    [f"What does {e} return?" for e in ("a && b", "a || b", "a & b", "a | b", "a && !b")],
    ["Find the slope of f'(x) at one", "Find the slope of f(x) at one", "Find the slope of f''(x) at one"],
    ["What does 😂 mean?", "What does 😭 mean?", "What does mean?"],
]  # fmt: skip


@pytest.mark.parametrize("texts", DIFFERENT, ids=lambda texts: texts[0])
def test_symbols_decide_questions(texts):
    for left, right in combinations(texts, 2):
        assert jaccard(shingles.shingles(left), shingles.shingles(right)) < 0.8, (left, right)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a+b", ["a", "+", "b"]),
        ("x**2", ["x", "*", "*", "2"]),
        ("pages 10–12, 10-12, 10 − 12", ["pages", *["10", "-", "12"] * 3]),
        ("a well-known e-mail; 24-hour, A-", ["a", "well", "known", "e", "mail", "24", "hour", "a"]),
        ("it's *very* **good** _now_ *(so)* — yes…", ["it", "s", "very", "good", "now", "so", "yes"]),
        ("- 5 eggs\n* 3\n+ 4\n• 2\n> 1\n# 7\n  - x", ["5", "eggs", "3", "4", "2", "1", "7", "x"]),
        ("a\n-----\nb\n=====\nc\n***\n+++++", ["a", "b", "c"]),
        ("5\n+ 3", ["5", "3"]),
        ("I am 5! Good. “3”", ["i", "am", "5", "good", "3"]),
        ("x² ½", ["x", "^", "2", "1", "/", "2"]),
    ],
)
def test_what_is_a_token_beside_its_operands(text, tokens):
    assert tokenise(text) == tokens


WORDS = st.sampled_from(["the", "quick", "Brown", "fox", "jumps", "3rd", "and", "río", "naïve", "日", "until", "in"])
MARKS = st.sampled_from(["{}", "*{}*", "**{}**", "_{}_", "***{}***", '"{}"', "'{}'", "“{}”", "«{}»", "~~{}~~", "`{}`"])
PUNCTUATION = [" ", "  ", ", ", ". ", "; ", ": ", "! ", "? ", " - ", " – ", " — ", "—", "… ", "-", " . . . "]
LINE_ENDS = [
    "\n",
    "\n\n",
    "\n- ",
    "\n* ",
    "\n+ ",
    "\n• ",
    "\n> ",
    "\n# ",
    "\n  ### ",
    "\n---\n",
    "\n***\n",
    "\n=====\n",
]
BETWEEN = st.sampled_from(PUNCTUATION + LINE_ENDS)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(WORDS, MARKS, BETWEEN), min_size=1, max_size=20))
def test_prose_stays_the_same_however_it_is_wrapped_marked_and_punctuated(parts):
    plain = " ".join(word for word, _, _ in parts)
    dressed = "".join(mark.format(word) + between for word, mark, between in parts)

    assert tokenise(dressed) == tokenise(plain)


def test_real_prose_wrapped_anew_stays_a_twin(shared_data):
    import json
    import textwrap

    records = json.loads((shared_data / "sources" / "alpaca_format" / "dolly_3k.json").read_text("utf-8"))[:500]
    for text in (record["output"] for record in records):
        anew = "\n".join(line for part in text.split("\n") for line in ["", *textwrap.wrap(part, 40)])
        anew = re.sub(r"(?<=[a-z]{2})[.,;:!?](?=\s|$)", "!", anew.replace('"', "“").replace("'", "’"))
        if tokenise(text):
            assert jaccard(shingles.shingles(text), shingles.shingles(anew)) > 0.8, text


@settings(max_examples=300, deadline=None)
@given(st.text("aB5 \n+-*/#^<=>!?.:'\"()[]{}$%&|~@\\_`,", max_size=40))
def test_ascii_text_has_the_same_tokens_by_both_ways(text):
    assert shingles._ascii_tokens(text).decode().split() == shingles._unicode_tokens(text)


@settings(max_examples=200, deadline=None)
@given(st.text("aB5é½ \n+-*/#^=!?.:'()[]\\_,", max_size=20), st.text("aB5é½ \n+-*/#^=!?.:'()[]\\_,", max_size=20))
def test_a_line_is_read_by_itself(left, right):
    assert tokenise(f"{left}\n{right}") == tokenise(left) + tokenise(right)
