"""Tables are written whole, read by contract, and missing ones say how to get them."""

import pytest
from pyspark.sql import functions as F

from jobs.workspace.storage import Storage
from schemas.calls import RESPONSES
from schemas.errors import MissingTableError, SchemaMismatchError
from schemas.tables import DUPLICATES, SCREEN
from tests.support.factories import rows_of


def test_replacing_a_pass_leaves_the_other(spark, tmp_path):
    storage = Storage(lambda: spark, str(tmp_path))
    storage.replace_where(DUPLICATES, rows_of(spark, DUPLICATES, [{"id": "a"}, {"id": "b"}]), "pass = 'prompt'")
    storage.replace_where(DUPLICATES, rows_of(spark, DUPLICATES, [{"pass": "pair", "id": "p"}]), "pass = 'pair'")
    storage.replace_where(DUPLICATES, rows_of(spark, DUPLICATES, [{"id": "c"}]), "pass = 'prompt'")

    rows = storage.read(DUPLICATES).collect()

    assert sorted((row["pass"], row["id"]) for row in rows) == [("pair", "p"), ("prompt", "c")]
    assert storage.version(DUPLICATES) == 2


def test_a_missing_table_says_what_to_run(spark, tmp_path):
    storage = Storage(lambda: spark, str(tmp_path))
    assert not storage.exists(SCREEN) and storage.version(SCREEN) is None
    with pytest.raises(MissingTableError, match=r"there is no table screen in .*; run `phase0 run`"):
        storage.read(SCREEN)


def test_a_frame_that_breaks_the_contract_is_refused_with_all_faults(spark, tmp_path):
    wrong = rows_of(spark, SCREEN, [{}]).drop("rule").withColumn("span", F.lit(1))
    with pytest.raises(SchemaMismatchError, match=r"screen: missing rule \(string\); span is int, wanted string"):
        Storage(lambda: spark, str(tmp_path)).replace(SCREEN, wrong)
    assert not Storage(lambda: spark, str(tmp_path)).exists(SCREEN)


def test_scratch_is_empty_after_clearing(spark, tmp_path):
    storage = Storage(lambda: spark, str(tmp_path))
    kept = storage.materialise(rows_of(spark, SCREEN, [{}, {"id": "f"}]), "part")
    assert kept.count() == 2 and (tmp_path / "scratch" / "part").is_dir()
    storage.clear_scratch()
    assert not (tmp_path / "scratch").exists()


def test_a_table_of_an_earlier_version_is_read_and_gets_its_new_columns(spark, tmp_path):
    storage = Storage(lambda: spark, str(tmp_path))
    old = spark.createDataFrame([{"request_id": "a", "text": "old"}], RESPONSES.schema).drop("reasoning")
    old.write.format("delta").save(storage.location(RESPONSES))
    assert [row["reasoning"] for row in storage.read(RESPONSES).collect()] == [None]
    storage.append(RESPONSES, spark.createDataFrame([{"request_id": "b", "reasoning": "hm"}], RESPONSES.schema))
    assert {row["request_id"]: row["reasoning"] for row in storage.read(RESPONSES).collect()} == {"a": None, "b": "hm"}


def test_a_part_of_a_table_of_an_earlier_version_is_written_anew_with_its_new_columns(spark, tmp_path):
    storage = Storage(lambda: spark, str(tmp_path))
    rows = [{"pass": "prompt", "id": "a"}, {"pass": "pair", "id": "b"}]
    rows_of(spark, DUPLICATES, rows).drop(*DUPLICATES.added).write.format("delta").save(storage.location(DUPLICATES))

    again = rows_of(spark, DUPLICATES, [{"pass": "pair", "id": "c", "turn_jaccard": 0.9}])
    storage.replace_where(DUPLICATES, again, "pass = 'pair'")

    found = {row["id"]: row["turn_jaccard"] for row in storage.read(DUPLICATES).collect()}
    assert found == {"a": None, "c": 0.9}
