"""Tables are written whole, read by contract, and missing ones say how to get them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from jobs.workspace.delta_tables import CannotReadError, DeltaTables
from jobs.workspace.storage import Storage
from schemas.calls import RESPONSES
from schemas.errors import DamagedTableError, MissingTableError, SchemaMismatchError
from schemas.tables import CONTAMINATION, DUPLICATES, EXAMPLES, RAW_RECORDS, RUNS, SCORES, SCREEN
from tests.support.factories import rows_of


@pytest.fixture(params=[True, False], ids=["by the driver", "by Spark"])
def storage(spark, tmp_path, request):
    """Both ways to write."""
    return Storage(lambda: spark, str(tmp_path / "a[b] {c} d*e? é"), through_driver=request.param)


def test_replacing_a_pass_leaves_the_other(spark, storage):
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


def test_scratch_is_empty_after_clearing(spark, storage):
    kept = storage.materialise(rows_of(spark, SCREEN, [{}, {"id": "f"}]), "part")
    assert kept.count() == 2 and Path(storage.scratch, "part").is_dir()
    storage.clear_scratch()
    assert not Path(storage.scratch).exists()


def test_a_table_of_an_earlier_version_is_read_and_gets_its_new_columns(spark, storage):
    old = spark.createDataFrame([{"request_id": "a", "text": "old"}], RESPONSES.schema).drop("reasoning")
    old.write.format("delta").save(storage.location(RESPONSES))
    assert [row["reasoning"] for row in storage.read(RESPONSES).collect()] == [None]
    storage.append(RESPONSES, spark.createDataFrame([{"request_id": "b", "reasoning": "hm"}], RESPONSES.schema))
    assert {row["request_id"]: row["reasoning"] for row in storage.read(RESPONSES).collect()} == {"a": None, "b": "hm"}


def test_a_part_of_a_table_of_an_earlier_version_is_written_anew_with_its_new_columns(spark, storage):
    rows = [{"pass": "prompt", "id": "a"}, {"pass": "pair", "id": "b"}]
    rows_of(spark, DUPLICATES, rows).drop(*DUPLICATES.added).write.format("delta").save(storage.location(DUPLICATES))

    again = rows_of(spark, DUPLICATES, [{"pass": "pair", "id": "c", "turn_jaccard": 0.9}])
    storage.replace_where(DUPLICATES, again, "pass = 'pair'")

    found = {row["id"]: row["turn_jaccard"] for row in storage.read(DUPLICATES).collect()}
    assert found == {"a": None, "c": 0.9}


def test_a_table_is_read_as_its_newest_version_and_a_frame_stays_what_it_was(spark, storage):
    storage.replace(SCREEN, rows_of(spark, SCREEN, [{"id": "a"}, {"id": "b"}]))
    first = storage.read(SCREEN)
    storage.replace(SCREEN, rows_of(spark, SCREEN, [{"id": "c", "span": None}]))
    storage.append(SCREEN, rows_of(spark, SCREEN, [{"id": "d"}]))

    assert first.inputFiles() and sorted(row["id"] for row in first.collect()) == ["a", "b"]
    by_files, by_log = storage.read(SCREEN), spark.read.format("delta").load(storage.location(SCREEN))
    assert sorted(by_files.collect()) == sorted(by_log.collect()) and by_files.count() == 2
    assert "delta_log" not in by_files._jdf.queryExecution().executedPlan().toString()
    storage.replace(SCREEN, rows_of(spark, SCREEN, []))
    assert storage.read(SCREEN).collect() == []


def test_a_table_that_is_more_than_its_files_is_left_to_delta(spark, tmp_path):
    """Of a row that is deleted by a deletion vector the file still has it, and a partition's value is in no file."""
    storage, tables = Storage(lambda: spark, str(tmp_path)), DeltaTables(str(tmp_path / "tables"))
    path = storage.location(SCREEN)
    rows = rows_of(spark, SCREEN, [{"id": "a"}, {"id": "b"}]).coalesce(1)
    rows.write.format("delta").option("delta.enableDeletionVectors", "true").save(path)
    spark.sql(f"delete from delta.`{path}` where id = 'b'")
    with pytest.raises(CannotReadError, match="deletionVectors"):
        tables.data_files(SCREEN)

    path = storage.location(DUPLICATES)
    rows_of(spark, DUPLICATES, [{"id": "d"}]).write.format("delta").partitionBy("pass").save(path)
    with pytest.raises(CannotReadError, match="partitioned"):
        tables.data_files(DUPLICATES)
    assert [row["pass"] for row in storage.read(DUPLICATES).collect()] == ["prompt"]


