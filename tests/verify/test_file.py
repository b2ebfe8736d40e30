"""What verification promises: a verdict with its reason for each check, whatever the file holds."""

import gzip
import hashlib
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.verify.checks import Quality
from jobs.verify.file import main_verify, verify_file
from jobs.verify.lines import MAX_LINE_BYTES, MalformedLineError, parse_line
from jobs.verify.report import report_json, report_text
from schemas.errors import ConfigError
from udfs.shingles import tokenise

SOURCES = ("gpt-4o", "llama", "qwen")


def row(number, **changed):
    """A good row unlike every other; fields set to None are left out."""
    words = " ".join(f"w{number}x{place}" for place in range(12))
    record = {
        "instruction": f"Explain {words}.",
        "response": f"It is {words[::-1]}.",
        "source": SOURCES[number % 3],
        "quality_score": 8.5,
        "category": "general",
    }
    return {name: value for name, value in {**record, **changed}.items() if value is not None}


def write(folder, rows, manifest=None, name="dataset.jsonl"):
    """Write rows (records, or lines as bytes) and a manifest; its `files` is filled in unless it is given."""
    path = folder / name
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    if manifest is not None:
        facts = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "rows": len(lines)}
        (folder / "manifest.json").write_text(json.dumps({"files": {name: facts}, **manifest}))
    return path


def verdicts(verification):
    return {check.name: check.verdict.value for check in verification.checks}


def measured(verification, name):
    return next(check.measured for check in verification.checks if check.name == name)


ITEM = "A farmer has twelve hens; each lays five eggs a week. How many eggs does she sell if her family eats nine?"


@pytest.fixture
def benchmark(tmp_path):
    path = tmp_path / "hens.jsonl"
    items = [{"id": "h1", "question": ITEM, "answer": "51"}, {"id": "h2", "question": "Who laid this egg?"}]
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def test_rows_that_hold_an_item_of_a_benchmark_are_named_with_both_sides(tmp_path, benchmark, capsys):
    forms = [row(n, instruction=f"Say in {n} words: who laid this egg?", source="a") for n in range(3, 7)]
    rows = [row(0), row(1, instruction=f"Solve:\n{ITEM.upper()}"), row(2, response=f"It says: {ITEM}"), *forms]
    path = write(tmp_path, rows)

    found = verify_file(path, {"min_rows": 1}, benchmarks=[benchmark])
    main_verify(path, {}, benchmarks=[benchmark])

    assert verdicts(found)["Benchmarks"] == "FAIL"
    assert measured(found, "Benchmarks") == "2 rows hold an item (hens.jsonl 2); 4 more with forms of words only"
    assert [(one.line, one.item, one.side) for one in found.contamination.first] == [
        (2, "h1", "prompt"),
        (3, "h1", "response"),
    ]
    said = capsys.readouterr().out
    assert f"line 2: the prompt holds 22 of 22 tokens of hens.jsonl item h1, question\n    benchmark: {ITEM}" in said


def test_without_an_item_the_check_passes_and_without_a_benchmark_there_is_none(tmp_path, benchmark):
    path = write(tmp_path, [row(n) for n in range(3)])

    assert verdicts(verify_file(path, benchmarks=[benchmark]))["Benchmarks"] == "PASS"
    assert "Benchmarks" not in verdicts(verify_file(path))


def test_a_benchmark_that_cannot_be_read_is_named(tmp_path, benchmark, capsys):
    path, empty = write(tmp_path, [row(0)]), tmp_path / "empty.jsonl"
    empty.write_text("")

    assert main_verify(path, {}, benchmarks=[tmp_path / "absent.jsonl"]) == 2
    assert main_verify(path, {}, benchmarks=[empty]) == 2
    assert main_verify(path, {}, benchmarks=[benchmark, benchmark]) == 2
    said = capsys.readouterr().err
    assert "absent.jsonl: cannot be read" in said and "no record of it can be read" in said and "two files" in said


