"""What the YAML files of the suites may say, and how a run's parameters get into them."""

import re

import pytest

from jobs.validation.suites import Suite, fill_suite, load_suite, parse_suite, tables_with_suites
from schemas.errors import ConfigError
from tests.support.clean_tables import FULL

SPEC = """
title: 00 test
stage: ingest
expectations:
  - {name: one, expectation: expect_table_row_count_to_equal, kwargs: {value: 1}, critical: true,
     description: One row., reason: Because.}
"""


def test_an_unknown_parameter_is_refused_with_file_expectation_and_known_names() -> None:
    with pytest.raises(ConfigError) as refused:
        fill_suite("scores", load_suite("scores"), {"scorer": [], "expected_rows": 1}, frozenset())

    assert str(refused.value) == (
        "conf/expectations/scores.yaml: expectation scorer_is_known asks for the parameter $scorers, which this run "
        "does not have. Known: expected_rows, scorer"
    )


def test_an_untargeted_category_is_skipped_and_named() -> None:
    parameters = {"min_score_tenths": 70, "expected_rows": None, **dict.fromkeys(FULL)}
    targets = {"code": {"min": 0.2, "max": 0.3}}

    suite = fill_suite("dataset", load_suite("dataset"), parameters | {"composition": targets}, frozenset())

    (share,) = [spec for spec in suite.expectations if spec.name.startswith("share_of_")]
    assert share.description == "The share of code lies between 0.2 and 0.3."
    assert share.kwargs == {"column": "share_of_code", "min_value": 0.2, "max_value": 0.3}
    whys = {skipped.name: skipped.why for skipped in suite.skipped}
    assert (
        whys["share_of_general_is_on_target"]
        == "composition.general.min is not set; composition.general.max is not set"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (SPEC.replace("critical: true", "critical: perhaps"), r"x\.yaml: expectations\.0\.critical: .*boolean"),
        (SPEC.replace("reason: Because.", "reasons: Because."), r"expectations\.0\.reason: .*reasons: Extra inputs"),
        (SPEC.replace("name: one", "name: One!"), r"expectations\.0\.name: "),
        (SPEC + SPEC.split("expectations:")[1], "expectation names used twice: one"),
        (SPEC.replace("title: 00 test", "title: a/b"), "title: "),
        (SPEC.replace("title: 00 test", "title: 00 a/b - c"), "title: "),
        ("title: [", "x.yaml: not valid YAML"),
        ("", "x.yaml: "),
    ],
)
def test_a_faulty_suite_is_refused_with_its_faults(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){fault}"):
        parse_suite("x.yaml", text)


def test_an_unknown_table_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"table runs\. There are: assignments, contamination, dataset"):
        load_suite("runs")


def test_folders_of_the_data_docs_are_plain_and_short_and_in_the_order_of_the_stages() -> None:
    order = "raw_records examples screen contamination duplicates assignments pairs scores reviews selection dataset"
    names = [Suite(table, load_suite(table).title, (), ()).name for table in order.split()]

    assert names == sorted(names)
    assert [name.partition("-")[2] for name in names] == order.split()
    assert sorted(order.split()) == list(tables_with_suites())
    assert all(re.fullmatch(r"[a-z0-9_-]{1,20}", name) for name in names)