def test_rows_that_the_driver_has_replace_a_table_of_any_version(spark, tmp_path):
    storage = Storage(lambda: spark, str(tmp_path))
    old = rows_of(spark, CONTAMINATION, [{}, {}]).drop("part").withColumn("left_over", F.lit(1))
    old.write.format("delta").save(storage.location(CONTAMINATION))

    storage.replace_rows(CONTAMINATION, [{"example_id": "a", "benchmark": "gsm8k", "tokens": 7}])

    (row,) = storage.read(CONTAMINATION).collect()
    assert (row["example_id"], row["benchmark"], row["tokens"], row["effect"]) == ("a", "gsm8k", 7, None)
    assert storage.version(CONTAMINATION) == 1
    storage.replace_rows(CONTAMINATION, [])
    assert storage.read(CONTAMINATION).collect() == []
    storage.replace(CONTAMINATION, rows_of(spark, CONTAMINATION, [{"example_id": "b"}]))
    assert [row["example_id"] for row in storage.read(CONTAMINATION).collect()] == ["b"]


def _rows(storage):
    return sorted((row["pass"], row["id"], row["jaccard"]) for row in storage.read(DUPLICATES).collect())


def _engines(storage, table):
    """Who wrote each commit of a table."""
    folder = Path(storage.location(table)) / "_delta_log"
    commits = [json.loads(path.read_text().splitlines()[0]) for path in sorted(folder.glob("*.json"))]
    return [commit["commitInfo"]["engineInfo"].partition(":")[0].partition("/")[0] for commit in commits]


def test_what_spark_writes_is_committed_by_delta_rs_and_read_by_delta(spark, storage):
    storage.replace(SCREEN, rows_of(spark, SCREEN, [{"id": "a"}, {"id": "b"}]))
    storage.append(SCREEN, rows_of(spark, SCREEN, [{"id": "c"}]))
    before = spark.read.format("delta").load(storage.location(SCREEN)).select("id").collect()
    storage.replace(SCREEN, rows_of(spark, SCREEN, [{"id": "d"}]))

    by_delta = spark.read.format("delta").load(storage.location(SCREEN))
    assert (sorted(row["id"] for row in before), [row["id"] for row in by_delta.collect()]) == (["a", "b", "c"], ["d"])
    assert by_delta.schema == SCREEN.schema and _engines(storage, SCREEN) == ["delta-rs"] * 3
    old = spark.read.format("delta").option("versionAsOf", 1).load(storage.location(SCREEN))
    assert old.count() == 3
    by_delta.write.format("delta").mode("append").save(storage.location(SCREEN))
    assert [row["id"] for row in storage.read(SCREEN).collect()] == ["d", "d"]
    assert not list(Path(storage.workspace).glob("scratch/*"))


def test_every_file_of_a_commit_has_checksums(spark, storage):
    storage.replace(SCREEN, rows_of(spark, SCREEN, [{"id": str(number)} for number in range(50)]).repartition(3))

    folder = Path(storage.location(SCREEN))
    found = [*folder.glob("*.parquet"), *folder.glob("_delta_log/*.json")]
    assert len(found) == (2 if storage.through_driver else 4)
    assert all(path.with_name(f".{path.name}.crc").is_file() for path in found)
    file = next(folder.glob("*.parquet"))
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedTableError, match="differs from its checksum"):
        storage.require_all_whole([SCREEN])


def test_a_part_is_replaced_whoever_has_the_rows(spark, storage):
    first = [{"pass": "prompt", "id": "a", "jaccard": 0.8}, {"pass": "pair", "id": "p", "jaccard": None}]
    storage.replace_rows(DUPLICATES, first, "pass = 'pair'")
    storage.replace_where(DUPLICATES, rows_of(spark, DUPLICATES, [{"id": "b", "jaccard": 0.9}]), "jaccard > 0.7")
    assert _rows(storage) == [
        ("pair", "p", None),
        ("prompt", "b", 0.9),
    ]  # where nobody knows, the condition does not hold
    storage.replace_rows(DUPLICATES, [{"pass": "pair", "id": "q", "jaccard": 1.0}], "pass = 'pair'")
    assert _rows(storage) == [("pair", "q", 1.0), ("prompt", "b", 0.9)]
    assert _engines(storage, DUPLICATES) == ["delta-rs"] * 3


