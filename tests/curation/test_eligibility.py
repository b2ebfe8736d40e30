"""What the verdicts of one stage leave for the next, and whom the public teacher answers."""

from jobs.answers.public import assign_public, pair_public_answers
from jobs.curation.eligibility import clean_pairs, open_prompts, unique_prompts
from schemas.tables import DUPLICATES, EXAMPLES, PAIRS, SCREEN
from tests.support.factories import rows_of
from udfs.ids import pair_id


def marked_examples(spark):
    examples = rows_of(
        spark,
        EXAMPLES,
        [
            {"example_id": "clean"},
            {"example_id": "noted"},
            {"example_id": "bad_prompt"},
            {"example_id": "bad_response"},
            {"example_id": "silent", "reference_response": None},
            {"example_id": "twin"},
        ],
    )
    screen = rows_of(
        spark,
        SCREEN,
        [
            {"id": "noted", "rule": "literal_escapes", "effect": "note"},
            {"id": "bad_prompt", "rule": "missing_input"},
            {"id": "bad_prompt", "rule": "placeholder"},
            {"id": "bad_response", "target": "response", "rule": "refusal"},
            {"id": "bad_response", "target": "response", "rule": "pii"},
        ],
    )
    return examples, screen


def test_only_an_excluded_prompt_is_closed_and_faults_are_named_once(spark):
    rows = open_prompts(*marked_examples(spark)).collect()

    assert sorted((row.example_id, row.has_fault) for row in rows) == [
        ("bad_response", True),
        ("clean", False),
        ("noted", False),
        ("silent", True),
        ("twin", False),
    ]


def test_every_open_prompt_is_assigned_and_answered_by_its_own_source(spark):
    examples, screen = marked_examples(spark)
    duplicates = rows_of(spark, DUPLICATES, [{"id": "twin"}, {"pass": "pair", "id": "clean"}])

    assignments = assign_public(unique_prompts(examples, screen, duplicates))
    pairs = pair_public_answers(assignments, examples).collect()

    assert sorted(row.example_id for row in assignments.collect()) == ["bad_response", "clean", "noted", "silent"]
    assert sorted((row.example_id, row.answered_by, row.response) for row in pairs) == [
        (name, "alpaca", "Seven.") for name in ("bad_response", "clean", "noted")
    ]
    assert {row.pair_id for row in pairs} == {pair_id(n, "public") for n in ("bad_response", "clean", "noted")}


def test_a_verdict_on_a_source_response_carries_the_example_and_on_a_teachers_the_pair(spark):
    pairs = rows_of(
        spark,
        PAIRS,
        [
            {"pair_id": "p1", "example_id": "e1"},
            {"pair_id": "p2", "example_id": "e1", "request_id": "r", "teacher": "gpt"},
            {"pair_id": "p3", "example_id": "e3", "request_id": "r", "teacher": "gpt"},
        ],
    )
    screen = rows_of(
        spark,
        SCREEN,
        [{"id": "e1", "target": "response", "rule": "pii"}, {"id": "p3", "target": "response", "rule": "pii"}],
    )

    assert [row.pair_id for row in clean_pairs(pairs, screen).collect()] == ["p2"]
