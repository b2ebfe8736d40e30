"""How tables are read by a mapping, and the output format by its own names."""

import pytest

from tests.support.reading import drafts, reason
from udfs.formats.draft import Draft

FIELDS = {
    "instruction": "question",
    "input": "context",
    "response": "answer",
    "system": "persona",
    "category": "topic",
    "language": "lang",
}


def test_each_field_is_taken_from_its_column():
    row = {
        "question": "Why?",
        "context": "It is so.",
        "answer": "So.",
        "persona": "Kind",
        "topic": "qa",
        "lang": "de-AT",
    }
    assert drafts("table", row, fields=FIELDS) == (
        Draft(
            turn=0,
            instruction="Why?\n\nIt is so.",
            response="So.",
            system="Kind",
            category="qa",
            language="de",
        ),
    )


@pytest.mark.parametrize(("value", "text"), [(42, "42"), (1.5, "1.5"), (0, "0"), (None, None), (" ", None)])
def test_a_mapped_number_is_its_text(value, text):
    assert drafts("table", {"question": "q", "answer": value}, fields=FIELDS)[0].response == text


@pytest.mark.parametrize("language", ["English", "", None, "7", "python"])
def test_a_language_that_is_no_code_is_not_taken(language):
    assert drafts("table", {"question": "q", "lang": language}, fields=FIELDS)[0].language is None


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"query": "q"}, "wrong_format"),
        ({"question": ""}, "missing_instruction"),
        ({"question": None}, "missing_instruction"),
        ({"question": ["q"]}, "not_text"),
        ({"question": "q", "answer": True}, "not_text"),
        ({"question": "q", "answer": {"text": "a"}}, "not_text"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(row, expected):
    assert reason("table", row, fields=FIELDS) == expected
    assert reason("table", row) == "wrong_format"


def test_the_output_format_passes_through():
    row = {"instruction": "Why?", "response": "So.", "source": "gpt-4o", "quality_score": 8.5, "category": "code"}
    assert drafts("jsonl", row) == (Draft(turn=0, instruction="Why?", response="So.", category="code"),)
    assert reason("jsonl", {"prompt": "Why?"}) == "wrong_format"


@pytest.mark.parametrize(
    ("label", "marks"),
    [(False, ("rejected_label",)), ("False", ("rejected_label",)), (True, ()), ("true", ()), (0, ()), (None, ())],
)
def test_an_answer_that_people_rejected_is_marked_in_a_table_too(label, marks):
    (draft,) = drafts("table", {"question": "Why?", "answer": "So.", "label": label}, fields=FIELDS)
    assert draft.response_marks == marks
