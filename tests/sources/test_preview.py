"""What `phase0 init` shows of a file, and that the configuration it writes is one."""

import csv
import gzip
import io
import json
import re
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from jobs.config.load import load_settings
from jobs.config.paths import literal
from jobs.config.settings import Settings
from jobs.config.starter import StarterSource, source_names, starter_config
from jobs.sources import inspection
from jobs.sources.inspection import HEAD_RECORDS
from jobs.sources.listing import list_local
from jobs.sources.preview import Preview, preview_files
from jobs.sources.preview import preview_file as preview_found
from schemas.errors import ConfigError, SourceFormatError
from udfs import json_objects

ALPACA = [{"instruction": f"Square {n}.", "input": "", "output": str(n * n)} for n in range(300)]
QUESTIONS = [{"question": f"What is {n}?", "answer": f"It is {n}.", "when": None} for n in range(30)]
FIELDS = {"instruction": "question", "response": "answer"}


def as_lines(records) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def as_csv(records) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, records[0])
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


def preview_file(path) -> Preview:
    """What is found at the path of one file."""
    (file,) = list_local([literal(str(path))]).files
    return preview_found(file)


def shown(paths, output, **options) -> str:
    out = io.StringIO()
    preview_files(paths, output, Console(file=out, width=100), force=options.get("force", False))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "container", "detected", "fields"),
    [
        ("a.json", json.dumps(ALPACA).encode(), "json_array", "alpaca", {}),
        ("a.json", json.dumps(ALPACA, indent=1).encode(), "json_array", "alpaca", {}),
        ("a.jsonl", as_lines(ALPACA), "json_lines", "alpaca", {}),
        ("a.jsonl.gz", gzip.compress(as_lines(ALPACA), mtime=0), "json_lines", "alpaca", {}),
        ("q.csv", as_csv(QUESTIONS), "csv", "table", FIELDS),
        ("q.jsonl", as_lines(QUESTIONS), "json_lines", "table", FIELDS),
    ],
)
def test_container_format_and_columns_are_detected(tmp_path, name, content, container, detected, fields):
    (tmp_path / name).write_bytes(content)

    preview = preview_file(tmp_path / name)

    assert (preview.container, preview.source.format, dict(preview.source.fields)) == (container, detected, fields)
    assert preview.source.why.startswith("20 of 20 records have ") and not preview.refused
    assert len(preview.parsed) == min(HEAD_RECORDS, 300 if fields == {} else 30)
    assert preview.parsed[2].drafts[0].response == ("4" if not fields else "It is 2.")


def test_parquet_is_read_from_its_head(tmp_path):
    pq.write_table(pa.Table.from_pylist(QUESTIONS), tmp_path / "q.parquet")

    preview = preview_file(tmp_path / "q.parquet")

    assert (preview.container, preview.source.format, dict(preview.source.fields)) == ("parquet", "table", FIELDS)
    assert preview.parsed[1].drafts[0].instruction == "What is 1?"


@pytest.mark.parametrize("render", [as_lines, lambda r: json.dumps(r).encode()], ids=["lines", "array"])
def test_records_that_are_longer_than_any_piece_that_is_read_are_whole(tmp_path, render):
    long = [{"instruction": f"Repeat {n}.", "output": "x" * 90_000} for n in range(20)]
    (tmp_path / "long.json").write_bytes(render(long))

    preview = preview_file(tmp_path / "long.json")

    assert len(preview.parsed) == 20
    assert not preview.refused


def test_refused_records_are_counted_by_reason(tmp_path):
    bad = [b"{broken", b"{broken too", b'{"instruction": " ", "output": "x"}', b"[1]"]
    (tmp_path / "a.jsonl").write_bytes(as_lines(ALPACA[:10]) + b"\n".join(bad))

    text = shown([tmp_path / "a.jsonl"], tmp_path / "c.yaml")

    assert "of the first 14 records 10 used, 2 refused: invalid_json, 1 refused: missing_instruction" in text
    assert "1 refused: not_an_object" in text


def test_messages_of_a_tree_are_joined_as_ingest_joins_them(tmp_path):
    rows = [
        {
            "message_id": "q",
            "parent_id": None,
            "message_tree_id": "t",
            "role": "prompter",
            "text": "Why?",
            "lang": "en",
        },
        {"message_id": "a", "parent_id": "q", "message_tree_id": "t", "role": "assistant", "text": "So.", "rank": 0},
    ]
    (tmp_path / "o.jsonl").write_bytes(as_lines([{"deleted": False, **row} for row in rows]))

    text = shown([tmp_path / "o.jsonl"], tmp_path / "c.yaml")

    assert "of the first 2 records 1 used, 1 part of another record's example" in text
    assert "response: So." in text


