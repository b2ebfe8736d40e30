"""When an example counts as contaminated: what of an item it holds, on which side, and whether that says anything."""

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.benchmark_items import ItemText
from udfs.contamination import Limits, Part, find_contamination, index_benchmarks, parts_of, prompt_key

QUESTION = (
    "A farmer has twelve hens; each lays five eggs a week. How many eggs does she sell in a month "
    "if her family eats nine of them every week?"
)
ANSWER = (
    "The hens lay 12 * 5 = 60 eggs a week, of which the family eats nine, so 51 are left to sell. "
    "In a month of four weeks she sells 51 * 4 = 204 eggs."
)
SHORT = "Where did fortune cookies originate?"
ITEMS = [
    ItemText("farm", "1", "question", QUESTION),
    ItemText("farm", "1", "answer", ANSWER),
    ItemText("facts", "cookies", "question", SHORT),
    ItemText("facts", "cookies", "answer", "In California."),
    ItemText("facts", "you", "question", "Who are you?"),
]
BENCHMARKS = index_benchmarks(ITEMS, Limits())


def found_in(instruction, response=None, **more):
    example = {"system": None, "history": [], "instruction": instruction, "response": response, **more}
    return [
        (one.item.benchmark, one.item.field, one.part.side, one.part.part)
        for one in BENCHMARKS.overlaps([parts_of(example)])[0]
    ]


FARM = ("farm", "question", "prompt", "instruction")
WORDS = QUESTION.split()


@pytest.mark.parametrize(
    "instruction",
    [
        QUESTION,
        QUESTION.upper(),
        "\n".join(WORDS),
        QUESTION.replace(";", " –").replace(".", "…").replace("?", " ?!"),
        f"Solve this step by step.\n\n{QUESTION}\n\nGive only the number.",
        " ".join(WORDS[: len(WORDS) * 6 // 10]),
    ],
    ids=["verbatim", "case", "wrapped", "punctuation", "embedded", "most of it"],
)
def test_a_question_is_found_however_it_is_written(instruction):
    assert found_in(instruction) == [FARM]


@pytest.mark.parametrize(
    "instruction",
    [
        " ".join(WORDS[: len(WORDS) * 4 // 10]),
        " ".join(reversed(WORDS)),
        "A farmer has twelve hens and nine cows. How much milk does she sell in a month?",
        "Where did the fortune cookies originate?",
        "Tell me: who are you?",
        "",
    ],
    ids=["too little of it", "same words, other order", "same subject", "one word more", "too short within", "nothing"],
)
def test_what_only_resembles_an_item_is_not_marked(instruction):
    assert found_in(instruction) == []


def test_both_sides_and_every_part_of_an_example_are_searched():
    assert found_in("Hello", f"You asked: {QUESTION}") == [("farm", "question", "response", "response")]
    assert found_in("Solve it.", ANSWER) == [("farm", "answer", "response", "response")]
    assert found_in("Hello", system=QUESTION) == [("farm", "question", "prompt", "system")]
    assert found_in("And now?", history=[{"role": "user", "content": SHORT}]) == [
        ("facts", "question", "prompt", "history")
    ]


def test_short_answers_are_everywhere_and_prove_nothing():
    assert found_in("Where do oranges grow?", "In California.") == []


def test_an_item_of_a_word_or_two_must_be_the_whole_prompt():
    assert found_in("Who are you?") == [("facts", "question", "prompt", "instruction")]
    assert found_in("Who are you?", history=[{"role": "user", "content": "Hi."}]) == []


def test_of_several_places_the_one_that_shows_most_is_named():
    half = " ".join(WORDS[: len(WORDS) * 6 // 10])
    (overlap,) = BENCHMARKS.overlaps([[Part("prompt", "history", half), Part("prompt", "instruction", QUESTION)]])[0]

    assert (overlap.part.part, overlap.share, overlap.tokens) == ("instruction", 1.0, overlap.item_tokens)


def test_examples_of_a_batch_do_not_mix():
    example = {"system": None, "history": None, "response": None}
    batch = [parts_of({**example, "instruction": text}) for text in ("Hello", QUESTION, "Bye", SHORT)]

    assert [len(found) for found in BENCHMARKS.overlaps(batch)] == [0, 1, 0, 1]


@settings(deadline=None)  # the first text compiles the table of combining marks
@given(st.integers(0, 2**32), st.text(max_size=80), st.text(max_size=80))
def test_line_breaks_case_and_surroundings_never_hide_an_item(seed, before, after):
    chance = random.Random(seed)
    text = "".join(chance.choice([word.upper(), word]) + chance.choice([" ", "\n", "\t", "  \r\n"]) for word in WORDS)

    assert FARM in found_in(f"{before}\n{text}\n{after}")


def test_the_arrow_function_gives_both_sides_of_each_finding():
    rows = [
        {"example_id": "a", "source": "s", "system": None, "history": [], "instruction": "Hi.", "response": None},
        {
            "example_id": "b",
            "source": "s",
            "system": "Be kind.",
            "history": [{"role": "user", "content": "Hi."}],
            "instruction": f"Please: {QUESTION}",
            "response": "204",
        },
    ]
    (batch,) = find_contamination(BENCHMARKS)(iter([pa.RecordBatch.from_pylist(rows)]))

    (row,) = batch.to_pylist()
    assert (row["example_id"], row["benchmark"], row["item"], row["field"]) == ("b", "farm", "1", "question")
    assert (row["side"], row["part"], row["first_token"]) == ("prompt", "instruction", 1)
    assert row["tokens"] == row["item_tokens"] and row["share"] == 1.0
    assert row["span"].startswith("a farmer has twelve hens") and row["item_text"] == QUESTION
    assert not row["is_short"] and not row["is_whole_prompt"]
    assert row["prompt_key"] == prompt_key(parts_of(rows[1]))


def test_two_prompts_have_one_key_only_where_all_of_them_is_the_same():
    def key(instruction, response, history=()):
        turns = [{"role": "user", "content": turn} for turn in history]
        example = {"system": None, "history": turns, "instruction": instruction, "response": response}
        return prompt_key(parts_of(example))

    assert key("a", "x") == key("a", "y")
    assert len({key("a", None), key("b", None), key("a", None, ["b"]), key("b", None, ["a"])}) == 4
