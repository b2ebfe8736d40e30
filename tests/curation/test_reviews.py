"""What reviewers say: which rows they are shown, which verdict counts, what a sheet may hold, what becomes of it."""

import csv
import io
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import count

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from jobs import select_rows
from jobs.cli.app import app
from jobs.config.load import load_settings
from jobs.curation.review_sheet import (
    COLUMNS,
    MAX_CELL_CHARS,
    neutralise,
    read_sheet,
    require_new,
    restore,
    sheet_verdicts,
    write_sheet,
)
from jobs.curation.reviews import (
    LATEST_VERDICTS,
    ReviewVerdict,
    record_verdicts,
    rejected_pairs,
    rejections_state,
    sample_pairs,
)
from jobs.workspace.runtime import open_runtime
from schemas.errors import ConfigError
from schemas.tables import DATASET, PAIRS, REVIEWS, SCORES
from tests.support.factories import rows_of, store

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc)
LATER = NOON + timedelta(microseconds=1)


def verdict(pair_id: str, said: str = "drop", note: str = "", where: str = "row 2") -> ReviewVerdict:
    return ReviewVerdict(pair_id, said, note, where)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """A workspace with four pairs, three of them selected."""
    workspace = tmp_path_factory.mktemp("reviews")
    made = open_runtime(load_settings("demo", [f"workspace={workspace}"]), Console(quiet=True))
    pairs = [{"pair_id": name, "example_id": f"e-{name}"} for name in "abcd"]
    store(made.storage, {PAIRS: pairs, DATASET: pairs[:3]})
    return made


@pytest.fixture
def workspace_of(tmp_path):
    """Makes workspaces of these tables, each a new one."""
    folders = map(str, count())

    def made(tables):
        runtime = open_runtime(load_settings("demo", [f"workspace={tmp_path / next(folders)}"]), Console(quiet=True))
        store(runtime.storage, tables)
        return runtime

    return made


def test_the_latest_verdict_counts_and_at_the_same_instant_the_drop(workspace_of):
    reviews = [
        {"pair_id": "taken_back", "verdict": "drop"},
        {"pair_id": "taken_back", "verdict": "keep", "reviewed_at": LATER},
        {"pair_id": "dropped_at_last", "verdict": "keep"},
        {"pair_id": "dropped_at_last", "verdict": "drop", "reviewer": "ben", "reviewed_at": LATER},
        {"pair_id": "same_instant", "verdict": "keep"},
        {"pair_id": "same_instant", "verdict": "drop", "reviewer": "ben"},
        {"pair_id": "kept", "verdict": "keep"},
    ]
    reviewed = workspace_of({REVIEWS: reviews})

    latest = {row["pair_id"]: row["verdict"] for row in reviewed.query(LATEST_VERDICTS)}

    assert latest == {"taken_back": "keep", "dropped_at_last": "drop", "same_instant": "drop", "kept": "keep"}
    assert rejected_pairs(reviewed) == ["dropped_at_last", "same_instant"]


def test_the_state_changes_with_the_rejected_pairs_and_with_nothing_else(workspace_of):
    def state(*rows):
        return rejections_state(rejected_pairs(workspace_of({REVIEWS: rows})))

    dropped = {"pair_id": "p"}

    assert state() == state({"pair_id": "p", "verdict": "keep"}) and state().startswith("0 rejected")
    assert state(dropped) == state(dropped, {"pair_id": "q", "verdict": "keep"}, {**dropped, "reviewed_at": LATER})
    assert len({state(), state(dropped), state({"pair_id": "q"}), state(dropped, {"pair_id": "q"})}) == 4


def test_a_sample_takes_turns_over_strata_and_prefers_what_nobody_has_read(workspace_of):
    # Two strata by category, one more by score band, one by source; the large one has six rows.
    rows = [{"pair_id": f"general-{n}"} for n in range(6)]
    rows += [{"pair_id": f"code-{n}", "category": "code"} for n in range(2)]
    rows += [{"pair_id": "top-0", "quality_tenths": 100}, {"pair_id": "top-1", "quality_tenths": 90}]
    rows += [{"pair_id": "other_writer-0", "source": "wizardlm"}]

    def drawn(count, *read):
        reviews = [{"pair_id": name, "verdict": "keep"} for name in read]
        return [row["pair_id"] for row in sample_pairs(workspace_of({DATASET: rows, REVIEWS: reviews}), count)]

    first = drawn(4)
    assert first == ["code-0", "general-0", "other_writer-0", "top-0"], "one of each stratum"
    assert drawn(4) == first, "the same tables give the same rows"
    assert drawn(4, *first) == ["code-1", "general-1", "top-1", "general-2"]
    assert drawn(3, "general-0", "general-1") == ["code-0", "other_writer-0", "top-0"], "the least read strata first"
    assert sorted(drawn(100, *first)) == sorted(row["pair_id"] for row in rows), "never more rows than there are"
    assert drawn(100, *first)[-4:] == first, "what was read comes last"