JUDGED = {
    "scorer": {"kind": "judge", "name": "judge-1"},
    "teachers": ["public", *SOURCES],
    "teacher_kinds": {"public": "public"},
    "targets": {"min_rows": 5, "min_mean_quality": 8.0, "min_teachers": 3},
}
HEURISTIC = {
    "scorer": {"kind": "heuristic", "name": "heuristic"},
    "teachers": ["public"],
    "teacher_kinds": {"public": "public"},
    "targets": {"min_rows": 5, "min_mean_quality": 8.0, "min_teachers": 3},
}


def test_a_judged_file_that_meets_every_target_passes(tmp_path):
    verification = verify_file(write(tmp_path, map(row, range(6)), JUDGED))

    assert verdicts(verification) == dict.fromkeys(
        ["Manifest", "Rows", "Valid format", "Every score", "Mean quality", "Duplicates", "Teachers"], "PASS"
    )
    assert measured(verification, "Teachers") == "3 (gpt-4o, llama, qwen)"
    assert (verification.quality, verification.status, verification.readiness) == (Quality.JUDGED, "PASSED", "YES")


def test_beside_a_judges_mean_stands_how_it_compares_with_people(tmp_path):
    line = "x.json: prefers what people prefer in 61.0 % of 100"
    known = {**JUDGED, "scorer": {**JUDGED["scorer"], "calibrations": [f"{line}\x1b[31m"]}}

    told = verify_file(write(tmp_path, map(row, range(6)), known))

    assert line in report_text(told) and "\x1b" not in report_text(told)
    assert json.loads(report_json(told))["calibrations"] == [f"{line}\x1b[31m"]


def test_the_findings_of_rules_stand_with_their_shares(tmp_path):
    findings = [
        {"finding": "No fault was found.", "rows": 3, "checked": 9},
        {"finding": "Clarity: \x1b[31m", "rows": 1},
    ]
    findings.append({"finding": "Completeness: the answer stops.", "rows": 0})
    known = {**HEURISTIC, "scorer": {**HEURISTIC["scorer"], "findings": findings}}

    told = verify_file(write(tmp_path, map(row, range(6)), known))

    text = report_text(told)
    assert "    No fault was found. 3 (75.00 %)" in text and "(25.00 %)" in text
    assert "\x1b" not in text and "the answer stops" not in text, "of no row"
    assert json.loads(report_json(told))["findings"]["No fault was found."] == 3
    assert "gravest finding" not in report_text(verify_file(write(tmp_path, map(row, range(6)), HEURISTIC)))


@pytest.mark.parametrize("faulty", [{"finding": "x", "rows": -1}, {"finding": "x"}, {"rows": 1}, "x"])
def test_a_manifest_with_faulty_findings_is_refused(tmp_path, faulty):
    scorer = {**HEURISTIC["scorer"], "findings": [faulty]}

    verification = verify_file(write(tmp_path, map(row, range(6)), {**HEURISTIC, "scorer": scorer}))

    assert verdicts(verification)["Manifest"] == "FAIL"


def test_predicted_scores_are_never_sold_as_a_judges(tmp_path):
    line = "of 900 rows the judge scored 500"
    scorer = {"kind": "distilled", "name": "judge-1 and what was learnt of it", "predictions": [f"{line}\x1b[31m"]}

    told = verify_file(write(tmp_path, map(row, range(6)), {**JUDGED, "scorer": scorer}))

    assert told.readiness == "YES (part of the scores are predicted from a judge's)"
    assert "Quality: JUDGED IN PART, PREDICTED IN PART" in report_text(told)
    assert line in report_text(told) and "\x1b" not in report_text(told)
    assert json.loads(report_json(told))["predictions"] == [f"{line}\x1b[31m"]


def test_a_judge_that_nobody_has_compared_is_called_so(tmp_path):
    told = report_text(verify_file(write(tmp_path, map(row, range(6)), JUDGED)))

    assert "not calibrated: nobody has compared this scorer with people" in told


