"""What each suite catches, under which name, and what a reviewer is shown of it."""

import re
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from pyspark.sql import SparkSession

from jobs.validation.data_docs import build_data_docs
from jobs.validation.run_suite import MAX_IDS, SuiteResult, open_context, validate_table
from jobs.validation.stored_checks import stored_checks
from jobs.validation.suites import ExpectationSpec, SuiteSpec, load_suite, tables_with_suites
from jobs.workspace.machine_errors import explained
from schemas.errors import ConfigError, SchemaMismatchError
from schemas.tables import SCORES, SCREEN
from tests.support.clean_tables import CLEAN, EMPTY, HOSTILE_ID, RELATED, Case, frame, hexed
from tests.support.faulty_tables import FAULTY
from tests.support.small_disk import fill, mounted

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc)
LATER = datetime(2026, 1, 3, 12, 0, tzinfo=timezone.utc)


def run(spark: SparkSession, context: Any, case: Case, run_id: str, run_time: datetime = NOON) -> SuiteResult:
    related = {table.name: frame(spark, table, RELATED[table]) for table in case.related}
    rows = frame(spark, case.table, case.rows)
    return validate_table(context, case.table, rows, run_id, run_time, case.parameters, related)


@pytest.fixture(scope="module")
def no_network() -> Iterator[None]:
    """Any connection that leaves the machine fails the test that makes it."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "localhost", "::1"):
            raise AssertionError(f"connection to {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_only)
        yield


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module", autouse=True)
def plain_plans(spark: SparkSession) -> Iterator[None]:
    """Frames of ten rows gain nothing from adaptive stages, and each stage costs a job."""
    settings = {"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "1"}
    before = {name: spark.conf.get(name) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, str(value))


@pytest.fixture(scope="module")
def clean(spark: SparkSession, workspace: Path, no_network: None) -> dict[str, SuiteResult]:
    context = open_context(workspace)
    return {case.table.name: run(spark, context, case, "clean", LATER) for case in CLEAN}


@pytest.fixture(scope="module")
def faulty(spark: SparkSession, workspace: Path, no_network: None) -> dict[str, SuiteResult]:
    context = open_context(workspace)
    return {case.table.name: run(spark, context, case, "faulty") for case in FAULTY}


@pytest.fixture(scope="module")
def docs(workspace: Path, clean: dict[str, SuiteResult], faulty: dict[str, SuiteResult]) -> Path:
    return build_data_docs(open_context(workspace))


@pytest.mark.parametrize("table", [case.table.name for case in CLEAN])
def test_a_clean_table_passes_everything_that_is_expected_of_it(clean: dict[str, SuiteResult], table: str) -> None:
    result = clean[table]

    assert [check.name for check in result.checks if not check.passed] == []
    assert result.passed
    assert result.skipped == ()
    assert [check.name for check in result.checks] == [spec.name for spec in load_suite(table).expectations]


@pytest.mark.parametrize("case", FAULTY, ids=lambda case: case.table.name)
def test_each_fault_is_reported_by_name_with_the_ids_of_its_rows(faulty: dict[str, SuiteResult], case: Case) -> None:
    result = faulty[case.table.name]

    assert {check.name: check.offending_ids for check in result.checks if not check.passed} == case.expected
    assert not result.passed


@pytest.mark.parametrize("case", EMPTY, ids=lambda case: case.table.name)
def test_an_empty_table_fails_for_being_empty_and_for_nothing_else(
    spark: SparkSession, tmp_path: Path, case: Case
) -> None:
    result = run(spark, open_context(tmp_path), case, "empty")

    assert {check.name: check.offending_ids for check in result.checks if not check.passed} == case.expected


@pytest.mark.parametrize("table", tables_with_suites())
def test_every_expectation_of_every_suite_was_seen_to_fail(table: str) -> None:
    seen = {name for case in (*FAULTY, *EMPTY) if case.table.name == table for name in case.expected}

    assert seen == {spec.name for spec in load_suite(table).expectations}


def test_counts_and_observed_values_are_those_of_the_table(faulty: dict[str, SuiteResult]) -> None:
    checks = {check.name: check for result in faulty.values() for check in result.checks if result.table == "dataset"}

    blank, mean, rows = (
        checks[n] for n in ("instruction_is_not_blank", "mean_quality_reaches_target", "row_count_reconciles")
    )
    assert (blank.unexpected_count, blank.element_count, blank.observed) == (1, 11, "1 of 11 rows fail")
    assert (mean.unexpected_count, mean.element_count, mean.observed) == (None, None, "79.0909")
    assert (rows.observed, rows.description) == ("11", "The dataset has 12 rows, one for each selected pair.")


def test_a_warning_alone_does_not_fail_the_suite(
    spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = [{"pair_id": f"p{number:02}", "reason": None} for number in range(MAX_IDS + 5)]
    case = Case(SCORES, missing, {"scorers": ("heuristic",), "expected_rows": None})
    context = open_context(tmp_path)

    first = run(spark, context, case, "run-1")
    again = run(
        spark, open_context(tmp_path), Case(SCORES, [], case.parameters | {"scorers": ["judge"]}), "run-2", LATER
    )

    assert first.passed
    assert again.passed
    (warning,) = [check for check in first.checks if not check.passed]
    assert (warning.name, warning.critical, warning.unexpected_count) == ("reason_is_given", False, 25)
    assert warning.offending_ids == tuple(f"p{number:02}" for number in range(MAX_IDS))
    assert {skipped.name: skipped.why for skipped in first.skipped} == {
        "row_count_reconciles": "expected_rows is not set",
        "pair_is_known": "table pairs was not given",
    }
    stored = [path.read_text("utf-8") for path in (tmp_path / "gx" / "expectations").glob("*.json")]
    assert len(stored) == 1
    assert '"judge"' in stored[0]
    assert '"heuristic"' not in stored[0]
    index = build_data_docs(context).read_text("utf-8")
    assert index.index("run-2") < index.index("run-1")
    assert "2 not asked" in index
    assert "25 rows in all" in page(tmp_path, "run-1")
    assert "(table pairs was not given)" in page(tmp_path, "run-1")
    assert capfd.readouterr() == ("", "")


def page(workspace: Path, run_id: str) -> str:
    (found,) = (workspace / "data_docs" / "validations").glob(f"*/{run_id}/*/*.html")
    return found.read_text("utf-8")


def test_the_index_shows_the_newest_run_first_and_what_to_look_at(
    docs: Path, workspace: Path, faulty: dict[str, SuiteResult]
) -> None:
    index = docs.read_text("utf-8")
    checks = [check for result in faulty.values() for check in result.checks]
    passed, failed = (
        sum(check.passed for check in checks),
        sum(not check.passed and check.critical for check in checks),
    )
    looks = len(checks) - passed - failed

    assert docs == workspace / "data_docs" / "index.html"
    by_stage, by_run = index.split("<h2>By run</h2>")
    assert by_run.index(">clean</bdi>") < by_run.index(">faulty</bdi>")
    assert f"{len(checks)} of {len(checks)} checks passed" in by_stage
    assert min(passed, failed, looks) > 0
    wanted = f"{len(FAULTY)} tables: {passed} of {len(checks)} checks passed, {failed} failed, {looks} to look at"
    assert wanted in by_run
    for case in FAULTY:
        suite = load_suite(case.table.name)
        # In its stage's row of the last results, with a mark for the earlier run; and once in each run.
        assert f"<tr><td>{suite.stage}</td>" in by_stage and suite.title.partition(" - ")[2] in by_stage
        assert (by_stage.count(f">{case.table.name}</a>"), by_run.count(f">{case.table.name}</a>")) == (1, 2)
    assert by_stage.count('aria-label="faulty: Failed"') == len(FAULTY)
    assert 'Every instruction has visible text. Found: <bdi class="name">1 of 11 rows fail</bdi>' in by_run
    assert "2026-01-02 12:00" in by_run
    assert "What to look at" not in index, "the last results have no faults"


def test_the_faults_of_the_last_run_come_first_on_the_index(tmp_path: Path, spark: SparkSession) -> None:
    context = open_context(tmp_path)
    run(spark, context, Case(SCORES, [], {"scorers": ["heuristic"], "expected_rows": 1}), "only")

    index = build_data_docs(context).read_text("utf-8")

    look, _ = index.split("<h2>By stage</h2>")
    assert re.search(r'<article class="bad">\s*<h3>.*Failed', look)
    assert '<a href="validations/07' in look
    assert "report.html" not in index
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "report.html").touch()
    build_data_docs(context)
    pages = list((tmp_path / "data_docs").rglob("*.html"))
    assert len(pages) == 2
    for path in pages:
        (link,) = re.findall(r'href="([^"]*report.html)"', path.read_text("utf-8"))
        assert (path.parent / link).resolve() == (tmp_path / "output" / "report.html").resolve()


def test_a_disk_that_fills_up_leaves_every_page_and_result_as_it_was(tmp_path: Path, spark: SparkSession) -> None:
    with mounted(tmp_path / "disk", "size=4m") as disk:
        context = open_context(disk / "w")
        run(spark, context, CLEAN[0], "first")
        build_data_docs(context)
        before = {path: path.read_bytes() for path in (disk / "w").rglob("*.*") if path.is_file()}
        fill(disk)
        with pytest.raises(OSError, match=r"data_docs/.*\.html"):
            build_data_docs(context)
        with pytest.raises(Exception) as fault:  # of whichever library
            run(spark, context, CLEAN[0], "no-room")
        after = {path: path.read_bytes() for path in (disk / "w").rglob("*.*") if path.is_file()}

    assert any(path.suffix == ".html" for path in before) and any("uncommitted" in path.parts for path in before)
    assert after == before
    assert str(explained(fault.value, str(disk / "w"))).startswith(f"the disk is full: {disk}/w")
    assert not any("static" in path.parts for path in before), "pages need no files of others"


def test_half_a_result_that_an_earlier_version_left_is_taken_away(tmp_path: Path, spark: SparkSession) -> None:
    context = open_context(tmp_path)
    for run_id in ("first", "second", "third"):
        run(spark, context, CLEAN[0], run_id)
    results = sorted((tmp_path / "gx" / "uncommitted").rglob("*.json"))
    results[0].write_bytes(results[0].read_bytes()[:1_000])
    results[1].write_bytes(b"")

    context = open_context(tmp_path)

    assert len(results) == 3 and len(stored_checks(context)) == 1
    assert build_data_docs(context).is_file()


def test_every_link_of_the_index_leads_to_a_page_that_names_the_rows(docs: Path) -> None:
    links = [unquote(link) for link in re.findall(r'href="(validations/[^"]+)"', docs.read_text("utf-8"))]
    pages = {link: (docs.parent / link).read_text("utf-8") for link in links}

    assert len(pages) == len(CLEAN) + len(FAULTY)
    examples = next(text for link, text in pages.items() if "02-examples" in link and "faulty" in link)
    ids = [re.findall(r"<bdi>(.*?)</bdi>", shown) for shown in re.findall(r'<ul class="ids">(.*?)</ul>', examples)]
    assert [hexed("3"), hexed("4")] in ids
    assert f"phase0 explain {hexed('3')}</code>" in examples
    assert "Teachers and quotas are chosen by category" in examples


def test_no_text_of_the_data_set_is_stored_or_shown(docs: Path, workspace: Path) -> None:
    files = [path for path in workspace.rglob("*") if path.is_file()]
    texts = {path: path.read_bytes() for path in files}

    assert len([path for path in files if path.suffix == ".html"]) > len(CLEAN)
    for fragment in (b"zq-canary-7", b"alert('canary')", b"&#39;canary"):
        assert [str(path) for path, text in texts.items() if fragment in text] == []


def test_pages_run_no_script_and_ask_nothing_of_the_network(docs: Path) -> None:
    pages = [path.read_text("utf-8") for path in docs.parent.rglob("*.html")]

    assert any(escape(HOSTILE_ID).replace("&#x27;", "&#39;") in text for text in pages)
    for text in pages:
        assert "<script" not in text
        assert "http:" not in text
        assert "https:" not in text
        assert "default-src 'none'" in unescape(text)


def test_nothing_is_reported_home(workspace: Path, clean: dict[str, SuiteResult]) -> None:
    config = yaml.safe_load((workspace / "gx" / "great_expectations.yml").read_text("utf-8"))

    assert config["analytics_enabled"] is False
    assert config["fluent_datasources"]["tables"]["persist"] is False


def test_a_table_with_another_schema_is_refused_by_column(spark: SparkSession, tmp_path: Path) -> None:
    rows = frame(spark, SCORES, [{}]).drop("scorer").withColumnRenamed("reason", "because")

    with pytest.raises(SchemaMismatchError, match=r"scores: missing scorer \(string\); missing reason"):
        validate_table(open_context(tmp_path), SCORES, rows, "run", NOON, {"scorers": [], "expected_rows": 1})


@pytest.mark.parametrize(
    ("kwargs", "kind", "fault"),
    [
        ({"value": "many"}, "expect_table_row_count_to_equal", "one: .*value"),
        ({"column": "no_such"}, "expect_column_values_to_not_be_null", "could not be run: .*no_such"),
        ({"column": "id"}, "expect_column_values_to_be_perfect", "one: .*perfect"),
    ],
)
def test_an_expectation_that_cannot_be_run_is_a_fault_of_the_configuration(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kwargs: dict[str, Any], kind: str, fault: str
) -> None:
    expectation = ExpectationSpec(
        name="one", expectation=kind, kwargs=kwargs, critical=True, description="One.", reason="Because."
    )
    broken = SuiteSpec(title="03 broken", stage="screen", expectations=(expectation,))
    monkeypatch.setattr("jobs.validation.run_suite.load_suite", lambda table: broken)

    with pytest.raises(ConfigError, match=f"(?s)conf/expectations/screen.yaml.*{fault}"):
        run(spark, open_context(tmp_path), Case(SCREEN, [{}]), "run")
