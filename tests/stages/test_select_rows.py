"""What the select stage promises about each scored pair."""

from jobs.config.settings import SelectConfig
from jobs.curation.dataset import build_dataset
from jobs.select_rows import disagreements, fill_quotas, find_alike, qualify_pairs
from schemas.tables import PAIRS, SCORES, SELECTION
from tests.support.demo import open_quietly
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


def filled(spark, rows, quotas, **config):
    """Fill quotas with rows of (pair_id, tenths, source, alike); pair_id -> reason."""
    qualified = [{"pair_id": i, "example_id": i, "quality_tenths": q} for i, q, _, _ in rows]
    groups = [(i, source, alike) for i, _, source, alike in rows]
    frame = spark.createDataFrame(groups, "pair_id string, source string, alike string")
    found = fill_quotas(rows_of(spark, SELECTION, qualified), quotas, frame, SelectConfig(**config)).collect()
    assert len(found) == len(rows)
    return {row.pair_id: row.reason for row in found}


def test_a_quota_keeps_the_best_and_then_the_smallest_id(spark):
    scored = [("a", 80, None), ("b", 90, None), ("c", 80, None), ("d", 75, None), ("e", 99, "needs_system")]
    qualified = rows_of(
        spark,
        SELECTION,
        [{"pair_id": i, "example_id": i, "quality_tenths": q, "reason": r} for i, q, r in scored]
        + [{"pair_id": "x", "example_id": "x", "category": "code"}],
    )
    groups = spark.createDataFrame([(i, "s", i) for i in "abcdx"], "pair_id string, source string, alike string")

    rows = fill_quotas(qualified, {"general": 2}, groups, SelectConfig()).collect()

    assert sorted((row.pair_id, row.reason) for row in rows) == [
        ("a", None),
        ("b", None),
        ("c", "over_quota"),
        ("d", "over_quota"),
        ("e", "needs_system"),
        ("x", "over_quota"),
    ]


def test_a_template_fills_no_quota_while_others_qualify(spark):
    rows = [(f"t{n}", 95, "s", "template") for n in range(6)] + [("u", 80, "s", "u"), ("v", 75, "s", "v")]

    found = filled(spark, rows, {"general": 4}, max_alike=2)

    assert {name for name, reason in found.items() if reason is None} == {"t0", "t1", "u", "v"}
    assert {found[f"t{n}"] for n in range(2, 6)} == {"alike_over_quota"}
    # Where nothing else is left the template fills the rest, best first.
    assert {name for name, reason in filled(spark, rows, {"general": 6}, max_alike=2).items() if reason is None} == {
        *("t0", "t1", "t2", "t3", "u", "v")
    }


def test_a_source_gives_its_share_before_it_gives_more(spark):
    rows = [(f"a{n}", 95, "a", f"a{n}") for n in range(4)] + [(f"b{n}", 80, "b", f"b{n}") for n in range(2)]

    found = filled(spark, rows, {"general": 4}, max_source_share=0.5)

    assert {name for name, reason in found.items() if reason is None} == {"a0", "a1", "b0", "b1"}
    assert found["a2"] == found["a3"] == "source_over_quota"
    assert {name for name, reason in filled(spark, rows, {"general": 4}).items() if reason is None} == {
        *("a0", "a1", "a2", "a3")
    }


def test_equal_scores_are_taken_from_groups_and_sources_in_turn(spark):
    rows = [
        ("a1", 90, "a", "x"),
        ("a2", 90, "a", "x"),
        ("a3", 90, "a", "y"),
        ("b9", 90, "b", "z"),
        ("c1", 88, "c", "w"),
    ]

    taken = [
        {name for name, reason in filled(spark, rows, {"general": quota}).items() if reason is None}
        for quota in range(1, 5)
    ]

    assert taken == [{"a1"}, {"a1", "b9"}, {"a1", "b9", "a3"}, {"a1", "b9", "a3", "a2"}]


def test_rows_with_prompts_alike_are_led_by_the_best_of_them(spark, tmp_path):
    runtime = open_quietly("demo", f"workspace={tmp_path}")
    prompt = "Write a short product description for a red {} that sells well in winter to young parents."
    texts = {
        "a": (80, prompt.format("scarf")),
        "b": (95, prompt.format("hat")),
        "c": (90, "Why is the sky blue at noon?"),
    }
    rows = [(name, name, tenths, "s", text) for name, (tenths, text) in texts.items()]
    columns = "pair_id string, example_id string, quality_tenths int, source string, instruction string"

    found = {row.pair_id: row.alike for row in find_alike(runtime, spark.createDataFrame(rows, columns)).collect()}

    assert found["a"] == found["b"] != found["c"]
    assert found["b"].split() == ["005", "b", "b"], "the best one leads"