def test_rule_based_scores_are_never_sold_as_judged(tmp_path, capsys):
    path = write(tmp_path, map(row, range(6)), HEURISTIC)

    assert main_verify(path, {"min_mean_quality": 1.0, "min_teachers": 1}) == 0

    out = capsys.readouterr().out
    assert "\nQuality: SCREENED, NOT JUDGED\n" in out
    assert re.search(r"NOT ASSESSED  Mean quality +by rules, which judge nothing; wanted: >= 1\n", out)
    wrote = "no model; the sources' own responses; answers of public data sets, screened"
    assert re.search(rf"NOT ASSESSED  Teachers +{wrote}; wanted: >= 1\n", out)
    assert re.search(r"PASS +Every score +6 above; wanted: > 7\n", out)
    assert out.endswith(
        "\nValidation Status: PASSED\n"
        "Dataset Ready for Training: YES (format, duplicates and screen; quality not judged)\n"
    )


def test_without_a_manifest_scores_are_of_unknown_origin_and_teachers_not_assessed(tmp_path):
    verification = verify_file(write(tmp_path, map(row, range(6))))

    assert verification.quality is Quality.UNKNOWN
    assert verdicts(verification)["Mean quality"] == "PASS"
    assert verdicts(verification)["Teachers"] == "NOT ASSESSED"
    assert verification.readiness == "YES (format and duplicates; scores of unknown origin)"
    assert verification.notes == ["no manifest.json beside the file: nothing says where scores come from"]


def test_sources_count_as_teachers_where_the_user_asks_for_them(tmp_path):
    path = write(tmp_path, map(row, range(6)))

    assert verdicts(verify_file(path, {"min_teachers": 3}))["Teachers"] == "PASS"
    assert verdicts(verify_file(path, {"min_teachers": 4}))["Teachers"] == "FAIL"


def test_a_teacher_that_answered_nothing_does_not_count(tmp_path):
    rows = [row(number, source="llama") for number in range(6)]

    verification = verify_file(write(tmp_path, rows, JUDGED))

    assert verdicts(verification)["Teachers"] == "FAIL"
    assert measured(verification, "Teachers") == "1 (llama)"


def test_rows_without_scores_are_not_assessed(tmp_path):
    rows = [row(number, quality_score=None) for number in range(6)]

    none = verify_file(write(tmp_path, rows))
    some = verify_file(write(tmp_path, [*rows, row(7)]))

    assert none.quality is Quality.NONE
    assert none.readiness == "YES (format and duplicates; no quality scores)"
    for verification in (none, some):
        assert verdicts(verification)["Every score"] == "NOT ASSESSED"
        assert verdicts(verification)["Mean quality"] == "NOT ASSESSED"
    assert measured(some, "Mean quality") == "8.5; 6 rows without a score"


def test_a_score_at_the_limit_is_not_above_it(tmp_path):
    verification = verify_file(write(tmp_path, [row(1), row(2, quality_score=7), row(3, quality_score=7.1)]))

    assert verdicts(verification)["Every score"] == "FAIL"
    assert measured(verification, "Every score") == "1 not above (lines 2)"


def test_a_mean_below_the_target_fails_and_one_at_it_passes(tmp_path):
    scores = [7.5, 8.5, 8.0]
    path = write(tmp_path, [row(number, quality_score=score) for number, score in enumerate(scores)])

    assert verdicts(verify_file(path))["Mean quality"] == "PASS"
    failed = verify_file(path, {"min_mean_quality": 8.01})
    assert (verdicts(failed)["Mean quality"], failed.readiness) == ("FAIL", "NO")


def test_bands_are_half_open_and_ten_belongs_to_the_first(tmp_path):
    scores = [10, 9, 8.99, 8, 7.99, 7, 6.9, 1]

    verification = verify_file(write(tmp_path, [row(n, quality_score=score) for n, score in enumerate(scores)]))

    assert verification.measures.scores.bands == {"9-10": 2, "8-9": 2, "7-8": 2, "below 7": 2}