@pytest.mark.parametrize("property", ["delta.appendOnly", "delta.enableChangeDataFeed"])
def test_a_table_with_properties_is_written_by_delta_itself(spark, tmp_path, property):
    storage = Storage(lambda: spark, str(tmp_path))
    rows_of(spark, SCREEN, [{"id": "a"}]).write.format("delta").option(property, "true").save(storage.location(SCREEN))

    storage.append(SCREEN, rows_of(spark, SCREEN, [{"id": "b"}]))

    assert sorted(row["id"] for row in storage.read(SCREEN).collect()) == ["a", "b"]
    assert _engines(storage, SCREEN) == ["Apache-Spark"] * 2


def test_a_write_that_fails_leaves_the_table_as_it_was(spark, storage):
    storage.replace(SCREEN, rows_of(spark, SCREEN, [{"id": "a"}]))
    broken = rows_of(spark, SCREEN, [{"id": "b"}, {"id": "c"}]).withColumn(
        "span", F.when(F.col("id") == "c", F.raise_error(F.lit("no"))).otherwise(F.lit("s"))
    )
    with pytest.raises(Exception, match="no"):
        storage.append(SCREEN, broken.repartition(2))
    storage.append(SCREEN, rows_of(spark, SCREEN, [{"id": "d"}]))
    assert sorted(row["id"] for row in storage.read(SCREEN).collect()) == ["a", "d"]


@pytest.mark.parametrize("name", ["a[b]", "{c}", "d*e? é", "a#b", "a:b", "it's", "50%", "a b"])
def test_a_workspace_may_have_any_name(spark, tmp_path, storage, name):
    storage = replace(storage, workspace=str(tmp_path / name))
    storage.replace_rows(DUPLICATES, [{"pass": "pair", "id": "a"}])
    storage.replace_rows(DUPLICATES, [{"pass": "pair", "id": "b"}], "id = 'a'")
    storage.append_rows(DUPLICATES, [{"pass": "prompt", "id": "c"}])
    storage.replace_where(DUPLICATES, rows_of(spark, DUPLICATES, [{"pass": "prompt", "id": "d"}]), "pass = 'prompt'")
    (asked,) = storage.query("select count(*) as rows from {duplicates} where id in ('b', 'd')", (), {}).to_pylist()
    assert [row["id"] for row in storage.read(DUPLICATES).orderBy("id").collect()] == ["b", "d"] and asked["rows"] == 2


def test_the_driver_writes_every_type_as_spark_does(spark, tmp_path):
    """Maps, lists of structs, times, money and bytes, null or not."""
    frames = {
        RAW_RECORDS: "named_struct('source', 's', 'record', unhex('00ff'), 'drafts', array(null))",
        SCORES: "named_struct('pair_id', 'p', 'dimensions', map('a', 1, 'b', null), 'is_held_out', true)",
        RUNS: "named_struct('run_id', 'r', 'started_at', timestamp'2026-01-02 03:04:05.678901', 'cost_usd', 1.5)",
        EXAMPLES: "named_struct('example_id', '', 'history', array(named_struct('role', 'user', 'content', null)))",
    }
    found = {}
    for way in (True, False):
        storage = Storage(lambda: spark, str(tmp_path / str(way)), through_driver=way)
        for table, row in frames.items():
            given = spark.sql(f"select r.* from (select explode(array({row})) as r)")
            missing = [field for field in table.schema if field.name not in given.columns]
            nulls = {field.name: F.lit(None).cast(field.dataType) for field in missing}
            rows = given.withColumns(nulls)
            rows = rows.select(*(F.col(field.name).cast(field.dataType).alias(field.name) for field in table.schema))
            storage.replace(table, rows)
            found.setdefault(table.name, []).append((storage.read(table).collect(), storage.read(table).schema))
    assert all(by_driver == by_spark for by_driver, by_spark in found.values()), found
