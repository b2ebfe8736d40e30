"""What the select stage promises about each scored pair."""

from jobs.config.settings import SelectConfig
from jobs.curation.dataset import build_dataset
from jobs.select_rows import disagreements, fill_quotas, qualify_pairs
from schemas.tables import PAIRS, SCORES, SELECTION
from tests.support.factories import rows_of


def test_each_scored_pair_is_taken_or_told_why_not(spark):
    cases = {
        "good": ({}, {"quality_tenths": 71, "judge_category": "creative"}, None),
        "at_the_threshold": ({}, {"quality_tenths": 70}, "low_score"),
        "needs_system": ({"system": "Be brief."}, {}, "needs_system"),
        "needs_history": ({"history": [("user", "Hi.")]}, {}, "needs_history"),
        "rejected": ({}, {"quality_tenths": 95}, "rejected_by_reviewer"),
        "bad_and_rejected": ({}, {"quality_tenths": 10}, "rejected_by_reviewer"),
        "bad_and_needs_history": ({"history": [("user", "Hi.")]}, {"quality_tenths": 10}, "low_score"),
    }
    pairs = rows_of(spark, PAIRS, [{"pair_id": k, "example_id": k, **p} for k, (p, _, _) in cases.items()])
    scores = rows_of(spark, SCORES, [{"pair_id": k, **s} for k, (_, s, _) in cases.items()])

    rejected = spark.createDataFrame([("rejected",), ("bad_and_rejected",), ("not_scored",)], "pair_id string")
    selection = qualify_pairs(pairs, scores, rejected, SelectConfig())
    rows = build_dataset(selection, pairs, scores).collect()

    reasons = sorted((row.pair_id, row.reason) for row in selection.collect())
    assert reasons == sorted((k, reason) for k, (_, _, reason) in cases.items())
    assert [(row.pair_id, row.source, row.origin, row.quality_tenths, row.category) for row in rows] == [
        ("good", "alpaca", "alpaca", 71, "creative")
    ], "the judge's category is that of the row"


def test_pairs_that_the_judge_files_elsewhere_are_counted():
    counts = [("general", "general", 90), ("general", "code", 7), ("code", "general", 2), ("other", "code", 1)]
    rows = [{"rules": rules, "judge": judge, "rows": count} for rules, judge, count in counts]

    assert disagreements(rows) == (
        "the judge files 10 of 100 pairs under another category: general to code 7, code to general 2, other to code 1",
    )
    assert disagreements(rows[:1]) == () == disagreements([])


def test_a_quota_keeps_the_best_and_then_the_smallest_id(spark):
    scored = [("a", 80, None), ("b", 90, None), ("c", 80, None), ("d", 75, None), ("e", 99, "needs_system")]
    qualified = rows_of(
        spark,
        SELECTION,
        [{"pair_id": i, "example_id": i, "quality_tenths": q, "reason": r} for i, q, r in scored]
        + [{"pair_id": "x", "example_id": "x", "category": "code"}],
    )

    rows = fill_quotas(qualified, {"general": 2}).collect()

    assert sorted((row.pair_id, row.reason) for row in rows) == [
        ("a", None),
        ("b", None),
        ("c", "over_quota"),
        ("d", "over_quota"),
        ("e", "needs_system"),
        ("x", "over_quota"),
    ]