def test_five_percent_of_duplicates_fail_and_are_named_with_their_twins(tmp_path, capsys):
    rows = [row(number) for number in range(38)]
    near = {**rows[4], "response": rows[4]["response"] + " Indeed."}
    path = write(tmp_path, [*rows, rows[2], near])

    assert main_verify(path, {}) == 1

    out = capsys.readouterr().out
    assert re.search(r"FAIL +Duplicates +5 % \(1 exact, 1 near\); wanted: < 1 %\n", out)
    assert "  line 39 ~ line 3: exact\n" in out
    assert re.search(r"  line 40 ~ line 5: 0\.84\d\d\n", out)
    assert out.endswith("\nValidation Status: FAILED\nDataset Ready for Training: NO\n")


def test_texts_that_differ_in_punctuation_alone_are_near_and_not_exact(tmp_path):
    twin = {**row(1), "response": row(1)["response"] + "!!"}

    found = verify_file(write(tmp_path, [row(1), twin])).measures.duplicates

    assert (found.exact, found.near, found.first[0].jaccard) == (0, 1, 1.0)


def test_no_duplicate_is_allowed_where_none_is_wanted(tmp_path):
    path = write(tmp_path, map(row, range(6)))

    assert verdicts(verify_file(path, {"max_duplicate_share": 0.0}))["Duplicates"] == "PASS"
    path = write(tmp_path, [*map(row, range(6)), row(1)])
    assert verdicts(verify_file(path, {"max_duplicate_share": 0.0}))["Duplicates"] == "FAIL"


GOOD = '"instruction": "Say a.", "response": "a"'
NO_CATEGORY = "not one of general, code, reasoning, creative, other"
# line -> the reason a person reads
MALFORMED = {
    b"": "blank line",
    b" \t": "blank line",
    b"[]": "a list, not an object",
    b"null": "null, not an object",
    b"3": "a number, not an object",
    b'{"instruction": "a", "response"': "not JSON: Expecting ':' delimiter, at character 32",
    b"<html>": "not JSON: Expecting value, at character 1",
    b'{"instruction": "a\tb", "response": "c"}': "not JSON: Invalid control character at, at character 19",
    b'{"instruction": "\xff", "response": "a"}': "not UTF-8: byte 0xff at place 18",
    b'{"instruction": "\xed\xa0\x80", "response": "a"}': "not UTF-8: byte 0xed at place 18",
    b'\xef\xbb\xbf{"a": 1}': "begins with a byte order mark; save the file as UTF-8 without one",
    b'{"instruction": "a", "response": "\\ud83d"}': "half of a surrogate pair, which no UTF-8 file can hold",
    f'{{{GOOD}, "x": {{"y": ["\\uDC00"]}}}}'.encode(): "half of a surrogate pair, which no UTF-8 file can hold",
    b'{"instruction": "a", "instruction": "b", "response": "c"}': 'the key "instruction" occurs twice',
    b'{"instruction": "a", "response": "b", "quality_score": NaN}': "not JSON: NaN is no number of JSON",
    b'{"instruction": "a", "response": "b", "x": -Infinity}': "not JSON: -Infinity is no number of JSON",
    b"[" * 100_000: "not JSON: nested too deeply",
    b'{"x": ' + b"9" * 5_000 + b"}": "not JSON: a number with too many digits",
    b"{}": "instruction is missing; response is missing",
    b'{"instruction": null, "response": ["a"]}': "instruction is null, not a string; response is a list, not a string",
    b'{"instruction": " \\n", "response": "\\u3000"}': "instruction is blank; response is blank",
    f'{{{GOOD}, "source": 3}}'.encode(): "source is a number, not a string",
    f'{{{GOOD}, "source": " "}}'.encode(): "source is blank",
    f'{{{GOOD}, "quality_score": "8"}}'.encode(): "quality_score is a string, not a number",
    f'{{{GOOD}, "quality_score": true}}'.encode(): "quality_score is a boolean, not a number",
    f'{{{GOOD}, "quality_score": 10.1}}'.encode(): "quality_score is 10.1, not between 1 and 10",
    f'{{{GOOD}, "quality_score": 1e999}}'.encode(): "quality_score is Infinity, not between 1 and 10",
    f'{{{GOOD}, "quality_score": {"9" * 400}}}'.encode(): f"quality_score is {'9' * 40}..., not between 1 and 10",
    f'{{{GOOD}, "category": "maths"}}'.encode(): f'category is "maths", {NO_CATEGORY}',
    f'{{{GOOD}, "category": ["code"]}}'.encode(): f"category is a list, {NO_CATEGORY}",
}