def test_the_configuration_is_loaded_back_as_what_was_shown(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.json").write_bytes(json.dumps(ALPACA).encode())
    (tmp_path / "data" / "q.csv").write_bytes(as_csv(QUESTIONS))
    config = tmp_path / "my config.yaml"

    text = shown([tmp_path / "data" / "a.json", tmp_path / "data" / "q.csv", tmp_path / "data" / "a.json"], config)

    loaded = load_settings(str(config))
    read = [(s.name, s.path, s.format, dict(s.fields), s.licence) for s in loaded.sources]
    assert read == [
        ("a", (str(tmp_path / "data" / "a.json"),), "alpaca", {}, "unknown"),
        ("q", (str(tmp_path / "data" / "q.csv"),), "table", FIELDS, "unknown"),
    ]
    assert yaml.safe_load(config.read_text())["sources"][0]["path"] == "data/a.json", "relative to the configuration"
    assert loaded.model_copy(update={"sources": ()}) == Settings(
        sources=[{"name": "a", "path": "a", "licence": "MIT"}], workspace=loaded.workspace
    ).model_copy(update={"sources": ()}), "every other option has its default"
    assert f"phase0 run --config '{config}' --limit 200" in text


def test_every_option_of_every_section_is_in_the_configuration(tmp_path):
    written = yaml.safe_load(starter_config([StarterSource(tmp_path / "a.jsonl", "alpaca", "why")], tmp_path))

    defaults = Settings(sources=[{"name": "a", "path": "a", "licence": "MIT"}]).model_dump(mode="json")
    # A provider is described where one is added, and a teacher says no more than its name and kind.
    for section in set(defaults) - {"sources", "workspace", "catalog", "providers"}:
        assert set(written[section]) == set(defaults[section])
        read = Settings.model_fields[section].annotation.model_validate(written[section])
        assert read.model_dump(mode="json") == defaults[section]


def test_a_commented_option_of_a_source_is_accepted_when_uncommented(tmp_path):
    text = starter_config([StarterSource(tmp_path / "a.jsonl", "alpaca", "why")], tmp_path)
    uncommented = text.replace("    # priority:", "    priority:").replace("    # rules_off:", "    rules_off:")
    (tmp_path / "c.yaml").write_text(uncommented)

    assert uncommented != text and load_settings(str(tmp_path / "c.yaml")).sources[0].priority == 100


def test_columns_that_match_nothing_are_named_and_the_configuration_says_how_to_map_them(tmp_path):
    (tmp_path / "odd.csv").write_text("frage,antwort\nWas?,Das.\n")

    with pytest.raises(SourceFormatError, match="found the keys `frage`, `antwort`") as refused:
        shown([tmp_path / "odd.csv"], tmp_path / "c.yaml")

    assert f"{tmp_path}/c.yaml has them with their columns, as comments" in str(refused.value)
    written = (tmp_path / "c.yaml").read_text()
    assert "# The columns are: frage, antwort" in written
    with pytest.raises(ConfigError, match="sources"):
        load_settings(str(tmp_path / "c.yaml"))
    (tmp_path / "c.yaml").write_text(uncommented(written))
    assert load_settings(str(tmp_path / "c.yaml")).sources[0].fields == {"instruction": "frage", "response": "antwort"}


def uncommented(written: str) -> str:
    """A configuration with the last of its left out sources taken in, and its columns named."""
    before, source = written.split("  # left out: the format", 1)
    _, *lines = source.split("\n")
    count = next(place for place, line in enumerate(lines) if not line.startswith("  #"))
    taken = [line.replace("  # ", "  ", 1) for line in lines[:count]]
    mapped = "\n".join([*taken, *lines[count:]])
    return before + mapped.replace("instruction: COLUMN", "instruction: frage").replace(
        "response: COLUMN", "response: antwort"
    )


def test_hostile_text_changes_neither_the_terminal_nor_the_configuration(tmp_path):
    record = {"instruction": "\x1b[2J[red]Hi[/red] [/] :smile: \u202e", "output": "a\\", "evil\nworkspace: /etc": "x"}
    odd = {"q\nlicence: MIT": "\x1b]0;title\x07", "r: [": "y"}
    (tmp_path / "a.jsonl").write_bytes(as_lines([record] * 3))
    (tmp_path / "b.jsonl").write_bytes(as_lines([odd] * 3))

    text = shown([tmp_path / "a.jsonl"], tmp_path / "b.yaml")
    text += shown([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], tmp_path / "c.yaml")

    assert not {ch for ch in text if not ch.isprintable() and ch != "\n"}
    assert "[red]Hi[/red] [/] :smile:" in text
    loaded = load_settings(str(tmp_path / "c.yaml"))
    assert loaded.workspace.endswith("/workspace") and [s.licence for s in loaded.sources] == ["unknown"]


def tar_of(content):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as opened:
        member = tarfile.TarInfo("data.jsonl")
        member.size = len(content)
        opened.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def test_long_text_is_cut(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(as_lines([{"instruction": "w" * 5_000, "output": "y"}]))

    assert "… (5,000 characters)" in shown([tmp_path / "a.jsonl"], tmp_path / "c.yaml").replace("\n", " ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("page.json", b"<!DOCTYPE html><html></html>", "a web page, not the data"),
        ("page.parquet", b"<!DOCTYPE html>" + b" " * (2 << 20), "a web page, not the data"),
        ("x.jsonl", b"PK\x03\x04", "a zip archive: unzip it"),
        ("x.csv", b"PK\x03\x04" + b"\n" * 26 + b"[Content_Types].xml", "a spreadsheet, or another office"),
        ("x.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "a spreadsheet, or another office file: save it"),
        ("x.tar.gz", gzip.compress(tar_of(b'{"instruction": "a"}\n'), mtime=0), "a tar archive: tar -xf FILE"),
        ("x.jsonl", b"7z\xbc\xaf\x27\x1c" + b"\0" * 99, "a 7z archive: 7z x FILE"),
        ("x.jsonl", b"[1, 2]\n[3, 4]\n", "2 not_an_object; each record must be an object with named fields; jq -c"),
        ("x.jsonl", b'{"messages": [{"role": "", "content": "a"}]}\n', "not in the format messages; it has the keys"),
        ("x.jsonl", b"", "empty"),
        ("x.jsonl", b" \n", "no records in it"),
        ("x.jsonl", b"{a\n{b\n", "none of the first 2 records can be used: 2 invalid_json; no JSON; one object a line"),
        (
            "x.csv",
            "frage,a\né,b\n".encode("cp1252"),
            "1 not_utf8; not UTF-8, perhaps WINDOWS-1252: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW",
        ),
        (
            "x.jsonl",
            '{"instruction": "日本の首都はどこですか。"}\n'.encode("cp932"),
            "1 not_utf8; not UTF-8, perhaps SHIFT_JIS: iconv -f SHIFT_JIS -t UTF-8 FILE > NEW",
        ),
        (
            "x.csv",
            "问题,答案\n法国的首都是哪里,是巴黎。\n".encode("utf-16-le"),
            "text in UTF-16LE without a byte order mark: iconv -f UTF-16LE -t UTF-8 FILE > NEW",
        ),
        ("x.jsonl", b"What is a?\nWhat is b?\n", "lines of plain text: jq -cR '{instruction: .}' FILE > NEW.jsonl"),
        ("x.csv", b"My table\n\nquestion,answer\na,b\n", "the first line must be the header"),
        ("x.parquet", b"PAR1 nonsense", "a damaged Parquet file"),
        (
            "x.csv",
            b"version https://git-lfs.github.com/spec/v1\nsize 5000\n",
            "data of 5,000 bytes: git lfs pull",
        ),
        ("x.gz", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "packed twice"),
        ("x.jsonl", b'{"instruction": " "}\n' * 3, "3 missing_instruction"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_refused_and_nothing_is_written(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SourceFormatError, match="so there is nothing to run") as refused:
        shown([tmp_path / name], tmp_path / "c.yaml")
    assert f"{tmp_path / name}: " in str(refused.value) and message in str(refused.value)
    assert not (tmp_path / "c.yaml").exists()


def test_the_encoding_of_a_few_records_among_others_is_named(tmp_path):
    (tmp_path / "x.csv").write_bytes("question,answer\nWhy?,So.\nWarum schön?,Größe.\n".encode("cp1252"))

    text = shown([tmp_path / "x.csv"], tmp_path / "c.yaml")

    assert "1 refused: not_utf8" in text and "perhaps WINDOWS-1252" in " ".join(text.split())


def test_what_cannot_be_used_is_left_out_with_its_reason_and_the_rest_is_written(tmp_path):
    for number in range(12):
        (tmp_path / f"good{number}.jsonl").write_bytes(as_lines(ALPACA[:9]))
    (tmp_path / "bad.json").write_bytes(b"<!DOCTYPE html><html></html>")
    (tmp_path / "odd.csv").write_bytes(b"frage,antwort\nWas?,Das.\n")
    (tmp_path / "_temporary.jsonl").write_bytes(as_lines(ALPACA))

    text = shown([tmp_path], tmp_path / "config" / "c.yaml")

    assert len(text.splitlines()) < 30, "a summary by file"
    assert "left out" in text and "a web page, not the data" in text
    assert f"passed over {tmp_path}/_temporary.jsonl: its name begins with _" in text
    written = (tmp_path / "config" / "c.yaml").read_text()
    assert written.count("stricter Jaccard for this source") == 1, "what an option means is said once"
    assert "  # left out: a web page, not the data" in written
    loaded = load_settings(str(tmp_path / "config" / "c.yaml"))
    assert len(loaded.sources) == 12
    (tmp_path / "config" / "d.yaml").write_text(uncommented(written))
    assert load_settings(str(tmp_path / "config" / "d.yaml")).sources[-1].format == "table"


def test_names_that_a_shell_or_spark_would_take_for_something_else_are_read_back(tmp_path):
    names = ["~home.jsonl", "a:b.jsonl", "_x.jsonl", "[1]{2}*?.jsonl", "back\\slash.jsonl", "é ü.jsonl"]
    for name in names:
        (tmp_path / name).write_bytes(as_lines(ALPACA[:3]))

    shown([tmp_path / name for name in names], tmp_path / "c.yaml")

    for source, name in zip(load_settings(str(tmp_path / "c.yaml")).sources, names, strict=True):
        assert [file.path for file in list_local(source.paths).files] == [f"file:{tmp_path / name}"]


def test_missing_files_folders_and_an_existing_configuration_are_refused(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(as_lines(ALPACA[:3]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"nothing\.jsonl: no such file; .*empty: an empty folder"):
        shown([tmp_path / "nothing.jsonl", tmp_path / "empty"], tmp_path / "c.yaml")

    for address, advice in {
        "https://huggingface.co/datasets/owner/name/tree/main": "hub: owner/name for a source, then type phase0 fetch",
        "hf://datasets/owner/name/a.jsonl": "write hub: owner/name for a source",
        "https://x.org/a.jsonl": "write url: https://x.org/a.jsonl for a source",
        "s3://bucket/a.jsonl": "write path: s3://bucket/a.jsonl for a source, which Spark reads",
        "file:///data/a.jsonl": "write it as a path, /data/a.jsonl",
    }.items():
        with pytest.raises(ConfigError, match=re.escape(advice)):
            shown([Path(address)], tmp_path / "c.yaml")

    (tmp_path / "c.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=r"c\.yaml is there already; --force replaces it"):
        shown([tmp_path / "a.jsonl"], tmp_path / "c.yaml")
    assert (tmp_path / "c.yaml").read_text() == "mine"
    shown([tmp_path / "a.jsonl"], tmp_path / "c.yaml", force=True)
    assert load_settings(str(tmp_path / "c.yaml")).sources[0].name == "a"


@settings(max_examples=100, deadline=None)
@example(["\x85", "a\nb", "\u2028", "\ufeff", "\U0001f600"])
@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=90), max_size=5
    )
)
def test_any_file_name_gives_a_configuration_that_is_accepted(tmp_path_factory, file_names):
    folder = tmp_path_factory.getbasetemp()
    paths = [folder / name for name in file_names if name not in (".", "..")]
    text = starter_config([StarterSource(p, "table", p.name, {"instruction": p.name}) for p in paths], folder)

    names = source_names(paths)
    assert len(set(names)) == len(names)
    if paths:
        loaded = Settings.model_validate(yaml.safe_load(text))
        assert [source.name for source in loaded.sources] == names
        assert [source.fields["instruction"] for source in loaded.sources] == [p.name for p in paths]


def test_names_are_made_of_the_file_and_stay_unique(tmp_path):
    files = ["a.jsonl.gz", "a.json", "my data (v2).csv", "_.parquet", "x" * 70 + ".json", "x" * 80 + ".json"]

    names = source_names([tmp_path / name for name in files])

    assert names == ["a", "a-2", "my-data-v2", "source", "x" * 64, "x" * 62 + "-2"]


def test_the_real_files_are_all_recognised(shared_data, tmp_path):
    for path in sorted((shared_data / "sources").rglob("*.json*")):
        preview = preview_file(path)
        assert preview.parsed, f"{path.name}: {preview.source.why}"
        assert any(one.drafts for one in preview.parsed), path.name


def test_one_object_around_too_many_records_says_how_to_take_them_out(tmp_path, monkeypatch):
    for module in (json_objects, inspection):
        monkeypatch.setattr(module, "MAX_RECORD_BYTES", 2 << 20)
    rows = [{"instruction": f"Say {n}.", "output": "So I do."} for n in range(60_000)]
    (tmp_path / "a.json").write_text(json.dumps({"version": 1, "the rows": rows}))

    preview = preview_file(tmp_path / "a.json")

    said = "one object of more than 2 MiB; take its records out: jq -c '.[\"the rows\"][]' FILE > NEW.jsonl"
    assert preview.source.fault == said
