"""What rules found, counted by the gravest finding of each pair; a judge's reasons are no findings."""

import pytest
from rich.console import Console

from jobs.config.load import load_settings
from jobs.curation.findings import FindingRows, count_findings, findings_for_manifest
from jobs.workspace.runtime import open_runtime
from schemas.tables import DATASET, SCORES

CUT, LOWER, CLEAN = "Completeness: the answer stops.", "Clarity: lower case.", "No fault was found."


@pytest.fixture
def runtime(tmp_path):
    return open_runtime(load_settings("demo", [f"workspace={tmp_path}"]), Console(quiet=True))


def write(runtime, scores, exported):
    names = ("pair_id", "scorer", "reason", "quality_tenths")
    runtime.storage.append_rows(SCORES, [dict(zip(names, row, strict=True)) for row in scores])
    runtime.storage.append_rows(DATASET, [{"pair_id": pair_id} for pair_id in exported])


def test_each_finding_has_its_pairs_and_its_rows_of_the_data_set(runtime):
    rows = [("a", "heuristic", CLEAN, 90), ("b", "heuristic", LOWER, 87), ("c", "heuristic", CLEAN, 90)]
    write(runtime, [*rows, ("d", "heuristic", CUT, 10), ("e", "heuristic", CUT, 10)], ["a", "b"])

    assert count_findings(runtime) == (
        FindingRows(CLEAN, fails=False, checked=2, rows=1),
        FindingRows(LOWER, fails=False, checked=1, rows=1),
        FindingRows(CUT, fails=True, checked=2, rows=0),
    )
    assert findings_for_manifest(runtime)[2] == {
        "finding": CUT,
        "fails": True,
        "checked": 2,
        "rows": 0,
        "effect": "fails",
    }


def test_what_a_judge_wrote_is_no_finding(runtime):
    write(runtime, [("a", "judge", "Names both causes.", 84), ("b", "distilled", "predicted", 80)], ["a", "b"])

    assert count_findings(runtime) == ()
