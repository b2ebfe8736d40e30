"""Questions to tables: the same answers by delta-rs and by Spark, no JVM where none is needed, no key in an error."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql.types import StructType

from jobs import deduplicate_pairs, ingest, score, select_rows
from jobs.answers.acceptance import find_acceptance
from jobs.batches.lines import batch_lines
from jobs.budget.measured import read_measurements
from jobs.budget.plan import measure_prompts
from jobs.calibration.stored import calibrations_of
from jobs.curation import estimate
from jobs.curation.eligibility import OPEN_PROMPTS
from jobs.curation.fates import count_fates
from jobs.curation.review_sheet import draw_sheet
from jobs.deduplication.figures import count_source_duplication, largest_groups, sample_twins
from jobs.ledger.batch_table import batches_of
from jobs.ledger.usage import read_call_ledger, unrecorded
from jobs.reports.explain import example_of_line, explain_row
from jobs.reports.show import sample_examples, sample_records
from jobs.reports.teacher_costs import find_teacher_costs
from jobs.run.run_log import latest_runs
from jobs.validation.validate import parameters
from jobs.workspace.delta_tables import CannotReadError, DeltaTables
from jobs.workspace.queries import quoted, tables_of, with_parts
from jobs.workspace.runtime import Runtime
from schemas.calls import RESPONSES
from schemas.errors import MissingTableError, SchemaMismatchError
from schemas.tables import (
    ASSIGNMENTS,
    DATASET,
    DUPLICATES,
    EXAMPLES,
    PAIRS,
    RAW_RECORDS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
    Table,
)
from tests.support.demo import open_quietly
from tests.support.factories import store
from tests.support.paid_tables import paid_workspace
from tests.support.paths import ROOT

CHECKED = (RAW_RECORDS, EXAMPLES, SCREEN, DUPLICATES, ASSIGNMENTS, PAIRS, SCORES, SELECTION, DATASET)
QUESTIONS: dict[str, Callable[[Runtime], object]] = {
    "runs": latest_runs,
    "fates": count_fates,
    "examples": lambda runtime: sample_examples(runtime, 3),
    "records": lambda runtime: sample_records(runtime, 2),
    "explain": lambda runtime: explain_row(runtime, example_of_line(runtime, 3)),
    "losses": lambda runtime: count_source_duplication(runtime, OPEN_PROMPTS),
    "twins": lambda runtime: sample_twins(runtime, {"alpaca", "wizardlm"}, 2),
    "groups": lambda runtime: largest_groups(runtime, 5, 3),
    "review": lambda runtime: draw_sheet(runtime, 5),
    "what people say": lambda runtime: [
        sorted(map(str, runtime.query(estimate._SIZES))),
        runtime.query(estimate._VERDICTS, (REVIEWS, SELECTION)),
        calibrations_of(runtime),
    ],
    "teachers": find_teacher_costs,
    "prompts": measure_prompts,
    "acceptance": find_acceptance,
    "measurements": read_measurements,
    "expectations": lambda runtime: [parameters(runtime, table) for table in CHECKED],
    "counts of stages": lambda runtime: [
        runtime.query(score._COUNTS, limit=70),
        runtime.query(select_rows._DISAGREEMENTS),
        runtime.query(deduplicate_pairs._COUNTS),
        sorted(map(str, runtime.query(ingest._COUNTS))),
    ],
}
PAID: dict[str, Callable[[Runtime], object]] = {
    "ledger": read_call_ledger,
    "measurements": read_measurements,
    "unrecorded": lambda runtime: unrecorded(runtime, "distill"),
    "batches": batches_of,
    "lines": batch_lines,
}


def by_spark(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Runtime], object]) -> object:
    def cannot(*_: object) -> None:
        raise CannotReadError("deletionVectors")

    with monkeypatch.context() as patched:
        patched.setattr(DeltaTables, "query", cannot)
        return ask(runtime)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_finished_run_says_the_same_to_delta_rs_and_to_spark(demo, monkeypatch, name):
    ask = QUESTIONS[name]
    answer = ask(demo.runtime)
    assert answer and answer == by_spark(demo.runtime, monkeypatch, ask)


@pytest.fixture(scope="module")
def paid(spark, tmp_path_factory):
    return paid_workspace(tmp_path_factory.mktemp("paid"))


@pytest.mark.parametrize("name", PAID)
def test_a_ledger_says_the_same_to_delta_rs_and_to_spark(paid, monkeypatch, name):
    assert PAID[name](paid) == by_spark(paid, monkeypatch, PAID[name])


LOOKS = (
    ["status"],
    ["show", "--reason", "low_score"],
    ["explain", "--line", "1"],
    ["review", "--output", "sheet.csv"],
    ["plan"],
    ["report"],
    ["package", "--force"],
    ["run"],
)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look[0])
def test_looking_and_a_run_with_nothing_to_do_start_no_java(demo, tmp_path, look):
    command = [sys.executable, "-m", "jobs.cli", *look, "--config", "demo", "--set", f"workspace={demo.workspace}"]
    # No java is to be found, so whatever asks for Spark fails.
    nowhere = {"PATH": str(tmp_path), "JAVA_HOME": "/nonexistent", "HOME": str(tmp_path)}
    done = subprocess.run(
        command, env={**nowhere, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_question_names_its_tables_and_a_missing_one_says_what_to_run(tmp_path):
    assert tables_of("select 1 from {screen} join {pairs} on x in (:ids)") == [PAIRS, SCREEN]
    runtime = open_quietly("demo", f"workspace={tmp_path}")
    with pytest.raises(MissingTableError, match=r"there is no table screen in .*; run `phase0 run`"):
        runtime.query("select * from {screen}")
    assert runtime.query("select * from {reviews}", (REVIEWS,)) == []


def test_values_are_values_whatever_they_say(spark, monkeypatch, tmp_path):
    runtime = open_quietly("demo", f"workspace={tmp_path}")
    names = ["it's", "{pairs}", ":name", "a\\", "x' or 'x' = 'x", "\u2028é🙂", "", "${spark.app.name}", "\\u0041"]
    store(runtime.storage, {SCREEN: [{"id": name} for name in names]})

    def found(runtime: Runtime) -> list[list[str]]:
        asked = (*([name] for name in names), names, [])
        rows = (runtime.query("select id from {screen} where id in (:names) order by id", names=one) for one in asked)
        return [[row["id"] for row in of] for of in rows]

    assert found(runtime) == [*([name] for name in names), sorted(names), []]
    assert by_spark(runtime, monkeypatch, found) == found(runtime)


@given(st.text())
def test_a_text_in_quotes_ends_where_it_ends(text):
    inside = quoted(text).format()[1:-1]
    assert inside.replace("''", "'") == text and "'" not in inside.replace("''", "")


def test_parts_are_put_in_before_tables():
    assert with_parts("select {a} from {screen}", a="id") == "select id from {screen}"


def test_a_table_of_another_version_is_refused_with_all_faults(tmp_path):
    runtime = open_quietly("demo", f"workspace={tmp_path}")
    store(runtime.storage, {PAIRS: [{}]})
    (tmp_path / "tables" / "pairs").rename(tmp_path / "tables" / "screen")
    with pytest.raises(SchemaMismatchError, match=r"screen: missing id \(string\); missing target \(string\)"):
        runtime.query("select * from {screen}")


def test_columns_that_came_later_are_null_in_a_table_of_before(tmp_path):
    before = Table(
        RESPONSES.name, RESPONSES.key, StructType([one for one in RESPONSES.schema if one.name != "reasoning"])
    )
    DeltaTables(str(tmp_path)).write_rows(before, [{"request_id": "r1", "text": "yes"}], "append")

    found = DeltaTables(str(tmp_path)).query("select r.request_id, r.text, r.reasoning from {responses} r", {})

    assert found.to_pylist() == [{"request_id": "r1", "text": "yes", "reasoning": None}]


def test_what_delta_rs_cannot_read_is_left_to_spark_and_its_words_are_not_repeated(tmp_path):
    runtime = open_quietly("demo", f"workspace={tmp_path}")
    store(runtime.storage, {SCREEN: [{}]})
    log = tmp_path / "tables" / "screen" / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "protocol" in line:
            line["protocol"] = {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": ["deletionVectors"],
                "writerFeatures": ["deletionVectors"],
            }
    log.write_text("\n".join(map(json.dumps, lines)) + "\n")
    with pytest.raises(CannotReadError, match="deletionVectors"):
        DeltaTables(str(tmp_path / "tables")).query("select * from {screen}", {})
    with pytest.raises(CannotReadError) as refused:
        DeltaTables("s3://AKIAKEY:secret@nowhere").query("select * from {screen}", {})
    assert "AKIAKEY" not in str(refused.value) and refused.value.__suppress_context__
