"""Routing of a whole table: the shares of the mission, the same on every run, partition and set of rows."""

import pytest
from pyspark.sql import functions as F

from jobs.answers.routing import category_weights, expected_shares, with_teachers
from jobs.config.load import load_settings
from jobs.config.teachers import DistillConfig

REFERENCE = load_settings("reference")
MIX = {"general": 50_000, "code": 25_000, "reasoning": 15_000, "creative": 6_000, "other": 4_000}


def prompts(spark, mix, partitions=4):
    """Rows of that mix, their ids as random as hashes are."""
    ends, end = [], 0
    for name, count in mix.items():
        end += count
        ends.append((name, end))
    category = F.coalesce(*(F.when(F.col("id") < last, name) for name, last in ends))
    return spark.range(0, end, 1, partitions).select(
        F.md5(F.col("id").cast("string")).alias("example_id"), category.alias("category")
    )


@pytest.fixture(scope="module")
def routed(spark):
    return with_teachers(prompts(spark, MIX), REFERENCE.distill).localCheckpoint()


def test_the_reference_mix_gives_40_35_25_and_code_goes_to_the_code_teacher(routed):
    counts = {(row[0], row[1]): row[2] for row in routed.groupBy("category", "actual_teacher").count().collect()}
    total = {name: sum(n for (_, teacher), n in counts.items() if teacher == name) for _, name in counts}

    assert sum(total.values()) == 100_000
    assert {teacher for (category, teacher) in counts if category == "code"} == {"qwen3-coder-480b"}
    for name, share in {"llama-3.1-405b": 0.40, "gpt-4o": 0.35, "qwen3-coder-480b": 0.25}.items():
        assert abs(total[name] / 100_000 - share) <= 0.01, total


def test_other_partitions_and_added_rows_move_no_prompt(spark, routed):
    more = {**MIX, "other": 5_000}
    again = with_teachers(prompts(spark, more, partitions=3).repartition(7), REFERENCE.distill)

    same = routed.join(again, ["example_id", "category", "requested_teacher", "actual_teacher"])

    assert same.count() == 100_000


def test_a_teacher_that_is_down_hands_its_rows_to_its_fallback_and_no_other_row_moves(spark, routed):
    down = with_teachers(prompts(spark, MIX), REFERENCE.distill, down=["gpt-4o"])

    moved = (
        routed.join(down.select("example_id", F.col("actual_teacher").alias("now")), "example_id")
        .where("now is distinct from actual_teacher")
        .groupBy("requested_teacher", "now")
        .count()
        .collect()
    )

    assert [(row[0], row[1]) for row in moved] == [("gpt-4o", "llama-3.1-405b")]
    assert 34_000 < moved[0]["count"] < 36_000


def test_with_every_teacher_down_nobody_answers(spark):
    names = [teacher.name for teacher in REFERENCE.distill.models]
    rows = with_teachers(prompts(spark, {"code": 3}), REFERENCE.distill, down=names).collect()
    assert {(row["requested_teacher"], row["actual_teacher"]) for row in rows} == {("qwen3-coder-480b", None)}


@pytest.mark.parametrize(
    ("mix", "shares", "missed"),
    [
        (MIX, (0.40, 0.35, 0.25), False),
        ({"general": 100, "code": 0}, (0.533, 0.467, 0.0), True),
        ({"code": 10}, (0.0, 0.0, 1.0), True),
        ({}, (0.0, 0.0, 0.0), True),
    ],
)
def test_the_shares_of_another_mix_are_known_before_anything_is_asked(mix, shares, missed):
    found = expected_shares(REFERENCE.distill, mix)
    assert [one.expected for one in found] == pytest.approx(shares, abs=0.001)
    assert any(one.misses for one in found) == missed


def test_a_teacher_has_its_own_weight_where_the_category_has_none():
    teachers = [
        {"name": "public", "kind": "public"},
        {"name": "a", "kind": "model", "base_url": "http://a/v1", "model": "m", "weight": 2, "weights": {"code": 5}},
        {"name": "b", "kind": "model", "base_url": "http://b/v1", "model": "m"},
    ]
    weights = category_weights(DistillConfig.model_validate({"teachers": teachers}))
    assert weights["code"] == {"a": 5, "b": 1} and weights["other"] == {"a": 2, "b": 1}