def test_a_sample_puts_full_marks_into_the_highest_band(workspace_of):
    rows = [{"pair_id": f"{q}", "quality_tenths": q} for q in (71, 79, 80, 99, 100)]
    bands = {row["pair_id"]: row["score_band"] for row in sample_pairs(workspace_of({DATASET: rows}), 9)}
    assert bands == {"71": 7, "79": 7, "80": 8, "99": 9, "100": 9}


def test_every_fault_of_a_sheet_is_named_and_nothing_is_recorded(runtime):
    sheet = [
        verdict("a", "keep", where="row 2"),
        verdict("b", "delete", where="row 3"),
        verdict("nobody", where="row 4"),
        verdict("a", where="row 5"),
        verdict("c", "", "why not?", where="row 6"),
    ]
    before = runtime.storage.version(REVIEWS)

    with pytest.raises(ConfigError) as refused:
        record_verdicts(runtime, sheet, " ")

    assert str(refused.value).splitlines() == [
        "nothing was recorded, 5 faults:",
        "  reviewer: a name of 1 to 64 characters is needed (given: ' ')",
        "  row 3: 'delete' is no verdict; write keep or drop, or leave both empty",
        "  row 4: there is no pair 'nobody' in this workspace",
        "  row 5: the pair 'a' has a verdict in row 2 already",
        "  row 6: a note but no verdict; write keep or drop, or leave both empty",
    ]
    assert refused.value.exit_code == 2 and runtime.storage.version(REVIEWS) == before


def test_a_rejected_row_is_out_until_the_verdict_is_taken_back(spark, runtime):
    scores = rows_of(spark, SCORES, [{"pair_id": n, "quality_tenths": 60 if n == "d" else 80} for n in "abcd"])

    def reasons():
        rejected = spark.createDataFrame([(one,) for one in rejected_pairs(runtime)], "pair_id string")
        rows = select_rows.qualify_pairs(runtime.read(PAIRS), scores, rejected, runtime.settings.select).collect()
        return {row["pair_id"]: row["reason"] for row in rows}

    unread = {"a": None, "b": None, "c": None, "d": "low_score"}
    assert reasons() == unread
    before = select_rows.inputs(runtime)

    counts = record_verdicts(runtime, [verdict("a", note="wrong"), verdict("b", "keep"), verdict("d", "keep")], " ana ")

    assert counts == Counter(drop=1, keep=2)
    assert select_rows.inputs(runtime) != before, "so that select is run again"
    assert reasons() == {**unread, "a": "rejected_by_reviewer"}, "and a keep does not lift d over the threshold"
    stored = [(r["pair_id"], r["example_id"], r["reviewer"], r["note"]) for r in runtime.read(REVIEWS).collect()]
    assert sorted(stored) == [("a", "e-a", "ana", "wrong"), ("b", "e-b", "ana", None), ("d", "e-d", "ana", None)]

    record_verdicts(runtime, [verdict("a", "keep")], "ben")

    assert select_rows.inputs(runtime) == before and reasons() == unread
    assert runtime.read(REVIEWS).count() == 4, "rows are only added"


def test_the_row_of_a_quota_goes_to_the_next_best_when_its_holder_is_rejected(spark):
    # Quotas are filled after the rejections, so the size of the data set holds.
    scores = rows_of(spark, SCORES, [{"pair_id": name, "quality_tenths": q} for name, q in (("a", 90), ("b", 80))])
    pairs = rows_of(spark, PAIRS, [{"pair_id": name, "example_id": name} for name in "ab"])
    rejected = spark.createDataFrame([("a",)], "pair_id string")

    qualified = select_rows.qualify_pairs(pairs, scores, rejected, load_settings("demo").select)
    groups = spark.createDataFrame(
        [(row.pair_id, "s", row.pair_id) for row in pairs.collect()], "pair_id string, source string, alike string"
    )
    filled = select_rows.fill_quotas(qualified, {"general": 1}, groups, load_settings("demo").select)
    reasons = {r["pair_id"]: r["reason"] for r in filled.collect()}

    assert reasons == {"a": "rejected_by_reviewer", "b": None}


