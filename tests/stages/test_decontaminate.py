"""What the decontaminate stage promises about each example."""

from jobs.decontaminate import mark_contamination
from schemas.tables import EXAMPLES
from tests.support.factories import rows_of
from udfs.benchmark_items import ItemText
from udfs.contamination import FORM_PROMPTS, Limits, index_benchmarks

QUESTION = (
    "A farmer has twelve hens; each lays five eggs a week. How many eggs does she sell in a month "
    "if her family eats nine of them every week?"
)
FORM = "Who is the current president?"
ITEMS = [ItemText("farm", "1", "question", QUESTION), ItemText("facts", "p", "question", FORM)]

# example_id -> the example, and benchmark, side and effect of each mark.
CASES = {
    "verbatim": ({"instruction": QUESTION}, [("farm", "prompt", "exclude")]),
    "in_the_answer": ({"reference_response": f"Q: {QUESTION}\nA: 204"}, [("farm", "response", "exclude")]),
    "both_sides": (
        {"system": QUESTION, "reference_response": QUESTION},
        [("farm", "prompt", "exclude"), ("farm", "response", "exclude")],
    ),
    "in_an_earlier_turn": ({"history": [("user", QUESTION)]}, [("farm", "prompt", "exclude")]),
    "unanswered": ({"instruction": QUESTION.lower(), "reference_response": None}, [("farm", "prompt", "exclude")]),
    "clean": ({}, []),
    "whole_prompt": ({"instruction": FORM}, [("facts", "prompt", "exclude")]),
    "another_source": ({"instruction": f"Say: {FORM}", "source": "hh"}, [("facts", "prompt", "note")]),
    **{
        f"form_{n}": ({"instruction": f"{FORM} Answer in {n + 2} words."}, [("facts", "prompt", "note")])
        for n in range(FORM_PROMPTS - 1)
    },
}


def test_each_side_that_holds_an_item_is_marked_and_forms_of_words_are_noted_only(spark):
    examples = rows_of(spark, EXAMPLES, [{"example_id": name, **given} for name, (given, _) in CASES.items()])

    rows = mark_contamination(examples, index_benchmarks(ITEMS, Limits())).collect()

    assert sorted((row.example_id, row.benchmark, row.side, row.effect) for row in rows) == sorted(
        (name, *mark) for name, (_, marks) in CASES.items() for mark in marks
    )


def test_a_question_in_other_words_has_the_effect_that_is_configured_and_a_run_goes_before_it(spark):
    others = [ItemText("farm", f"o{n}", "question", f"What is the sum of {n} and {n * n}?") for n in range(100, 400)]
    moved = (
        "How many eggs does she sell in a month? Her family eats 9 every week; the farmer has 12 hens, each laying 5."
    )
    examples = rows_of(
        spark, EXAMPLES, [{"example_id": "a", "instruction": moved}, {"example_id": "b", "instruction": QUESTION}]
    )

    rows = mark_contamination(examples, index_benchmarks([*ITEMS, *others], Limits(), rephrased=True), "note").collect()

    assert sorted((row.example_id, row.item, row.kind, row.effect) for row in rows) == [
        ("a", "1", "rephrased", "note"),
        ("b", "1", "run", "exclude"),
    ]
    (found,) = (row for row in rows if row.kind == "rephrased")
    assert {"egg", "hen", "9", "12"} <= set(found.span.split()) and 0.45 <= found.share < 1


def test_a_short_item_that_few_prompts_hold_is_no_form_of_words(spark):
    # The same prompt with many answers is one prompt: preference data of a benchmark's questions look like that.
    same = [{"example_id": f"s{n}", "instruction": f"Say: {FORM}", "reference_response": f"{n}"} for n in range(9)]
    examples = rows_of(spark, EXAMPLES, same)

    rows = mark_contamination(examples, index_benchmarks(ITEMS, Limits())).collect()

    assert [row.effect for row in rows] == ["exclude"] * 9