@pytest.mark.parametrize(("line", "reason"), MALFORMED.items(), ids=[reason[:40] for reason in MALFORMED.values()])
def test_a_malformed_line_is_refused_with_a_plain_reason(line, reason):
    with pytest.raises(MalformedLineError) as caught:
        parse_line(line)
    assert str(caught.value) == reason


def test_malformed_lines_are_listed_by_number_and_the_rest_counted(tmp_path, capsys):
    path = write(tmp_path, [row(1), *[b"{" for _ in range(25)], row(2)])

    assert main_verify(path, {}) == 1

    out = capsys.readouterr().out
    listed = re.findall(r"^  line (\d+): not JSON", out, re.MULTILINE)
    assert listed == [str(number) for number in range(2, 22)]
    assert "  and 5 more\n" in out
    assert re.search(r"FAIL +Valid format +7\.407 % \(2 of 27 lines\); wanted: >= 100 %\n", out)


def test_all_malformed_lines_at_once_never_raise(tmp_path):
    verification = verify_file(write(tmp_path, [row(1), *MALFORMED, row(2)]))

    assert (verification.measures.rows, verification.measures.malformed) == (2, len(MALFORMED))
    assert verification.status == "FAILED"
    assert verdicts(verify_file(verification.path, {"min_valid_share": 0.05}))["Valid format"] == "PASS"


JSON_VALUES = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists)


@settings(max_examples=100, deadline=None)
@given(line=st.binary(max_size=60) | JSON_VALUES.map(json.dumps).map(str.encode))
def test_any_bytes_are_a_row_or_malformed(line):
    try:
        found = parse_line(line)
    except MalformedLineError as error:
        assert str(error)
    else:
        assert found.instruction.strip() and found.response.strip()


def test_a_line_past_the_limit_is_malformed_and_the_next_one_is_read(tmp_path):
    long = json.dumps(row(1, response="a" * MAX_LINE_BYTES)).encode()

    measures = verify_file(write(tmp_path, [long, row(2)])).measures

    assert [(fault.line, fault.reason) for fault in measures.malformed_first] == [(1, "longer than 16 MiB")]
    assert measures.rows == 1


def test_null_optional_fields_and_key_order_and_unknown_fields_are_no_fault(tmp_path):
    rows = [
        {"response": "b", "instruction": "a", "source": None, "quality_score": None, "category": None},
        {"x": 1, "response": "d", "instruction": "c"},
    ]

    verification = verify_file(write(tmp_path, rows))

    assert verdicts(verification)["Valid format"] == "PASS"
    assert "unknown field x in 1 rows" in verification.notes
    assert verification.measures.sources == {"(none)": 2}


def test_lengths_are_in_tokens_and_each_cjk_character_is_one(tmp_path):
    rows = [row(1, instruction="one two, three", response="日本語 ok"), row(2, instruction="x_1", response="yes")]

    lengths = verify_file(write(tmp_path, rows)).measures.lengths

    assert (lengths["instruction"].min, lengths["instruction"].mean, lengths["instruction"].max) == (2, 2.5, 3)
    assert (lengths["response"].min, lengths["response"].max) == (1, 4)
    assert (lengths["total"].min, lengths["total"].mean, lengths["total"].max) == (3, 5.0, 7)


@settings(max_examples=100, deadline=None)
@given(left=st.text(max_size=20), right=st.text(max_size=20))
def test_the_tokens_of_a_pair_are_the_tokens_of_its_texts(left, right):
    assert tokenise(f"{left}\n{right}") == tokenise(left) + tokenise(right)


