"""Which prompts are drawn before anything is paid: as many as a quota needs, the best first."""

import pytest

from jobs.answers.sampling import askable_prompts, draw_prompts, expected_rows, prompts_to_ask
from jobs.config.settings import PackageConfig, SelectConfig, SourceConfig
from schemas.tables import EXAMPLES
from tests.support.factories import rows_of

SOURCES = [
    SourceConfig(name="first", path="a", licence="MIT", priority=1),
    SourceConfig(name="second", path="b", licence="MIT", priority=2),
]
PLENTY = {"general": 10_000, "code": 10_000}
ACCEPTED = {"general": 0.8, "code": 0.5}


def select(rows, **options):
    return SelectConfig(rows=rows, composition={"general": 0.75, "code": 0.25}, **options)


def test_a_quota_is_divided_by_the_expected_acceptance():
    assert prompts_to_ask(select(1_000), {}, ACCEPTED, PLENTY) == {"general": 938, "code": 500}


def test_exact_quotients_are_not_rounded_up_by_binary_fractions():
    # 21 / 0.7 is 30.000000000000004 in floating point.
    assert prompts_to_ask(select(28), {}, {"general": 0.7, "code": 0.1}, PLENTY) == {"general": 30, "code": 70}


def test_what_is_ready_is_not_asked_for():
    assert prompts_to_ask(select(1_000), {"general": 700, "code": 300}, ACCEPTED, PLENTY) == {"general": 63, "code": 0}


def test_without_a_size_everything_is_asked():
    assert prompts_to_ask(SelectConfig(), {}, ACCEPTED, PLENTY) == PLENTY


@pytest.mark.parametrize(
    ("when_short", "asked"),
    # 100 prompts of code give 50 rows of the 250 wanted.
    [
        ("leave", {"general": 938, "code": 100}),
        ("fill", {"general": 1_188, "code": 100}),  # 950 rows
        ("shrink", {"general": 188, "code": 100}),  # 150 rows to the 50
    ],
)
def test_a_short_category_is_made_up_for_as_the_selection_will(when_short, asked):
    supply = {"general": 10_000, "code": 100}
    assert prompts_to_ask(select(1_000, when_short=when_short), {}, ACCEPTED, supply) == asked


def test_a_category_outside_the_composition_is_not_asked():
    assert prompts_to_ask(select(10), {}, {**ACCEPTED, "other": 0.8}, {**PLENTY, "other": 5})["other"] == 0


def test_expected_rows_are_those_ready_and_those_accepted():
    assert expected_rows({"general": 5, "other": 1}, ACCEPTED, {"general": 9, "code": 3}) == {
        "general": 12,
        "code": 1,
        "other": 1,
    }


def test_only_prompts_whose_answer_can_be_exported_are_asked(spark):
    examples = rows_of(
        spark,
        EXAMPLES,
        [
            {"example_id": "bare"},
            {"example_id": "system", "system": "Be brief."},
            {"example_id": "history", "history": [("user", "Hi."), ("assistant", "Hello.")]},
        ],
    )
    assert [row["example_id"] for row in askable_prompts(examples, PackageConfig()).collect()] == ["bare"]


def test_the_best_of_each_category_are_drawn_and_a_top_up_keeps_what_was_drawn(spark):
    best_first = [
        ("rated", "second", 1.0, "general"),
        ("a", "first", None, "general"),
        ("b", "first", None, "general"),
        ("c", "second", None, "general"),
        ("code_a", "second", None, "code"),
        ("code_b", "second", None, "code"),
        ("other", "first", None, "other"),
    ]
    prompts = spark.createDataFrame(
        best_first[::-1], "example_id string, source string, human_quality double, category string"
    ).repartition(3)

    def ids(frame):
        return sorted(row["example_id"] for row in frame.collect())

    first = draw_prompts(prompts, {"general": 2, "code": 1}, SOURCES)
    assert first.columns == prompts.columns
    assert ids(first) == ["a", "code_a", "rated"]
    # `c` was drawn when there was nothing better; it stays.
    drawn = spark.createDataFrame([("c",), ("code_a",), ("c",)], "example_id string")
    assert ids(draw_prompts(prompts, {"general": 2, "code": 2}, SOURCES, drawn)) == ["c", "code_a", "code_b", "rated"]
