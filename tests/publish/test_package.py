"""What `phase0 package` promises of a finished run: the same rows, parted with care, described and loadable."""

import hashlib
import json
import shutil
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import yaml
from datasets import load_dataset

from jobs.cli.app import main
from jobs.config.load import load_settings
from jobs.publish.package import build_package
from jobs.publish.rows import packable_rows
from jobs.publish.source import read_source, require_exported
from jobs.verify.package import verify_package
from jobs.workspace.delta_tables import CannotReadError, DeltaTables
from schemas.errors import ConfigError, DataRefusedError, MissingTableError
from schemas.tables import DATASET, SELECTION
from tests.support.upload_hub import TOKEN, upload_hub

OPTIONS = ("--messages", "--format", "jsonl", "--format", "parquet", "--shards", "3", "--validation", "0.1")


def package(demo, output, *options):
    """Type the command; its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["package", "--config", "demo", "--set", f"workspace={demo.workspace}", "--output", str(output), *options])
    return ended.value.code or 0


@pytest.fixture(scope="module")
def packed(demo, tmp_path_factory):
    """The demo as a package with everything."""
    folder = tmp_path_factory.mktemp("packed") / "package"
    assert package(demo, folder, *OPTIONS) == 0
    return folder


def lines(folder, pattern):
    return [json.loads(line) for path in sorted(folder.glob(pattern)) for line in path.read_text("utf-8").splitlines()]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_bare_rows_are_those_of_the_export_each_in_one_split(demo, packed):
    exported = (demo.workspace / "output" / "dataset.jsonl").read_text("utf-8").splitlines()
    train, validation = lines(packed, "data/train-*.jsonl"), lines(packed, "data/validation-*.jsonl")

    assert sorted(map(json.dumps, train + validation)) == sorted(json.dumps(json.loads(line)) for line in exported)
    assert len(validation) == 27, "a tenth of 269"
    sizes = [len(lines(packed, f"data/train-0000{shard}-of-00003.jsonl")) for shard in range(3)]
    assert sum(sizes) == 242 and max(sizes) - min(sizes) <= 1


def test_chat_messages_add_what_needs_its_system_prompt_or_its_history(demo, packed):
    chats = lines(packed, "messages/train-*.jsonl") + lines(packed, "messages/validation-*.jsonl")
    roles = [[message["role"] for message in chat["messages"]] for chat in chats]
    reasons = demo.runtime.read(SELECTION).groupBy("reason").count().collect()
    wanted = {row["reason"]: row["count"] for row in reasons}

    assert sum(turns == ["user", "assistant"] for turns in roles) == wanted[None] == 269
    assert sum(turns[0] == "system" for turns in roles) == wanted["needs_system"] == 3
    assert sum(len(turns) > 2 and turns[0] == "user" for turns in roles) == wanted["needs_history"] == 9
    assert list(chats[0]) == ["messages", "source", "quality_score", "category"]


def test_both_configurations_part_the_rows_alike(packed):
    def sides(pattern, text):
        return {text(row): split for split in ("train", "validation") for row in lines(packed, pattern.format(split))}

    bare = sides("data/{}-*.jsonl", lambda row: row["instruction"])
    chat = sides("messages/{}-*.jsonl", lambda row: row["messages"][-2]["content"])
    assert bare.items() <= chat.items()


def test_it_passes_verification_and_every_checksum_holds(packed):
    manifest = json.loads((packed / "manifest.json").read_text())

    verification = verify_package(packed)

    assert verification.passed, verification.checks
    assert verification.splits == manifest["splits"]
    assert set(manifest["files"]) == set(contents(packed)) - {"manifest.json"}
    for name, facts in manifest["files"].items():
        content = (packed / name).read_bytes()
        assert (facts["sha256"], facts["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))


def test_datasets_loads_every_configuration_split_and_format(packed, tmp_path, monkeypatch):
    bare = load_dataset(str(packed), cache_dir=str(tmp_path))
    chat = load_dataset(str(packed), "messages", cache_dir=str(tmp_path))
    files = {split: str(packed / "data" / f"{split}-*.jsonl") for split in ("train", "validation")}
    from_json = load_dataset("json", data_files=files, cache_dir=str(tmp_path))

    assert {split: rows.num_rows for split, rows in bare.items()} == {"train": 242, "validation": 27}
    assert {split: rows.num_rows for split, rows in chat.items()} == {"train": 253, "validation": 28}
    assert bare["train"].to_list() == from_json["train"].to_list() == lines(packed, "data/train-*.jsonl")
    assert chat["validation"].to_list() == lines(packed, "messages/validation-*.jsonl")


def test_the_provenance_names_the_row_of_each_configuration(packed):
    told = pq.read_table(packed / "provenance.parquet").to_pylist()
    rows = {split: lines(packed, f"data/{split}-*.jsonl") for split in ("train", "validation")}
    chats = {split: lines(packed, f"messages/{split}-*.jsonl") for split in ("train", "validation")}

    assert len(told) == 281 and sum(row["row"] is None for row in told) == 12
    for row in told:
        chat = chats[row["split"]][row["messages_row"] - 1]
        assert (chat["source"], round(chat["quality_score"] * 10)) == (row["source"], row["quality_tenths"])
        if row["row"] is not None:
            assert chat["messages"][-1]["content"] == rows[row["split"]][row["row"] - 1]["response"]


def test_the_card_says_what_is_in_it_and_how_to_load_it(packed):
    card = (packed / "README.md").read_text("utf-8")
    matter = yaml.safe_load(card.split("---")[1])

    assert [config["config_name"] for config in matter["configs"]] == ["default", "messages"]
    assert matter["configs"][1]["data_files"][1] == {"split": "validation", "path": "messages/validation-*.parquet"}
    assert "| `default` | validation | 27 |" in card and "| `messages` | train | 253 |" in card
    assert "9 more that need the turns before them" in card and "3 more that need their system prompt" in card
    assert 'messages = load_dataset("path/to/this/folder", "messages")' in card
    for name, facts in json.loads((packed / "manifest.json").read_text())["files"].items():
        assert "split" not in facts or f"| sha256 of `{name}` | `{facts['sha256']}` |" in card


def test_the_same_run_gives_the_same_bytes_in_other_batches_and_asked_of_spark(demo, packed, tmp_path, monkeypatch):
    def refuse(*_):
        raise CannotReadError

    monkeypatch.setattr("jobs.publish.package._BATCH_ROWS", 7)
    monkeypatch.setattr("jobs.publish.split._BATCH_ROWS", 7)
    monkeypatch.setattr(DeltaTables, "query", refuse)
    assert package(demo, tmp_path / "again", *OPTIONS) == 0

    assert contents(tmp_path / "again") == contents(packed)


def test_a_package_that_is_up_to_date_is_left_and_pushed_on_demand(demo, packed, monkeypatch, capsys):
    monkeypatch.setattr("jobs.cli.package.build_package", lambda *_: pytest.fail("it is up to date"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with upload_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        assert package(demo, packed, *OPTIONS, "--push", "acme/instructions") == 0

    out = capsys.readouterr().out
    assert "is up to date" in out and f"pushed:    {hub.endpoint}/datasets/acme/instructions (private)" in out
    assert set(hub.repositories["acme/instructions"].files) == {".gitattributes", *contents(packed)}


def test_a_change_of_options_or_of_a_file_makes_it_anew(demo, packed, tmp_path, monkeypatch):
    built = []
    monkeypatch.setattr("jobs.cli.package.build_package", lambda *arguments: built.append(arguments))
    copy = shutil.copytree(packed, tmp_path / "copy")
    (copy / "provenance.parquet").write_bytes(b"")

    package(demo, packed, *OPTIONS[:-1], "0.2")
    package(demo, copy, *OPTIONS)
    package(demo, packed, *OPTIONS, "--force")

    assert len(built) == 3


def test_a_folder_with_something_else_in_it_is_left_alone(demo, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("precious")

    assert package(demo, tmp_path) == 2
    with pytest.raises(ConfigError, match=r"holds notes\.txt, which is no part of a package; name another folder"):
        build_package(demo.runtime, read_source(demo.runtime.settings), tmp_path)

    assert "holds notes.txt" in capsys.readouterr().err
    assert contents(tmp_path) == {"notes.txt": b"precious"}


def test_a_failure_half_way_leaves_the_old_package_and_nothing_else(demo, packed, tmp_path, monkeypatch):
    target = shutil.copytree(packed, tmp_path / "package")

    def fail(*_):
        raise DataRefusedError("the disk is gone")

    monkeypatch.setattr("jobs.publish.package.packable_rows", fail)
    with pytest.raises(DataRefusedError, match="the disk is gone"):
        build_package(demo.runtime, read_source(demo.runtime.settings), target)

    assert contents(target) == contents(packed) and [path.name for path in tmp_path.iterdir()] == ["package"]


def test_another_configuration_than_that_of_the_run_is_refused(demo, tmp_path, capsys):
    assert package(demo, tmp_path / "p", "--set", "select.min_score=8") == 2
    assert "the configuration is not the one that" in capsys.readouterr().err


def test_tables_newer_than_the_export_are_refused(demo):
    source = read_source(demo.runtime.settings)
    older = replace(source, manifest={**source.manifest, "tables": {**source.manifest["tables"], DATASET.name: -1}})

    require_exported(demo.runtime, source)
    with pytest.raises(ConfigError, match=r"dataset is newer than the export; run `phase0 export --force`"):
        require_exported(demo.runtime, older)


def test_a_run_that_has_exported_nothing_is_told_to_run_first(tmp_path):
    with pytest.raises(MissingTableError, match=r"nothing has been exported to .*/output; run `phase0 run`"):
        read_source(load_settings("demo", [f"workspace={tmp_path}"]))


def test_a_run_that_selected_nothing_gives_no_package(demo, tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.publish.package.packable_rows", lambda runtime: packable_rows(runtime).slice(0, 0))

    with pytest.raises(DataRefusedError, match="nothing was selected"):
        build_package(demo.runtime, read_source(demo.runtime.settings), tmp_path / "p")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "csv"], "package.formats.0: Input should be 'jsonl' or 'parquet'"),
        (["--format", "jsonl", "--format", "jsonl"], "package.formats: a format is named twice"),
        (["--validation", "2.5"], "package.validation: from 1 on it is a number of rows and has no decimals"),
        (["--push", "instructions"], "--push instructions: give owner/name"),
    ],
)
def test_a_bad_option_is_told_before_any_work(demo, tmp_path, capsys, options, said):
    assert package(demo, tmp_path / "p", *options) == 2
    assert said in capsys.readouterr().err
