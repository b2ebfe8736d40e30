"""What `phase0 deduplicate` promises of any file: nothing but twins goes, and what stays is as it was."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from jobs.config.deduplicate import LEAST_RECALL, MOST_HASHES, DeduplicateConfig, config_for
from jobs.deduplication.deduplicate_file import deduplicate_file
from jobs.deduplication.input_file import find_input
from jobs.deduplication.kept_rows import kept_lines
from schemas.errors import ConfigError, DataRefusedError, SourceFormatError
from tests.support.exact_pairs import jaccard
from udfs.input_texts import read_input_line
from udfs.shingles import shingles

LONG = "the quick brown fox jumps over the lazy dog and runs along the river until the sun goes down behind"
OTHER = "name three good reasons why a small team should write its tests before it writes the code that they check"


def deduplicate(source, output, *columns, id_column=None, threshold=0.8, protect_numbers=False, **more) -> str:
    out = io.StringIO()
    deduplicate_file(
        str(source),
        str(output),
        columns or ("text",),
        id_column,
        threshold,
        protect_numbers=protect_numbers,
        verbose=False,
        console=Console(file=out, width=200),
        **more,
    )
    return out.getvalue()


def as_lines(rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def duplicates(output) -> list[tuple[str, str, float]]:
    table = pq.read_table(Path(output) / "duplicates.parquet")
    assert table.schema.names == ["id", "duplicate_of", "jaccard", "reason"]
    return [(row["id"], row["duplicate_of"], row["jaccard"]) for row in table.to_pylist()]


@pytest.mark.parametrize("threshold", [0.5 + n / 100 for n in range(51)])
def test_the_banding_reaches_the_recall_at_every_threshold_within_the_bounded_work(threshold):
    config = config_for(threshold)

    assert config.threshold == threshold
    assert config.expected_recall(threshold) >= LEAST_RECALL > 0.999
    assert config.bands * config.rows <= MOST_HASHES
    if config.rows < 10:
        longer = config.model_copy(update={"rows": config.rows + 1, "bands": MOST_HASHES // (config.rows + 1)})
        assert longer.expected_recall(threshold) < LEAST_RECALL, "no longer bands would do"


def test_at_0_8_the_banding_is_that_of_the_pipeline():
    assert config_for(0.8) == DeduplicateConfig()
    assert config_for(0.8, protect_numbers=True).protect_numbers


def test_a_threshold_that_no_banding_reaches_is_refused():
    with pytest.raises(ValueError, match=r"greater than or equal to 0\.5"):
        config_for(0.1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b"a", b"bb", b"", b"  ", b"c\r"])), st.sets(st.integers(0, 20)), st.booleans())
def test_lines_are_kept_by_their_place_whatever_stands_between(lines, removed, ends_with_feed):
    content = b"\n".join(lines) + (b"\n" if ends_with_feed else b"")

    kept = list(kept_lines(io.BytesIO(b"\xef\xbb\xbf" + content if content else b""), sorted(removed)))

    assert kept == [line + b"\n" for n, line in enumerate(lines) if n not in removed and line.strip()]


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b'{"a": "x", "b": "y"}', (None, "x\ny", [True, True], None)),
        (b'{"b": "y", "a": "x", "c": []}', (None, "x\ny", [True, True], None)),
        (b'{"a": null, "b": "y"}', (None, "y", [True, True], None)),
        (b'{"b": 1.5}', (None, "1.5", [False, True], None)),
        (b'{"a": true, "b": ""}', (None, "true\n", [True, True], None)),
        (b"{}", (None, "", [False, False], None)),
        (b'{"a": "\\ud800\\u0000"}', (None, "\ufffd", [True, False], None)),
        (b'{"a": ["x"], "b": "y"}', (None, None, [True, True], "nested a")),
        (b'{"a": "x", "b": {}}', (None, None, [True, True], "nested b")),
        (b'{"a": "x"', (None, None, [], "invalid_json")),
        (b"[1]", (None, None, [], "not_an_object")),
        (b'{"a": "\xff"}', (None, None, [], "not_utf8")),
    ],
)
def test_the_text_of_a_line_is_that_of_its_columns_or_a_fault(line, read):
    assert read_input_line(line, ("a", "b"), None) == read


@pytest.mark.parametrize(
    ("given_id", "read"), [('"x7"', "x7"), ("7", "7"), ("7.5", "7.5"), ("null", None), ("[]", None), ('""', "")]
)
def test_an_id_is_plain_text_or_missing(given_id, read):
    row_id, _, _, fault = read_input_line(f'{{"a": "x", "i": {given_id}}}'.encode(), ("a",), "i")

    assert (row_id, fault) == (read, None if read is not None else "no_id")


def test_lines_stay_as_they_are_and_each_removed_one_names_its_twin(spark, tmp_path):
    folder = tmp_path / "in [put] é%20"
    folder.mkdir()
    first = [
        b'{"text" :  "' + LONG.encode() + b'", "n": 1}\r',  # odd spaces and line end: they stay
        b"",
        b'{"n": 2, "text": null}',
        b'{"n": 3, "text": "' + LONG.encode() + b' hills"}',  # near to line 0
        b'{"n": 4, "text": "' + OTHER.encode() + b'"}',
        b'{"n": 5}',  # no text, as line 2: no proof that they are twins
    ]
    second = [{"text": OTHER.upper(), "n": 6}, {"text": "quite another thing", "n": 7}]
    (folder / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join(first))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(as_lines(second)))
    output = tmp_path / "out"

    text = deduplicate(tmp_path / "in*" / "*.jsonl*", output)

    kept = [first[n] + b"\n" for n in (0, 2, 4, 5)]
    assert (output / "kept.jsonl").read_bytes() == b"".join([*kept, as_lines(second[1:])])
    similar = jaccard(shingles(LONG), shingles(f"{LONG} hills"))
    assert duplicates(output) == [("a.jsonl:3", "a.jsonl:0", similar), ("b.jsonl.gz:0", "a.jsonl:4", 1.0)]
    assert "7 rows in, 5 kept, 2 removed (28.6%)" in text
    assert "expected recall at 0.8: 99.982% (12 bands of 3 min-hashes)" in text
    assert "2 rows have no text in these columns: kept, compared with nothing" in text
    assert "a.jsonl:0 stays for 1 other: a.jsonl:3\n" in text
    assert sorted(path.name for path in output.iterdir()) == ["duplicates.parquet", "kept.jsonl"]


def test_parquet_rows_keep_their_types_and_ids_are_those_of_the_column(spark, tmp_path):
    texts = [LONG, f"{LONG} hills 7", OTHER, f"{LONG} hills 8", "one more"]
    schema = pa.schema(
        {"key": pa.int64(), "a.b`c": pa.large_string(), "at": pa.timestamp("ns"), "tags": pa.list_(pa.uint8())},
        metadata={"huggingface": "{}"},
    )
    rows = [{"key": 10 * n, "a.b`c": text, "at": n, "tags": [n]} for n, text in enumerate(texts)]
    table = pa.Table.from_pylist(rows, schema=schema)
    (tmp_path / "t.parquet").mkdir()
    pq.write_table(table.slice(0, 3), tmp_path / "t.parquet" / "part-0.parquet", row_group_size=2)
    pq.write_table(table.slice(3), tmp_path / "t.parquet" / "part-1.parquet")

    text = deduplicate(tmp_path / "t.parquet", tmp_path / "out", "a.b`c", id_column="key", threshold=0.7)

    kept = pq.read_table(tmp_path / "out" / "kept.parquet")
    read_back = pq.read_schema(tmp_path / "t.parquet" / "part-0.parquet")  # Parquet renames the items of lists
    assert kept.schema.equals(read_back, check_metadata=True) and kept.schema.field("at").type == pa.timestamp("ns")
    assert kept.to_pylist() == [table.to_pylist()[n] for n in (0, 2, 4)]
    assert [row[:2] for row in duplicates(tmp_path / "out")] == [("10", "0"), ("30", "0")]
    assert "0 stays for 2 others: 10, 30" in text
    assert "1 pairs of twins differ only in numbers: removed; --protect-numbers keeps them" in text


def test_it_agrees_with_a_comparison_of_all_pairs_of_real_records(spark, shared_data, tmp_path):
    records = json.loads((shared_data / "sources" / "alpaca_format" / "instruction-data.json").read_text())[:1_000]
    (tmp_path / "real.jsonl").write_bytes(as_lines(records))

    deduplicate(tmp_path / "real.jsonl", tmp_path / "out", "instruction", "output", threshold=0.6)

    sets = [shingles(f"{r['instruction']}\n{r['output']}") for r in records]
    kept, expected = [], []
    for n, one in enumerate(sets):
        twin = next(((k, s) for k in kept if (s := jaccard(sets[k], one)) >= 0.6), None)
        if twin is None:
            kept.append(n)
        else:
            expected.append((str(n), str(twin[0]), twin[1]))
    assert duplicates(tmp_path / "out") == expected and len(expected) == 17
    assert (tmp_path / "out" / "kept.jsonl").read_bytes() == as_lines(records[n] for n in kept)


@pytest.mark.parametrize(
    ("lines", "options", "error", "message"),
    [
        (b'{"text": "a"}\n\n{broken\n"x"\n', {}, DataRefusedError,
         r"2 of 3 lines are no JSON objects.*x\.jsonl line 3 \(invalid_json\), x\.jsonl line 4 \(not_an_object\)"),
        (b'{"prompt": "a", "n": 1}\n', {}, ConfigError, r"no column text; columns found: prompt, n\. .*--text-col"),
        (b'{"text": "a"}\n{"text": ["b"]}\n', {}, ConfigError, r"1 of 2 lines .*x\.jsonl line 2 \(nested text\)"),
        (b'{"text": "a", "i": 1}\n{"text": "b"}\n', {"id_column": "i"}, ConfigError, r"x\.jsonl line 2 \(no_id\)"),
        (b'{"text": "a", "i": 1}\n{"text": "b", "i": "1"}\n', {"id_column": "i"}, ConfigError,
         r"--id-column i: 1 ids are used by more than one row, such as 1 by 2"),
        (b"\n \n", {}, DataRefusedError, "holds no rows"),
        (b"", {}, DataRefusedError, "is empty"),
        (b'[{"text": "a"}]', {}, SourceFormatError, r"x\.jsonl is neither JSON lines nor Parquet but json_array; .*jq"),
    ],
    ids=["malformed", "no column", "nested", "no id", "same id", "blank", "empty", "array"],
)  # fmt: skip
def test_what_cannot_be_compared_is_named_and_nothing_is_written(spark, tmp_path, lines, options, error, message):
    (tmp_path / "x.jsonl").write_bytes(lines)

    with pytest.raises(error, match=message):
        deduplicate(tmp_path / "x.jsonl", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_damaged_files_are_named(spark, tmp_path):
    lines = gzip.compress(b"".join(as_lines([{"text": f"{n} {hash(n)}"}]) for n in range(20_000)))
    (tmp_path / "cut.jsonl.gz").write_bytes(lines[: len(lines) // 2])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")

    with pytest.raises(DataRefusedError, match=r"cut\.jsonl\.gz cannot be read to its end"):
        deduplicate(tmp_path / "cut.jsonl.gz", tmp_path / "out")
    with pytest.raises(SourceFormatError, match=r"cut\.parquet is a damaged Parquet file"):
        find_input(spark, str(tmp_path / "cut.parquet"))


def test_parquet_columns_that_hold_no_text_are_refused(spark, tmp_path):
    ids = pa.array([None], pa.string())
    pq.write_table(pa.table({"text": ["a"], "turns": [["b"]], "id": ids}), tmp_path / "t.parquet")

    for columns, id_column, message in [
        (("turns",), None, r"column turns is list<.*name one that holds text or numbers"),
        (("response",), None, r"has no column response; columns found: text, turns, id"),
        (("text",), "id", r"--id-column id: row 0 of .*t\.parquet has none"),
    ]:
        with pytest.raises(ConfigError, match=message):
            deduplicate(tmp_path / "t.parquet", tmp_path / "out", *columns, id_column=id_column)


def test_files_of_different_kinds_or_columns_and_missing_ones_are_refused(spark, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n')
    for name, column in (("b", "text"), ("c", "other")):
        pq.write_table(pa.table({column: ["a"]}), tmp_path / f"{name}.parquet")

    with pytest.raises(ConfigError, match=r"a\.jsonl and .*c\.parquet are of different kinds"):
        find_input(spark, str(tmp_path / "*"))
    with pytest.raises(ConfigError, match=r"c\.parquet has other columns than .*b\.parquet"):
        find_input(spark, str(tmp_path / "*.parquet"))
    with pytest.raises(ConfigError, match=r"nothing\.jsonl: no such file"):
        find_input(spark, str(tmp_path / "nothing.jsonl"))


def test_only_its_own_earlier_result_is_replaced(spark, tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'{"text": "a"}\n')
    output = tmp_path / "out"
    output.mkdir()
    (output / "dataset.jsonl").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds dataset\.jsonl, which this run does not write"):
        deduplicate(tmp_path / "x.jsonl", output)
    (output / "dataset.jsonl").rename(output / "kept.parquet")
    with pytest.raises(ConfigError, match=r"holds kept\.parquet, which this run does not write"):
        deduplicate(tmp_path / "x.jsonl", output)
    (output / "kept.parquet").rename(output / "kept.jsonl")
    with pytest.raises(ConfigError, match="the input lies in the output folder"):
        deduplicate(output / "kept.jsonl", output)
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        deduplicate(tmp_path / "x.jsonl", tmp_path / "x.jsonl")
    assert (output / "kept.jsonl").read_text() == "mine"

    deduplicate(tmp_path / "x.jsonl", output)

    assert (output / "kept.jsonl").read_bytes() == b'{"text": "a"}\n' and duplicates(output) == []


def test_rows_that_are_published_already_fall_before_all_others(spark, tmp_path):
    (tmp_path / "new.jsonl").write_bytes(as_lines([{"text": LONG}, {"text": OTHER}, {"text": OTHER.upper()}]))
    (tmp_path / "old.jsonl").write_bytes(as_lines([{"text": "something else"}, {"text": LONG.upper()}]))

    against = {"against": [str(tmp_path / "old.jsonl")], "signatures": str(tmp_path / "signatures")}
    text = deduplicate(tmp_path / "new.jsonl", tmp_path / "out", "text", **against)

    rows = pq.read_table(tmp_path / "out" / "duplicates.parquet").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("0", "old.jsonl:1", 1.0, "duplicate_of_reference"),
        ("2", "1", 1.0, "duplicate"),
    ]
    assert "1 of the removed resemble a row that is published already" in text


def test_a_missing_file_is_told_before_spark_starts(tmp_path):
    with pytest.raises(ConfigError, match=r"--input nothing\.jsonl: no such file"):
        deduplicate_file(
            "nothing.jsonl",
            str(tmp_path / "out"),
            ("text",),
            None,
            0.8,
            protect_numbers=False,
            verbose=False,
            console=Console(quiet=True),
        )

    assert not (tmp_path / "out").exists()