def test_gzip_is_read_whatever_its_name_and_a_damaged_one_is_named(tmp_path, capsys):
    plain = write(tmp_path, map(row, range(200)))
    packed = tmp_path / "packed.jsonl"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert verify_file(packed).measures == verify_file(plain).measures

    packed.write_bytes(packed.read_bytes()[:-500])
    assert main_verify(packed, {}) == 2
    assert re.search(r"packed.jsonl: the gzip is damaged after line \d+ .*; fetch it again", capsys.readouterr().err)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path, capsys):
    assert main_verify(tmp_path / "no\x1b[31m.jsonl", {}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no\\x1b[31m.jsonl: no such file; give the path of a .jsonl" in captured.err
    assert main_verify(tmp_path, {}) == 2


def test_thresholds_out_of_range_are_all_named(tmp_path):
    path = write(tmp_path, [row(1)])

    with pytest.raises(ConfigError, match=r"min_rows: .*; jaccard: .*; min_quality: "):
        verify_file(path, {"min_rows": -1, "jaccard": 0.2, "min_quality": 3})
    with pytest.raises(ConfigError, match=r"jaccard: .*at most six decimals"):
        verify_file(path, {"jaccard": 0.81234567})
    assert main_verify(path, {"min_rows": -1}) == 2


@pytest.mark.parametrize("content", [b"", b"\n\n"], ids=["no_bytes", "blank_lines"])
def test_an_empty_file_fails(tmp_path, content):
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)

    verification = verify_file(path, {"min_rows": 0, "min_valid_share": 0.0})

    assert verdicts(verification)["Rows"] == "FAIL"
    assert (verification.status, verification.readiness) == ("FAILED", "NO")
    assert main_verify(path, {}) == 1


def test_targets_come_from_the_manifest_and_options_override_them(tmp_path):
    path = write(tmp_path, map(row, range(6)), {"targets": {"min_rows": 7, "min_mean_quality": None, "new_target": 1}})

    by_manifest, by_option = verify_file(path), verify_file(path, {"min_rows": 6})

    assert by_manifest.thresholds.min_rows == 7
    assert verdicts(by_manifest)["Rows"] == "FAIL"
    assert verdicts(by_manifest)["Mean quality"] == "NOT ASSESSED"
    assert verdicts(by_option)["Rows"] == "PASS"


def test_a_file_that_is_not_the_one_of_the_manifest_fails(tmp_path):
    path = write(tmp_path, map(row, range(6)), JUDGED)
    path.write_bytes(path.read_bytes() + json.dumps(row(7)).encode() + b"\n")

    verification = verify_file(path)

    assert verdicts(verification)["Manifest"] == "FAIL"
    assert re.fullmatch(r"7 lines, not 6; sha256 is [0-9a-f]{64}, not [0-9a-f]{64}", measured(verification, "Manifest"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is not JSON in UTF-8"),
        (b"\xff", "is not JSON in UTF-8"),
        (b"[" * 100_000, "is not JSON in UTF-8"),
        (b"[1]", "it: "),
        (b'{"files": {"dataset.jsonl": {"rows": "many"}}}', "files.dataset.jsonl.rows: "),
        (b'{"targets": {"min_rows": -3, "jaccard": "high"}}', "min_rows: .*; jaccard: "),
    ],
    ids=["cut", "binary", "deep", "list", "wrong_type", "out_of_range"],
)
def test_an_unreadable_manifest_fails_with_its_reason(tmp_path, content, reason):
    path = write(tmp_path, map(row, range(6)))
    (tmp_path / "manifest.json").write_bytes(content)

    verification = verify_file(path)

    assert verdicts(verification)["Manifest"] == "FAIL"
    assert re.match(reason, measured(verification, "Manifest"))


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"other.jsonl": {"rows": 1}}, "it names other.jsonl"),
        ({f"{n}.jsonl": {} for n in range(5)}, "it names 0.jsonl, 1.jsonl, 2.jsonl and 2 more"),
        ({}, "it names no file"),
    ],
)
def test_a_manifest_that_does_not_name_the_file_beside_it_fails(tmp_path, named, said):
    path = write(tmp_path, map(row, range(6)), {**HEURISTIC, "files": named})

    verification = verify_file(path)

    assert verdicts(verification)["Manifest"] == "FAIL" and main_verify(path, {}) == 1
    assert measured(verification, "Manifest") == f"does not name dataset.jsonl, beside which it lies: {said}"
    assert verification.quality is Quality.UNKNOWN and verification.notes == []


