"""Rows that are shown to a person are shown whole where it matters: ids, facts, and what the twin says."""

from io import StringIO

import pytest
from rich.console import Console

from jobs.reports.show import print_examples, print_records

ROW = {
    **dict.fromkeys(
        (
            *("system", "history", "item", "span", "review", "quality_tenths", "scorer", "score_reason"),
            *("turn_jaccard", "own_jaccard"),
        )
    ),
    "reason": "duplicate_prompt",
    "source": "a_source_with_a_rather_long_name",
    "category": "reasoning",
    "example_id": "07626d3a42585f7b80ceb2f75a5dc690",
    "duplicate_of": "1c7af3b6d4e632cc859a547b29c1307e",
    "jaccard": 0.8666,
    "instruction": "Who painted the ceiling [of the chapel]?",
    "response": "Michelangelo did.",
    "twin": "Who painted that ceiling?",
    "twin_response": "It was Michelangelo.",
}


def shown(write, rows, width):
    console = Console(file=StringIO(), width=width)
    write(console, rows)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_ids_are_never_cut_and_the_twin_is_shown_with_its_answer(width):
    text = shown(print_examples, [ROW], width)

    assert ROW["example_id"] in text and ROW["duplicate_of"] in text
    words = " ".join(text.replace("│", " ").split())
    assert "stays, Jaccard 0.867" in words
    for said in (ROW["instruction"], ROW["response"], ROW["twin"], f"its response: {ROW['twin_response']}"):
        assert said in words


def test_a_row_without_a_twin_names_none():
    row = {**ROW, "reason": "selected", **dict.fromkeys(("duplicate_of", "jaccard", "twin", "twin_response"))}

    text = shown(print_examples, [row], 80)

    assert "stays" not in text and "None" not in text


def test_the_place_of_a_refused_record_is_whole_and_its_bytes_are_harmless():
    record = {"reason": "invalid_json", "source": "s", "file": f"file:/d/{'n' * 60}.jsonl", "position": 12345}

    words = "".join(shown(print_records, [{**record, "record": b"\x1b[31m[bold]{"}], 50).replace("│", "").split())

    assert f"{'n' * 60}.jsonl,record12345" in words
    assert "\x1b" not in words and "[bold]{" in words


@pytest.mark.parametrize(
    ("scorer", "tenths", "reason", "said"),
    [
        ("heuristic", 90, "No fault was found.", "score: rules: nothing found"),
        ("heuristic", 88, "Clarity: a word is doubled.", "score: rules: remark (Clarity: a word is doubled.)"),
        ("heuristic", 10, "Completeness: the answer asks back.", "score: rules: failed (Completeness: the answer asks"),
        ("judge", 84, "It is about art.", "score: 8.4 (It is about art.)"),
    ],
)
def test_rules_are_shown_by_what_they_found_and_a_judge_by_its_grade(scorer, tenths, reason, said):
    row = ROW | {"scorer": scorer, "quality_tenths": tenths, "score_reason": reason}

    assert said in shown(print_examples, [row], 200)
