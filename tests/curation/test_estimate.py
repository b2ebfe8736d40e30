"""What a sample of unequal weights says of the whole; its interval holds nineteen times of twenty."""

import random
from datetime import datetime, timezone

import pytest
from rich.console import Console

from jobs.config.load import load_settings
from jobs.curation.estimate import Estimate, estimate_of, estimate_share
from jobs.workspace.runtime import open_runtime
from schemas.tables import DATASET, PAIRS, REVIEWS, SELECTION
from udfs.scoring.calibration import Interval, wilson

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc)

A, B, C = ("x", "code", 8), ("x", "general", 9), ("y", "general", 9)


def test_nothing_read_says_nothing():
    assert estimate_share({A: 5}, {}) is None
    assert estimate_share({}, {(A, True): 1}) is None


def test_verdicts_count_for_the_rows_of_their_stratum():
    found = estimate_share({A: 900, B: 100}, {(A, True): 9, (A, False): 1, (B, False): 10})

    assert found.good.value == pytest.approx(0.9 * 0.9)
    assert found.read == 20


def test_a_sample_in_proportion_has_the_interval_of_a_plain_one():
    found = estimate_share({A: 800, B: 200}, {(A, True): 72, (A, False): 8, (B, True): 18, (B, False): 2})

    assert found.good == pytest.approx(wilson(90, 100))


def test_a_stratum_that_nobody_read_counts_by_what_is_most_like_it():
    same_category = ("x", "code", 9)

    found = estimate_share({A: 50, same_category: 50, C: 100}, {(A, True): 1, (B, False): 1, (C, False): 1})

    assert found.good.value == pytest.approx(0.5)
    assert estimate_share({("z", "code", 8): 10}, {(A, True): 3, (B, False): 1}).good.value == pytest.approx(0.75)


def test_unequal_weights_widen_the_interval():
    even = estimate_share({A: 500, B: 500}, {(A, True): 50, (B, True): 45, (B, False): 5})
    uneven = estimate_share({A: 980, B: 20}, {(A, True): 48, (A, False): 2, (B, True): 45, (B, False): 5})

    assert uneven.good.high - uneven.good.low > even.good.high - even.good.low


def test_the_interval_holds_the_truth_nineteen_times_of_twenty():
    draw = random.Random(5)
    sizes = {("s", "code", 8): 4000, ("s", "general", 9): 5000, ("t", "general", 8): 700, ("t", "code", 9): 300}
    rates = dict(zip(sizes, (0.9, 0.97, 0.6, 0.8), strict=True))
    truth = sum(sizes[one] * rates[one] for one in sizes) / sum(sizes.values())
    held = 0
    for _ in range(500):
        verdicts = {}
        for one in sizes:
            good = sum(draw.random() < rates[one] for _ in range(30))
            verdicts |= {(one, True): good, (one, False): 30 - good}
        found = estimate_share(sizes, verdicts)
        held += found.good.low <= truth <= found.good.high
    assert held / 500 > 0.94


def test_it_reads_as_reports_state_it():
    assert str(Estimate(Interval(0.93, 0.882, 0.958), 120)) == "93 % good, 88–96, 120 rows read by a person"


@pytest.fixture
def runtime(tmp_path):
    """Three rows in the data set, and one that a reviewer has dropped from it."""
    made = open_runtime(load_settings("demo", [f"workspace={tmp_path}"]), Console(quiet=True))
    kinds = {"a": ("x", 88), "b": ("x", 90), "c": ("y", 100), "d": ("x", 85)}
    for table, names in {PAIRS: "abcd", SELECTION: "abcd", DATASET: "abc"}.items():
        rows = [
            {
                **{"pair_id": name, "example_id": name, "source": kinds[name][0], "answered_by": kinds[name][0]},
                **{"category": "general", "quality_tenths": kinds[name][1]},
                "reason": "rejected_by_reviewer" if name == "d" else None,
            }
            for name in names
        ]
        made.storage.append_rows(table, [{key: row[key] for key in row if key in table.schema.names} for row in rows])
    return made


def read(runtime, **verdicts):
    rows = [
        {"pair_id": name, "example_id": name, "verdict": said, "reviewer": "ana", "reviewed_at": NOON}
        for name, said in verdicts.items()
    ]
    runtime.storage.append_rows(REVIEWS, rows)


def test_nobody_has_read_a_row(runtime):
    assert estimate_of(runtime) is None


def test_a_dropped_row_still_says_how_many_are_like_it(runtime):
    read(runtime, a="keep", d="drop", c="keep")

    found = estimate_of(runtime)

    # One row of its stratum (x, 8), half of whose readings are good; (x, 9) counts by it; (y, 9) is good.
    assert found.read == 3
    assert found.good.value == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_a_verdict_on_a_row_that_is_not_selected_says_nothing_of_the_data_set(runtime):
    runtime.storage.append_rows(PAIRS, [{"pair_id": "e", "example_id": "e", "answered_by": "x"}])
    runtime.storage.append_rows(
        SELECTION, [{"pair_id": "e", "category": "general", "quality_tenths": 10, "reason": "low_score"}]
    )
    read(runtime, a="keep", e="drop")

    assert estimate_of(runtime).read == 1