@pytest.mark.parametrize(
    ("said_of_it", "verdict", "told"),
    [
        ({"bytes": 7}, "FAIL", r"[\d,]+ bytes, not 7"),
        ({"rows": 6}, "NOT ASSESSED", "rows agree, but no sha256 is said"),
        ({}, "NOT ASSESSED", "it says nothing of this file"),
    ],
)
def test_what_a_manifest_says_of_its_file_is_held_against_it(tmp_path, said_of_it, verdict, told):
    path = write(tmp_path, map(row, range(6)), {"files": {"dataset.jsonl": said_of_it}})

    verification = verify_file(path)

    assert verdicts(verification)["Manifest"] == verdict
    assert re.fullmatch(told, measured(verification, "Manifest"))


def test_files_that_a_manifest_names_and_that_are_gone_are_told(tmp_path):
    names = {"dataset.jsonl": {"rows": 6}, "gone.jsonl": {}, "x" * 5_000: {}, "a\0b": {}, "../../no.jsonl": {}}
    path = write(tmp_path, map(row, range(6)), {"files": names})

    verification = verify_file(path)

    assert verdicts(verification)["Manifest"] == "FAIL"
    assert measured(verification, "Manifest").startswith("gone.jsonl is missing; ")
    assert measured(verification, "Manifest").count(" is missing") == 4


def test_a_manifest_that_is_a_dead_link_is_one_that_cannot_be_read(tmp_path):
    path = write(tmp_path, map(row, range(6)))
    (tmp_path / "manifest.json").symlink_to(tmp_path / "nowhere")

    assert measured(verify_file(path), "Manifest") == "cannot be read (No such file or directory)"


def test_nothing_of_the_file_reaches_the_terminal_as_control_or_markup(tmp_path, capsys):
    hostile = "\x1b[2J[bold red]\u202eevil\nValidation Status: PASSED"
    rows = [row(1, source=hostile, **{hostile: 1}), row(2, category=hostile)]

    assert main_verify(write(tmp_path, rows), {}) == 1

    out = capsys.readouterr().out
    assert "\x1b" not in out and "\u202e" not in out
    assert "\\x1b[2J[bold red]\\u202eevil\\nValidation Status" in out
    assert out.splitlines()[-2:] == ["Validation Status: FAILED", "Dataset Ready for Training: NO"]
    assert len(re.findall("^Validation Status", out, re.MULTILINE)) == 1


def test_json_says_the_same_as_the_text(tmp_path, capsys):
    path = write(tmp_path, [*map(row, range(6)), row(7, source="del\x7f"), b"{"], JUDGED)

    assert main_verify(path, {}, json=True) == 1

    out = capsys.readouterr().out
    result = json.loads(out)
    assert out.isascii() and "\x7f" not in out
    assert (result["status"], result["ready_for_training"], result["quality"]) == ("FAILED", False, "JUDGED")
    assert {check["name"]: check["verdict"] for check in result["checks"]} == verdicts(verify_file(path))
    assert result["measures"]["malformed_first"] == [
        {"line": 8, "reason": "not JSON: Expecting property name enclosed in double quotes, at character 2"}
    ]
    assert result["thresholds"]["min_rows"] == 5


def test_verification_starts_without_spark():
    code = "import sys, jobs.verify.file; sys.exit(any(name.startswith(('pyspark', 'delta')) for name in sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
