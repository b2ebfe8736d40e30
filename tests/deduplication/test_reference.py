"""Rows that are published already: where they are found, when their signatures are new, and what falls to them."""

import json

import pytest

from jobs.config.deduplicate import DeduplicateConfig
from jobs.deduplication.near_duplicates import find_near_duplicates
from jobs.deduplication.reference import open_reference, reference_files, reference_key
from schemas.errors import ConfigError
from tests.support.exact_pairs import jaccard
from tests.support.frames import storing_in
from udfs.shingles import shingles

CONFIG = DeduplicateConfig(bands=40, rows=1)
WORDS = [f"w{n}" for n in range(60)]


def write(path, *instructions):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"instruction": one}) + "\n" for one in instructions), encoding="utf-8")
    return str(path)


def test_a_reference_is_files_a_folder_an_earlier_workspace(tmp_path):
    one = write(tmp_path / "files" / "a.jsonl", "x")
    write(tmp_path / "files" / "notes.txt", "x")
    of_workspace = write(tmp_path / "w" / "output" / "dataset.jsonl", "y")
    (tmp_path / "w" / "tables").mkdir()

    assert reference_files([one]) == reference_files([f"{tmp_path}/files"]) == {"a.jsonl": one}
    assert reference_files([f"{tmp_path}/w"]) == {"dataset.jsonl": of_workspace}
    with pytest.raises(ConfigError, match=r"against .*missing\.jsonl: no such file"):
        reference_files([f"{tmp_path}/missing.jsonl"])
    other = write(tmp_path / "other" / "a.jsonl", "x")
    with pytest.raises(ConfigError, match=r"two files are called a\.jsonl"):
        reference_files([one, other])


def test_signatures_hold_as_long_as_the_bytes_and_the_banding_do(tmp_path):
    found = reference_files([write(tmp_path / "a.jsonl", "x")])
    key = reference_key(found, ("instruction",), CONFIG)

    assert key == reference_key({"a.jsonl": write(tmp_path / "moved" / "a.jsonl", "x")}, ("instruction",), CONFIG)
    assert key != reference_key(found, ("instruction", "response"), CONFIG)
    assert key != reference_key(found, ("instruction",), DeduplicateConfig())
    write(tmp_path / "a.jsonl", "y")
    assert key != reference_key(found, ("instruction",), CONFIG)


def test_what_resembles_a_published_row_falls_to_the_most_similar_one_and_so_do_its_copies(spark, tmp_path):
    published = [" ".join(WORDS), " ".join([*WORDS[3:], "a", "b", "c"]), "quite another thing altogether", "???"]
    path = write(tmp_path / "reference.jsonl", *published)
    near = " ".join([*WORDS[1:], "a"])
    texts = {
        "1": near,
        "2": near.upper(),
        "3": published[0],
        "4": "one new text here",
        "5": "one new text here!",
        "6": "? ??",
    }
    frame = spark.createDataFrame([(r, t, 0.8) for r, t in texts.items()], "rank string, text string, threshold double")

    def run():
        reference = open_reference(spark, [path], ("instruction",), CONFIG, str(tmp_path / "signatures"))
        found = find_near_duplicates(frame, CONFIG, storing_in(spark, tmp_path / "scratch"), reference)
        rows = {row["rank"]: row for row in found.of_reference.collect()}
        return rows, {row["rank"]: row["kept_rank"] for row in found.duplicates.collect()}

    rows, others = run()

    first, *_ = [jaccard(shingles(near), shingles(one)) for one in published]
    assert {rank: (row["kept_rank"], row["jaccard"]) for rank, row in rows.items()} == {
        "1": ("reference.jsonl:0", first), "2": ("reference.jsonl:0", first),
        "3": ("reference.jsonl:0", 1.0), "6": ("reference.jsonl:3", 1.0),
    }  # fmt: skip
    assert rows["1"]["twin_text"] == published[0]
    assert others == {"5": "4"}, "the rest is compared among itself"
    signed = sorted(file.stat().st_mtime_ns for file in (tmp_path / "signatures").rglob("*.parquet"))
    assert run() == (rows, others)
    assert signed == sorted(file.stat().st_mtime_ns for file in (tmp_path / "signatures").rglob("*.parquet"))