# Texts of strangers, and what a spreadsheet must not take for a formula.
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-x", "＝1", '=HYPERLINK("x")']
HARMLESS = ["plain", "", "'quoted'", "1-1", " =1", "line\nbreak", 'say "hi", please', "שלום", "a\rb"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe_and_loses_it_again(text):
    assert neutralise(text) == f"'{text}" and restore(neutralise(text)) == text


@given(st.one_of(st.sampled_from(FORMULAS + HARMLESS), st.text(alphabet="'=+-@\t\rab", max_size=6), st.text()))
def test_any_cell_survives_and_none_is_a_formula(text):
    assert restore(neutralise(text)) == text
    assert not neutralise(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_sheet_comes_back_as_it_was_written(tmp_path):
    rows = [
        {**dict.fromkeys(COLUMNS, text), "pair_id": f"p{number}", "verdict": " Drop ", "note": text}
        for number, text in enumerate([*FORMULAS, *HARMLESS])
    ]
    path = tmp_path / "review.csv"
    write_sheet(rows, path)

    found = read_sheet(path)

    assert [one.pair_id for one in found] == [row["pair_id"] for row in rows]
    assert {one.verdict for one in found} == {"drop"}
    assert [one.note for one in found] == [row["note"].strip() for row in rows]
    assert [one.where for one in found][:2] == ["row 2", "row 3"]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "by which spreadsheets know UTF-8"
    cells = [cell for row in csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")) for cell in row]
    assert len(cells) == len(COLUMNS) * (len(rows) + 1)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_long_text_is_cut_where_a_spreadsheet_would_spill_it(tmp_path):
    write_sheet([{**dict.fromkeys(COLUMNS, "x"), "response": "y" * 40_000}], tmp_path / "r.csv")
    (_, row) = csv.reader(io.StringIO((tmp_path / "r.csv").read_text("utf-8-sig"), newline=""))
    assert row[5] == "y" * MAX_CELL_CHARS + " … (40,000 characters)"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_sheet_is_read_whatever_delimiter_it_was_saved_with(tmp_path, delimiter):
    lines = [["pair_id", "note", "verdict"], ["p", "too, short; really", "drop"], ["q", "", ""], ["r", "", "KEEP"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(lines)
    (tmp_path / "r.csv").write_text(text.getvalue(), "utf-8")

    assert read_sheet(tmp_path / "r.csv") == [
        ReviewVerdict("p", "drop", "too, short; really", "row 2"),
        ReviewVerdict("r", "keep", "", "row 4"),
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "no such file; `phase0 review --output .*r.csv` writes one"),
        (b"pair_id,verdict,note\np,drop,gr\xfcn", "not UTF-8; save it from the spreadsheet as `CSV UTF-8`"),
        (b"pair_id,verdicts\np,drop", "no column verdict, note; its first line should be pair_id,source"),
        (b"", "no column pair_id, verdict, note"),
        (b"pair_id,verdict,note\np,drop," + b"x" * 120_000, "row 2: a cell of more than 100,000 characters"),
    ],
    ids=["missing", "latin-1", "other columns", "empty", "huge"],
)
def test_a_sheet_that_cannot_be_read_says_what_is_wrong(tmp_path, content, fault):
    path = tmp_path / "r.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=fault):
        read_sheet(path)


def test_empty_cells_of_a_pandas_sheet_are_no_verdicts():
    sheet = pd.DataFrame({"pair_id": ["a", "b"], "verdict": [None, "keep"], "note": [float("nan"), None]})
    found = sheet_verdicts(sheet.to_dict("records"), ["row 1", "row 2"])
    assert found == [ReviewVerdict("b", "keep", "", "row 2")]


def test_a_sheet_that_may_be_filled_in_is_not_replaced(tmp_path):
    (tmp_path / "review.csv").write_text("precious")
    with pytest.raises(ConfigError, match="is there already; --force replaces it"):
        require_new(tmp_path / "review.csv", force=False)
    require_new(tmp_path / "review.csv", force=True)


def test_the_command_writes_a_sheet_and_records_it(runtime, tmp_path):
    path, common = tmp_path / "review.csv", ["--config", "demo", "--set", f"workspace={runtime.settings.workspace}"]

    drawn = CliRunner().invoke(app, ["review", "--sample", "2", "--output", str(path), *common])
    sheet = pd.read_csv(path, keep_default_na=False)
    sheet.loc[0, ["verdict", "note"]] = "drop", "=wrong"
    sheet.to_csv(path, index=False, sep=";")
    recorded = CliRunner().invoke(app, ["review", "--import", str(path), "--reviewer", "cleo", *common])
    said = " ".join((drawn.output + recorded.output).split())

    assert (drawn.exit_code, recorded.exit_code) == (0, 0)
    assert list(sheet.columns) == list(COLUMNS) and len(sheet) == 2
    assert f"{path}: 2 rows. Write keep or drop into the column verdict" in said
    assert "recorded: 1 to drop, 0 to keep" in said
    assert f"phase0 run --config demo --set workspace={runtime.settings.workspace} --from select" in said
    row = runtime.read(REVIEWS).where("reviewer = 'cleo'").first()
    assert (row["pair_id"], row["note"]) == (sheet["pair_id"][0], "=wrong")


def test_the_command_refuses_what_makes_no_sense(tmp_path):
    both = CliRunner().invoke(app, ["review", "--output", "x.csv", "--import", "y.csv"])
    (tmp_path / "empty.csv").write_text("pair_id,verdict,note\np,,\n")
    nothing = CliRunner().invoke(app, ["review", "--import", str(tmp_path / "empty.csv")])

    assert "give one of them" in str(both.exception)
    assert "no row has a verdict; write keep or drop" in str(nothing.exception)
