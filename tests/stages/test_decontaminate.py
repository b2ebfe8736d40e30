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


def test_a_short_item_that_few_prompts_hold_is_no_form_of_words(spark):
    # The same prompt with many answers is one prompt: preference data of a benchmark's questions look like that.
    same = [{"example_id": f"s{n}", "instruction": f"Say: {FORM}", "reference_response": f"{n}"} for n in range(9)]
    examples = rows_of(spark, EXAMPLES, same)

    rows = mark_contamination(examples, index_benchmarks(ITEMS, Limits())).collect()

    assert [row.effect for row in rows] == ["exclude"] * 9
