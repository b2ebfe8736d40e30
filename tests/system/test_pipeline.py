"""The whole pipeline on the embedded sample: what comes out, twice, in pieces, and when data is refused."""

import hashlib
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from pyspark.sql import functions as F

from jobs.curation.fates import count_fates
from jobs.pipeline import STAGES, stages_between
from jobs.reports.status import show_status
from jobs.run.run_stages import run_stages
from jobs.verify.file import verify_file
from jobs.workspace.session import THROUGH_DRIVER
from schemas.errors import ConfigError, DamagedTableError, DataRefusedError
from schemas.tables import DATASET, DUPLICATES, FATES, PAIRS, RAW_RECORDS, RUNS
from tests.support.demo import open_quietly
from tests.support.paths import ROOT
from udfs.screen.rules import load_rules


def output(runtime) -> Path:
    return Path(runtime.settings.workspace) / "output"


def sha256(runtime) -> str:
    return hashlib.sha256((output(runtime) / "dataset.jsonl").read_bytes()).hexdigest()


def flip_a_bit(part: Path) -> None:
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 4
    part.write_bytes(content)


def test_the_demo_passes_its_verification(demo):
    runtime, _, exit_code, shown = demo
    verification = verify_file(output(runtime) / "dataset.jsonl")

    assert exit_code == 0 and verification.passed
    assert "Quality: SCREENED, NOT JUDGED" in shown
    assert "Validation Status: PASSED" in shown and "Dataset Ready for Training: YES" in shown


def test_all_files_of_the_data_set_are_there_and_agree(demo):
    runtime = demo[0]
    lines = (output(runtime) / "dataset.jsonl").read_text("utf-8").splitlines()
    manifest = json.loads((output(runtime) / "manifest.json").read_text())
    provenance = pq.read_table(output(runtime) / "provenance.parquet").to_pylist()

    assert manifest["files"]["dataset.jsonl"]["sha256"] == sha256(runtime)
    assert manifest["files"]["dataset.jsonl"]["rows"] == len(lines) == len(provenance)
    assert [row["line"] for row in provenance] == list(range(1, len(lines) + 1))
    assert [row["example_id"] for row in provenance] == sorted(row["example_id"] for row in provenance)
    first, told = json.loads(lines[0]), provenance[0]
    assert (first["source"], first["category"]) == (told["source"], told["category"])
    assert first["quality_score"] == told["quality_tenths"] / 10
    assert yaml.safe_load((output(runtime) / "README.md").read_text().split("---")[1])["license"] == "apache-2.0"
    assert f"{len(lines):,}" in (output(runtime) / "PROJECT_STATUS.md").read_text()
    assert (Path(runtime.settings.workspace) / "data_docs" / "index.html").is_file()


def test_every_record_and_every_example_has_one_fate(demo):
    runtime = demo[0]
    funnel = count_fates(runtime)

    assert sum(funnel.records.values()) == runtime.read(RAW_RECORDS).count()
    assert sum(funnel.examples.values()) == runtime.read(FATES).select("example_id").distinct().count()
    assert funnel.examples["select", "selected"] == runtime.read(DATASET).count()


def test_the_docs_state_the_fates_of_the_sample(demo):
    readme = (ROOT / "docs" / "DEMO.md").read_text("utf-8")
    stated = re.search(r"<!-- sample -->\n(.*?)<!-- /sample -->", readme, re.DOTALL)
    funnel = count_fates(demo[0])
    rows = [("ingest", reason, count) for reason, count in funnel.records.items()]
    rows += [("ingest", "exact copies folded", funnel.exact_copies)]
    rows += [(stage, reason, count) for (stage, reason), count in funnel.examples.items()]
    table = "| stage | fate | rows |\n|---|---|---:|\n" + "".join(f"| {s} | {r} | {n} |\n" for s, r, n in rows)

    assert stated is not None and stated.group(1) == table, f"paste this between the markers:\n{table}"


def test_the_demo_shows_each_kind_of_verdict(demo):
    runtime = demo[0]
    reasons = {row["reason"] for row in runtime.read(FATES).select("reason").distinct().collect()}
    refused = {row["reason"] for row in runtime.read(RAW_RECORDS).select("reason").distinct().collect()} - {None}

    assert {"selected", "duplicate_prompt", "duplicate_pair", "no_answer", "low_score"} <= reasons
    assert {"needs_system", "needs_history"} <= reasons
    assert {"invalid_json", "missing_instruction", "not_text", "too_long", "deleted"} <= refused
    computed = {rule.name for rule in load_rules() if rule.effect == "exclude" and not rule.from_source}
    assert len(computed & reasons) >= 10, sorted(reasons)


