"""What `--push` promises, with the hub's own client and a hub on the loopback."""

import json

import pytest
from huggingface_hub import constants

from jobs.publish.push import HubRepository
from schemas.errors import ConfigError, DataRefusedError, UploadError
from tests.support.packages import packable, write_package
from tests.support.upload_hub import TOKEN, Repository, upload_hub


@pytest.fixture
def hub(monkeypatch, tmp_path):
    # Large files by the protocol of git; that of Xet needs a service of its own.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with upload_hub() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.endpoint)
        yield found


def package(folder, rows=6, **options):
    split = ["validation", *["train"] * (rows - 1)]
    return write_package(folder, [packable(number, split[number]) for number in range(rows)], **options)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_package_is_pushed_file_by_file_in_one_commit_and_private(hub, tmp_path):
    folder = package(tmp_path / "package", formats=["jsonl", "parquet"], messages=True)

    pushed = HubRepository("acme/instructions").push(folder, public=False)

    repository = hub.repositories["acme/instructions"]
    assert repository.files == {".gitattributes": b"", **contents(folder)}
    assert repository.commits == ["Data set of run run-7"]
    assert (pushed.url, pushed.is_private) == (f"{hub.endpoint}/datasets/acme/instructions", True)


def test_a_newer_package_takes_the_place_of_the_older_and_leaves_other_files(hub, tmp_path):
    repository = HubRepository("acme/instructions")
    repository.push(package(tmp_path / "first", shards=3), public=True)
    held = hub.repositories["acme/instructions"]
    held.files["picture.png"] = b"of the owner"
    newer = package(tmp_path / "second", rows=8)

    pushed = repository.push(newer, public=False)

    assert held.files == {".gitattributes": b"", "picture.png": b"of the owner", **contents(newer)}
    assert len(held.commits) == 2
    assert not pushed.is_private, "who may read a repository that is there is its owner's affair"


def test_what_the_hub_has_already_is_not_sent_again(hub, tmp_path):
    folder, repository = package(tmp_path / "package"), HubRepository("acme/instructions")
    repository.push(folder, public=False)
    hub.asked.clear()

    repository.push(folder, public=False)

    assert not [asked for asked in hub.asked if asked.startswith("PUT")]


def test_a_package_that_fails_its_verification_stays_here(hub, tmp_path):
    folder = package(tmp_path / "package")
    with (folder / "data" / "train-00000-of-00001.jsonl").open("a") as file:
        file.write("{}\n")

    with pytest.raises(DataRefusedError, match=r"phase0 verify --input .*\n  Files: .*sha256 differs") as refused:
        HubRepository("acme/instructions").push(folder, public=False)

    assert refused.value.exit_code == 1 and not hub.repositories


def test_a_repository_with_something_else_in_it_is_left_alone(hub, tmp_path):
    theirs = {"data/train-00000-of-00001.parquet": b"precious", "manifest.json": json.dumps({"files": {}}).encode()}
    hub.repositories["acme/other"] = Repository(private=False, files=dict(theirs))

    with pytest.raises(ConfigError, match=r"holds data/train-00000-of-00001\.parquet, manifest\.json and no package"):
        HubRepository("acme/other").push(package(tmp_path / "package"), public=False)

    assert hub.repositories["acme/other"].files == theirs


@pytest.mark.parametrize("name", ["instructions", "a/b/c", "acme/", "../x", "acme/ü"])
def test_a_name_that_cannot_be_is_refused_before_anything_is_asked(hub, name):
    with pytest.raises(ConfigError, match="give owner/name"):
        HubRepository(name)
    assert not hub.asked


def test_a_missing_and_a_wrong_token_are_told_before_the_work_is_done(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    with pytest.raises(ConfigError, match="does not know the token") as refused:
        HubRepository("acme/instructions")
    assert "hf_old" not in str(refused.value)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ConfigError, match="needs a token that may write: export HF_TOKEN"):
        HubRepository("acme/instructions")


def test_a_token_without_the_right_to_write_is_a_fault_of_the_user(hub, tmp_path):
    with pytest.raises(ConfigError, match=r"may not write to .*/datasets/else/instructions"):
        HubRepository("else/instructions").push(package(tmp_path / "package"), public=False)


@pytest.mark.parametrize(("status", "said"), [(413, "the hub answers 413"), (412, "changed by somebody else")])
def test_a_hub_that_does_not_take_it_ends_with_code_3(hub, tmp_path, status, said):
    hub.refusals["POST /api/datasets/acme/instructions/commit"] = status

    with pytest.raises(UploadError, match=said) as refused:
        HubRepository("acme/instructions").push(package(tmp_path / "package"), public=False)

    assert refused.value.exit_code == 3


def test_a_hub_out_of_reach_ends_with_code_3(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UploadError, match=r"127\.0\.0\.1:9/datasets/acme/instructions: .*push again") as refused:
        HubRepository("acme/instructions")
    assert refused.value.exit_code == 3


def test_offline_mode_is_respected(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE is set"):
        HubRepository("acme/instructions")
