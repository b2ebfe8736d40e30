"""Which of two twins stays, and what is compared."""

from pyspark.sql import functions as F

from jobs.config.settings import SourceConfig
from jobs.deduplication.near_duplicates import placed
from jobs.deduplication.ranking import id_of, pair_text, prompt_text, with_rank
from schemas.tables import PAIRS
from tests.support.factories import rows_of

SOURCES = [
    SourceConfig(name="first", path="a", licence="MIT", priority=1, deduplicate_threshold=0.95),
    SourceConfig(name="second", path="b", licence="MIT", priority=2),
]


def test_prospects_then_quality_then_faults_then_priority_then_id_decide(spark):
    best_first = [
        ("rated_high", "second", 1.0, True),
        ("rated_low", "second", 0.25, False),
        ("a_clean_first", "first", None, False),
        ("b_clean_first", "first", None, False),
        ("a_clean_second", "second", None, False),
        ("faulty_first", "first", None, True),
        ("rated_high_but_lost", "first", 1.0, False),
        ("lost", "first", None, False),
    ]
    rows = spark.createDataFrame(best_first[::-1], "id string, source string, human_quality double, has_fault boolean")
    ranks = with_rank(rows, SOURCES, 0.8)
    lost = ranks.where("id in ('lost', 'rated_high_but_lost')").select("rank")

    ranked = placed(ranks, "rank", lost).withColumn("back", id_of("rank")).orderBy("rank").collect()

    assert [row["id"] for row in ranked] == [row[0] for row in best_first]
    assert all(row["back"] == row["id"] for row in ranked)
    assert {row["source"]: row["threshold"] for row in ranked} == {"first": 0.95, "second": 0.8}


def test_what_is_compared_holds_system_history_instruction_and_response(spark):
    pairs = rows_of(
        spark, PAIRS, [{"system": "Be brief.", "history": [("user", "Hi."), ("assistant", "Hello.")]}, {"pair_id": "q"}]
    )

    rows = pairs.select(prompt_text().alias("prompt"), pair_text().alias("pair")).orderBy(F.length("pair")).collect()

    assert rows[0]["prompt"] == "Name a prime number." and rows[0]["pair"] == "Name a prime number.\nSeven."
    assert rows[1]["prompt"] == "Be brief.\nHi.\nHello.\nName a prime number."