def test_every_removed_row_names_a_kept_twin(demo):
    duplicates = demo[0].read(DUPLICATES)
    removed = duplicates.select("pass", F.col("id").alias("duplicate_of"))

    assert duplicates.count() > 0
    assert duplicates.join(removed, ["pass", "duplicate_of"], "left_semi").isEmpty()
    assert duplicates.where("jaccard < 0.8 or jaccard > 1.0").isEmpty()


def test_a_second_run_has_nothing_to_do(demo):
    runtime = demo[0]
    before = runtime.storage.version(DATASET)

    again = open_quietly("demo", f"workspace={runtime.settings.workspace}")
    results = run_stages(again, STAGES)

    assert {result.status for result in results} == {"up to date"}
    assert [result.report for result in results] == [
        r.report.__class__(r.report.rows_in, r.report.rows_out, r.report.reasons) for r in demo[1]
    ]
    assert runtime.storage.version(DATASET) == before


@pytest.mark.parametrize("harm", [Path.unlink, lambda part: part.write_bytes(part.read_bytes()[:-9]), flip_a_bit])
@pytest.mark.parametrize("table", [RAW_RECORDS, PAIRS, DATASET], ids=lambda table: table.name)
def test_damage_is_told_by_a_run_and_a_status_that_do_not_read_the_table(demo, table, harm):
    runtime = demo[0]
    part = next(Path(runtime.storage.location(table)).glob("*.parquet"))
    content = part.read_bytes()
    harm(part)
    try:
        for act in (lambda: run_stages(runtime, STAGES), lambda: show_status(runtime)):
            with pytest.raises(DamagedTableError, match=f"the table {table.name} is damaged: .*{part.name}"):
                act()
    finally:
        part.write_bytes(content)


def test_other_partitions_and_splits_give_the_same_bytes(demo, spark, tmp_path):
    changed = {
        "spark.sql.shuffle.partitions": "7",
        "spark.sql.files.maxPartitionBytes": "20000b",
        "spark.sql.files.openCostInBytes": "1b",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "13",
    }
    before = {name: spark.conf.get(name) for name in changed}
    try:
        for name, value in changed.items():
            spark.conf.set(name, value)
        other = open_quietly("demo", f"workspace={tmp_path}", f"spark.conf={{{THROUGH_DRIVER}: 'false'}}")
        run_stages(other, STAGES)
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)

    assert sha256(other) == sha256(demo[0])


def test_a_changed_setting_runs_its_stage_and_what_follows(demo):
    runtime = demo[0]
    stricter = open_quietly("demo", f"workspace={runtime.settings.workspace}", "select.rows=200")

    results = run_stages(stricter, stages_between("deduplicate-pairs", "select"))
    restored = {run.stage.name: run.status for run in run_stages(runtime, STAGES)}

    assert (restored["score"], restored["select"], restored["export"]) == ("up to date", "done", "done")
    assert json.loads((output(runtime) / "manifest.json").read_text())["tables"]["dataset"] == (
        runtime.storage.version(DATASET)
    ), "the export is of the tables that are there"
    assert {r.stage.name: r.status for r in results} == {
        "deduplicate-pairs": "up to date",
        "score": "up to date",
        "select": "done",
    }
    assert results[-1].report.rows_out < demo[1][-2].report.rows_out


def test_the_run_log_names_each_stage_with_its_counts(demo):
    runs = {row["stage"]: row for row in demo[0].read(RUNS).where(f"run_id = '{demo[0].run_id}'").collect()}

    assert set(runs) == {stage.name for stage in STAGES}
    assert {row["status"] for row in runs.values()} == {"done"}
    assert runs["ingest"]["reasons"]["invalid_json"] == 3
    assert runs["export"]["versions"]["pyspark"] == "4.2.0"


def test_too_many_refused_records_end_the_run_with_the_reasons(spark, tmp_path):
    good = json.dumps({"instruction": "Name a river.", "output": "The Nile."})
    (tmp_path / "bad.jsonl").write_text("\n".join([good] * 6 + ["{broken"] * 4) + "\n")
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump({"sources": [{"name": "bad", "path": "bad.jsonl", "licence": "MIT"}]}))
    runtime = open_quietly(config, f"workspace={tmp_path}/w")

    with pytest.raises(DataRefusedError, match=r"bad: 4 of 10 records refused \(4 invalid_json; ") as caught:
        run_stages(runtime, STAGES)

    assert caught.value.exit_code == 1
    assert [(row["stage"], row["status"]) for row in runtime.read(RUNS).collect()] == [("ingest", "refused")]
    assert runtime.read(RAW_RECORDS).count() == 10, "nothing is lost"


def test_the_stages_of_a_part_are_named_and_ordered():
    assert [stage.name for stage in stages_between("score", None)] == ["score", "select", "export"]
    with pytest.raises(ConfigError, match="no stage scor; the stages are ingest, screen"):
        stages_between("scor", None)
    with pytest.raises(ConfigError, match="--from score comes after --to screen"):
        stages_between("score", "screen")
