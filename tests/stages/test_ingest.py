"""What ingest promises: every record kept, every refusal named, positions that do not depend on splits."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from jobs.config.paths import literal
from jobs.config.settings import IngestConfig, SourceConfig
from jobs.ingest import (
    damage_warnings,
    damaged_place,
    fold_examples,
    read_around_damage,
    read_drafts,
    unusable_share,
)
from jobs.sources.inspection import ADVICE
from jobs.sources.listing import list_local
from jobs.sources.preview import preview_file
from jobs.sources.source_files import inspect_source, inspect_sources
from schemas.errors import ConfigError, SourceFormatError

ALPACA = [
    {"instruction": f"Give the square of {n}.", "input": "", "output": f"The square of {n} is {n * n}."}
    for n in range(40)
]


def source(path, **options) -> SourceConfig:
    return SourceConfig(**{"name": "s", "path": str(path), "licence": "MIT", **options})


def ingest(spark, *sources, config=IngestConfig()):  # noqa: B008 - frozen
    files = inspect_sources(spark, sources, config).files
    return read_drafts(spark, files)


def places(raw):
    return sorted((row.file.rsplit("/", 1)[-1], row.position, row.outcome, row.reason) for row in raw.collect())


def as_lines(records) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_positions_do_not_depend_on_how_a_file_is_split(spark, tmp_path):
    lines = as_lines(ALPACA[:20]) + b"\n" + as_lines(ALPACA[20:])
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n"))
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    whole = places(ingest(spark, source(tmp_path / "a.jsonl")))
    try:
        spark.conf.set("spark.sql.files.maxPartitionBytes", "700b")
        spark.conf.set("spark.sql.files.openCostInBytes", "1b")
        split = ingest(spark, source(tmp_path / "a.jsonl"))
        assert split.select(F.spark_partition_id()).distinct().count() > 3
        assert places(split) == whole
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", before)
        spark.conf.unset("spark.sql.files.openCostInBytes")
    assert [position for _, position, _, _ in whole] == [*range(20), *range(21, 41)]
    assert {outcome for *_, outcome, _ in whole} == {"used"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps(ALPACA).encode()),
        ("a.json", json.dumps(ALPACA, indent=2).encode()),
        ("a.jsonl.gz", gzip.compress(as_lines(ALPACA))),
        ("a.json.gz", gzip.compress(json.dumps(ALPACA).encode())),
    ],
    ids=["compact array", "pretty array", "gzip lines", "gzip array"],
)
def test_every_container_gives_the_same_examples(spark, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    rows = ingest(spark, source(tmp_path / name)).collect()

    assert [row.position for row in sorted(rows)] == list(range(40))
    drafts = {row.position: row.drafts[0] for row in rows}
    assert drafts[3].instruction == "Give the square of 3." and drafts[3].reference_response == "The square of 3 is 9."


def test_parquet_and_csv_are_read_by_a_mapping(spark, tmp_path):
    rows = [(f"What is {n} plus one?", str(n + 1)) for n in range(5)]
    spark.createDataFrame(rows, "question string, answer string").coalesce(1).write.parquet(str(tmp_path / "p"))
    (tmp_path / "t.csv").write_text("question,answer\n" + "".join(f'"{q}",{a}\n' for q, a in rows))
    fields = {"instruction": "question", "response": "answer"}

    raw = ingest(
        spark,
        source(tmp_path / "p" / "*.parquet", name="p", format="table", fields=fields),
        source(tmp_path / "t.csv", name="c", format="table", fields=fields),
    ).collect()

    read = sorted(
        (row.source, row.position, row.drafts[0].instruction, row.drafts[0].reference_response) for row in raw
    )
    assert read == [(name, n, q, a) for name in "cp" for n, (q, a) in enumerate(rows)]


def test_a_bad_record_is_kept_with_its_reason_and_stops_nothing(spark, tmp_path):
    bad = [
        b'{"instruction": "x", ',
        b'{"instruction": "  ", "output": "y"}',
        b'{"instruction": 5, "output": "y"}',
        b"[1]",
    ]
    good = as_lines(ALPACA[:2])
    (tmp_path / "a.jsonl").write_bytes(good + b"\n".join(bad) + b'\n{"instruction": "\xff", "output": ""}\n')

    raw = ingest(spark, source(tmp_path / "a.jsonl", format="alpaca"))

    found = {row.position: (row.reason, bytes(row.record)) for row in raw.collect()}
    assert {p: reason for p, (reason, _) in found.items()} == {
        0: None,
        1: None,
        2: "invalid_json",
        3: "missing_instruction",
        4: "not_text",
        5: "not_an_object",
        6: "not_utf8",
    }
    assert found[2][1] == bad[0], "the record's bytes are kept as read"


def test_files_that_are_not_what_they_claim_give_what_they_have(spark, tmp_path):
    lines = gzip.compress(as_lines(ALPACA))
    (tmp_path / "cut.jsonl.gz").write_bytes(lines[: len(lines) * 2 // 3])
    (tmp_path / "cut.json").write_bytes(json.dumps(ALPACA).encode()[:1000])
    (tmp_path / "page.json").write_bytes(b"<!DOCTYPE html><html><body>404</body></html>")

    raw = ingest(
        spark,
        source(tmp_path / "cut.jsonl.gz", name="gz", format="alpaca"),
        source(tmp_path / "*.json", name="json", format="alpaca"),
    )

    counts = {}
    for file, _, outcome, reason in places(raw):
        counts.setdefault(file, []).append(reason or outcome)
    assert counts["page.json"] == ["html_not_json"]
    assert counts["cut.json"][-1] == "truncated" and counts["cut.json"].count("used") == 11
    assert counts["cut.jsonl.gz"].count("truncated") == 1 and counts["cut.jsonl.gz"].count("used") > 5


def test_a_wrong_format_is_one_error_that_names_file_and_format(spark, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ALPACA))
    with pytest.raises(SourceFormatError, match=r"a\.json: record 0: not in the format sharegpt; it looks like alpaca"):
        inspect_source(spark, source(tmp_path / "a.json", format="sharegpt"), IngestConfig())


def test_a_source_of_empty_files_is_refused_by_name(spark, tmp_path):
    (tmp_path / "empty.jsonl").touch()

    with pytest.raises(ConfigError, match=r"source s: there is nothing in .*empty\.jsonl"):
        ingest(spark, source(tmp_path / "empty.jsonl"))


def test_a_missing_file_and_a_file_named_twice_are_refused(spark, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ALPACA))
    with pytest.raises(ConfigError, match=r"source s: no such file: .*nothing\.json"):
        inspect_source(spark, source(tmp_path / "nothing.json"), IngestConfig())
    with pytest.raises(ConfigError, match=r"a\.json belongs to both s and t"):
        inspect_sources(spark, [source(tmp_path / "a.json"), source(tmp_path / "a.json", name="t")], IngestConfig())


def test_a_source_known_only_by_its_hub_says_what_to_do(spark):
    with pytest.raises(ConfigError, match="s: o/n is not on this machine; type `phase0 fetch`"):
        inspect_source(spark, SourceConfig(name="s", hub="o/n", licence="MIT"), IngestConfig())


def test_message_rows_become_exchanges_whatever_task_they_were_read_in(spark, tmp_path):
    rows = []
    for tree in range(6):
        rows += [
            {
                "message_id": f"{tree}q",
                "parent_id": None,
                "message_tree_id": str(tree),
                "role": "prompter",
                "text": f"Q{tree}?",
                "lang": "en",
            },
            {
                "message_id": f"{tree}a",
                "parent_id": f"{tree}q",
                "message_tree_id": str(tree),
                "role": "assistant",
                "text": "worse",
                "rank": 1,
                "lang": "en",
            },
            {
                "message_id": f"{tree}b",
                "parent_id": f"{tree}q",
                "message_tree_id": str(tree),
                "role": "assistant",
                "text": "better",
                "rank": 0,
                "lang": "en",
            },
        ]
    rows = rows[::2] + rows[1::2]  # the rows of a tree are apart
    (tmp_path / "o.jsonl").write_bytes(as_lines([{"deleted": False, **row} for row in rows]))

    raw = ingest(spark, source(tmp_path / "o.jsonl")).collect()

    assert [row.outcome for row in raw].count("used") == 6 and [row.outcome for row in raw].count("absorbed") == 12
    drafts = sorted((d.instruction, d.reference_response) for row in raw for d in row.drafts)
    assert drafts == [(f"Q{tree}?", "better") for tree in range(6)]


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".jsonl.gz"])
def test_a_file_may_have_any_name(spark, tmp_path, suffix):
    content = json.dumps(ALPACA).encode() if suffix == ".json" else as_lines(ALPACA)
    name = "a b+c%20[1]{x}é" + suffix
    (tmp_path / name).write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)

    raw = ingest(spark, source(str(tmp_path / "a b+*"))).collect()

    assert {(row.source, row.outcome) for row in raw} == {("s", "used")} and len(raw) == 40


def test_exact_copies_fold_into_one_example_that_names_its_records(spark, tmp_path):
    copies = [
        ALPACA[1],
        ALPACA[2],
        {**ALPACA[1], "instruction": " Give  the square\tof 1."},
        {**ALPACA[1], "output": "1"},
    ]
    Path(tmp_path / "a.jsonl").write_bytes(as_lines(copies))

    raw = ingest(spark, source(tmp_path / "a.jsonl"))
    examples = fold_examples(raw, {"s": "MIT"}).collect()

    folded = {
        (row.instruction, row.reference_response): (row.copies, [r.position for r in row.records]) for row in examples
    }
    assert folded == {
        ("Give the square of 1.", "The square of 1 is 1."): (2, [0, 2]),
        ("Give the square of 2.", "The square of 2 is 4."): (1, [1]),
        ("Give the square of 1.", "1"): (1, [3]),
    }
    assert {row.licence for row in examples} == {"MIT"}


def test_a_record_goes_to_python_once(spark, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(as_lines(ALPACA))
    (tmp_path / "b.json").write_text(json.dumps(ALPACA))
    pq.write_table(pa.Table.from_pylist(ALPACA), tmp_path / "c.parquet")

    raw = ingest(spark, source(tmp_path))

    assert raw._jdf.queryExecution().executedPlan().toString().count("MapInArrow") == 3
    assert raw.where("outcome = 'used'").count() == 120


def test_the_limit_reads_the_first_records_of_each_file(spark, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ALPACA))
    (tmp_path / "b.jsonl").write_bytes(as_lines(ALPACA))

    raw = ingest(spark, source(tmp_path / "*.json*"), config=IngestConfig(limit=3))

    assert [(file, position) for file, position, _, _ in places(raw)] == [
        (f, n) for f in ("a.json", "b.jsonl") for n in range(3)
    ]


HOSTILE_NAMES = ("_hidden", ".dotted", "a:b", "a b+c%20[1]{x}é", "plain.gz")


def test_any_container_under_any_name_is_read_as_init_reads_it(spark, tmp_path):
    lines = as_lines(ALPACA)
    contents = {
        ".jsonl": lines,
        ".json": json.dumps(ALPACA, indent=1).encode(),
        ".zst": pa.compress(lines, "zstd", asbytes=True),
        ".csv": b"\xff\xfe"
        + "\n".join(["instruction,output", *(f"Say {n}.,It is {n}." for n in range(40))]).encode("utf-16-le"),
        ".parquet": None,
    }
    sources = []
    for name in HOSTILE_NAMES:
        for suffix, content in contents.items():
            path = tmp_path / f"{name}{suffix}"
            if content is not None:
                path.write_bytes(content)
            elif not name.startswith((".", "_")) and ":" not in name:
                pq.write_table(pa.Table.from_pylist(ALPACA), path)
            else:
                continue
            sources.append(source(literal(str(path)), name=f"s{len(sources)}"))

    raw = ingest(spark, *sources)

    counts = {(row.source, row.outcome): row["count"] for row in raw.groupBy("source", "outcome").count().collect()}
    assert counts == {(one.name, "used"): 40 for one in sources}
    for one in sources:
        (preview,) = [preview_file(file) for file in list_local([one.path]).files]
        assert not preview.source.fault and len(preview.parsed) == 40


def test_one_bad_file_stops_no_other_and_is_counted(spark, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(as_lines(ALPACA))
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nonsense")
    (tmp_path / "c.jsonl").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 99\n")
    (tmp_path / "d.jsonl").write_bytes("é\n".encode("latin-1"))
    (tmp_path / "_e.jsonl").write_bytes(as_lines(ALPACA))
    (tmp_path / "f").mkdir()

    inspected = inspect_sources(spark, [source(tmp_path)], IngestConfig())
    raw = read_drafts(spark, inspected.files)

    refused = [(file, reason) for file, _, outcome, reason in places(raw) if outcome == "refused"]
    assert refused == [("b.parquet", "corrupt_parquet"), ("c.jsonl", "pointer_not_data"), ("d.jsonl", "not_utf8")]
    assert raw.where("outcome = 'used'").count() == 40
    said = "\n".join(inspected.warnings)
    assert "c.jsonl: a pointer of 64 bytes, not the data of 99 bytes: git lfs pull" in said
    assert "passed over" in said and "_e.jsonl: its name begins with _; name it to read it" in said
    assert f"{tmp_path}/f: a folder in a folder" in said and "b.parquet: a damaged Parquet file" in said


def test_a_parquet_file_with_columns_or_a_codec_that_spark_does_not_take_is_read_all_the_same(spark, tmp_path):
    table = pa.Table.from_pylist(ALPACA[:3])
    odd = {
        "case": table.append_column("Output", pa.array(["x"] * 3)),
        "time": table.append_column("at", pa.array([0] * 3, pa.time64("ns"))),
        "wide": table.append_column("sum", pa.array([1] * 3).cast(pa.decimal256(60, 0))),
        "half": table.append_column("share", pa.array([1.0] * 3).cast(pa.float16())),
        "plain": table,
    }
    for name, one in odd.items():
        pq.write_table(one, tmp_path / f"{name}.parquet")
    for codec in ("brotli", "zstd", "lz4", "gzip", "none"):
        pq.write_table(table, tmp_path / f"{codec}.parquet", compression=codec)
        odd[codec] = table

    raw = ingest(spark, source(tmp_path / "*.parquet", name="p"))
    found = raw.select("file", "position", "outcome").collect()

    assert {row["outcome"] for row in found} == {"used"}
    assert sorted((row["file"].rsplit("/", 1)[-1], row["position"]) for row in found) == sorted(
        (f"{name}.parquet", place) for name in odd for place in range(3)
    )


def test_a_parquet_file_that_is_damaged_behind_its_head_costs_itself_and_its_rows_are_counted(spark, tmp_path):
    rows = [{"instruction": f"Describe the sea, part {n}?", "output": f"{n * 7919:x} waves."} for n in range(9000)]
    for name in ("a.parquet", "b c%20d+.parquet", "e.parquet"):
        pq.write_table(
            pa.Table.from_pylist(rows[:9000] if name != "a.parquet" else rows[:40]),
            tmp_path / name,
            row_group_size=1000,
        )
    for name in ("b c%20d+.parquet", "e.parquet"):
        content = bytearray((tmp_path / name).read_bytes())
        middle = len(content) // 2
        content[middle : middle + 3000] = b"\xa5" * 3000
        (tmp_path / name).write_bytes(content)
    files = inspect_sources(spark, [source(tmp_path)], IngestConfig()).files
    assert all(file.fault is None for file in files), "their heads are sound"
    stored = []

    damaged = read_around_damage(lambda read: stored.append(places(read_drafts(spark, read))), files)

    (found,) = stored
    assert [one[0] for one in found].count("a.parquet") == 40
    assert [one for one in found if one[0] != "a.parquet"] == [
        ("b c%20d+.parquet", 0, "refused", "corrupt_parquet"),
        ("e.parquet", 0, "refused", "corrupt_parquet"),
    ]
    assert damaged == {f"file:{tmp_path}/{name}": 9000 for name in ("b c%20d+.parquet", "e.parquet")}
    assert damage_warnings(damaged)[0] == (
        f"file:{tmp_path}/b c%20d+.parquet: damaged behind its first rows, so none of its 9,000 rows are read; "
        "get it again"
    )


def counted(file, records, outcome="used", reason=None):
    return {"file": file, "records": records, "outcome": outcome, "reason": reason}


@pytest.mark.parametrize(
    ("rows", "lost_rows", "said"),
    [
        ([counted("a", 8), counted("a", 2, "refused", "invalid_json")], {}, None),
        (
            [counted("a", 7), counted("a", 3, "refused", "invalid_json")],
            {},
            f"3 of 10 records refused (3 invalid_json; {ADVICE['invalid_json']})",
        ),
        # One record in the table, and a quarter of what should have been read.
        (
            [counted("a", 3000), counted("b", 1, "refused", "corrupt_parquet")],
            {"b": 1000},
            "1,000 of 4,000 records refused (1,000 corrupt_parquet; the Parquet file is damaged; get it again)",
        ),
        (
            [*(counted(name, 1000) for name in "bcdefg"), counted("a", 1, "refused", "corrupt_parquet")],
            {"a": 1000},
            None,
        ),
        # How much was in it nobody knows.
        (
            [counted("a", 3000), counted("b", 1, "refused", "pointer_not_data")],
            {},
            "1 of 2 files give nothing (1 pointer_not_data; a pointer, not the data: git lfs pull): b",
        ),
        ([counted("a", 3000), counted("b", 9), counted("b", 1, "refused", "truncated")], {}, None),
        ([*(counted(name, 9) for name in "bcde"), counted("a", 1, "refused", "html_not_json")], {}, None),
    ],
)
def test_what_a_source_loses_is_counted_in_records_and_in_files(rows, lost_rows, said):
    assert unusable_share(rows, lost_rows, 0.2) == said


def test_an_error_of_spark_that_names_no_file_of_ours_is_left_alone(tmp_path):
    assert damaged_place("[DIVIDE_BY_ZERO] Division by zero.", []) is None
    with pytest.raises(
        SourceFormatError, match=r"file:/x y\.orc cannot be read to its end; get it again, or leave it out"
    ):
        damaged_place("[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///x%20y.orc. SQLSTATE", [])


def test_what_only_spark_can_open_reads_the_same(spark, tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text(json.dumps(ALPACA))
    (tmp_path / "b.jsonl").write_bytes(as_lines(ALPACA))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(as_lines(ALPACA)))
    pq.write_table(pa.Table.from_pylist(ALPACA), tmp_path / "d.parquet")
    here = places(ingest(spark, source(tmp_path)))

    monkeypatch.setenv("HADOOP_CONF_DIR", "/etc/hadoop")  # paths may be of another file system

    assert places(ingest(spark, source(tmp_path))) == here and len(here) == 160


def test_a_tree_id_that_is_half_a_character_is_an_id_like_another(spark, tmp_path):
    row = {"message_id": "q", "message_tree_id": "\ud800", "role": "prompter", "text": "Why?", "parent_id": None}
    rows = [row, {**row, "message_id": "a", "parent_id": "q", "role": "assistant", "text": "So.", "rank": 0}]
    (tmp_path / "o.jsonl").write_bytes(as_lines(rows))

    (used,) = (row for row in ingest(spark, source(tmp_path / "o.jsonl")).collect() if row.drafts)

    assert (used.drafts[0].instruction, used.drafts[0].reference_response) == ("Why?", "So.")
