"""What each teacher and the judge gave, and what it cost: every dollar of the ledger has one owner."""

from decimal import Decimal

import pytest

from jobs.ledger.usage import unrecorded
from jobs.reports.teacher_costs import TeacherCost, find_teacher_costs
from schemas.tables import DATASET, PAIRS, RUNS, SCORES
from tests.support.factories import rows_of
from tests.support.paid_tables import AT, paid_workspace

pytestmark = pytest.mark.usefixtures("one_partition")


@pytest.fixture(scope="module")
def paid(spark, tmp_path_factory):
    """Teacher a has two answers, one of them scored and kept; b was asked and has none."""
    runtime = paid_workspace(tmp_path_factory.mktemp("costs"))
    rows = {
        PAIRS: [
            {"pair_id": "a1", "teacher": "a"},
            {"pair_id": "a2", "teacher": "a"},
            {"pair_id": "own", "teacher": "public"},
        ],
        SCORES: [
            {"pair_id": "a1", "scorer": "judge", "quality_tenths": 85},
            {"pair_id": "a2", "scorer": "heuristic", "quality_tenths": 10},  # of rules; it grades nothing
            {"pair_id": "own", "scorer": "judge", "quality_tenths": 60},
        ],
        DATASET: [{"pair_id": "a1", "teacher": "a"}],
    }
    for table, values in rows.items():
        runtime.replace(table, rows_of(spark, table, values))
    return runtime


def test_answers_scores_rows_tokens_and_cost_are_those_of_each_teacher(paid):
    found = find_teacher_costs(paid)
    assert found == (
        TeacherCost("a", 2, 8.5, 1, 120, Decimal("1.00")),
        TeacherCost("public", 1, 6.0, 0),
        TeacherCost("judge", 2, None, 1, 40, Decimal("0.05"), Decimal("0.05")),
        TeacherCost("earlier configurations", 0, None, 0, 40, Decimal("0.01")),
    )
    assert sum(one.cost_usd for one in found) == Decimal("1.06")
    assert [one.usd_per_thousand_rows for one in found] == [1000, None, 50, None]


def test_runs_tell_of_each_dollar_once_whenever_it_came_into_the_ledger(paid):
    assert unrecorded(paid, "distill") == (160, Decimal("1.01"))
    assert unrecorded(paid, "score") == (40, Decimal("0.05"))
    row = {"run_id": "r", "stage": "distill", "status": "stopped", "started_at": AT, "seconds": 1.0, "rows_in": 0}
    row |= {"rows_out": 0, "tokens": 60, "cost_usd": Decimal("0.41")}
    paid.storage.append(RUNS, paid.spark.createDataFrame([row], RUNS.schema))
    assert unrecorded(paid, "distill") == (100, Decimal("0.60"))
    assert unrecorded(paid, "score") == (40, Decimal("0.05"))
