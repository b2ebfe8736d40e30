"""What verification promises of a package: each file, each row of each format, and nothing known on both sides."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.verify.file import main_verify
from jobs.verify.package import verify_package
from schemas.errors import ConfigError
from tests.support.packages import packable, renew, write_package, write_sealed
from udfs.shingles import tokenise

BOTH = {"formats": ["jsonl", "parquet"], "messages": True, "shards": 2}


def rows(*more, count=8):
    return [*(packable(number, "validation" if number < 2 else "train") for number in range(count)), *more]


def turns(*contents):
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(contents)]


def check(folder, name):
    return next(check for check in verify_package(folder).checks if check.name == name)


def verdict(folder, name):
    found = check(folder, name)
    return found.verdict.value, found.measured


SHARD = "data/validation-00000-of-00001.jsonl"
LAST = "data/train-00001-of-00002.jsonl"


def say(folder, change_files):
    """Have a manifest, whose seal is right, say something else of its files."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change_files(manifest["files"])
    write_sealed(folder, manifest)


def forget(folder, name):
    """A package that never had this file, as far as its manifest goes."""
    (folder / name).unlink()
    say(folder, lambda files: files.pop(name))


def change(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def test_a_package_as_it_was_written_passes(tmp_path, capsys):
    chat = packable(20, is_bare=False, system="Be brief.", history=turns("Where is Rome?", "In Italy."))
    folder = write_package(tmp_path / "p", rows(chat), **BOTH)

    assert main_verify(folder, {}) == main_verify(folder / "manifest.json", {}) == 0

    out = capsys.readouterr().out
    assert "\nSplits\n  default          train 6, validation 2\n  messages         train 7, validation 2\n" in out
    assert "PASS          Files            14 files, sha256, bytes and rows agree; wanted: the same files" in out
    assert "PASS          Messages         9 of 9 rows are conversations; wanted: all" in out
    assert "PASS          Split            0 of 4 validation rows (default and messages) resemble one of train" in out
    assert "Dataset Ready for Training: YES" in out


def test_the_rows_of_all_splits_are_measured_together(tmp_path):
    folder = write_package(tmp_path / "p", rows(packable(3, pair_id="copy")), shards=3)

    verification = verify_package(folder, {"min_rows": 10})

    verdicts = {check.name: check.verdict.value for check in verification.checks}
    assert (verdicts["Rows"], verdicts["Duplicates"], verification.status) == ("FAIL", "FAIL", "FAILED")
    place, pair = verification.place, verification.measures.duplicates.first[0]
    assert place(pair.line) == "data/train-00002-of-00003.jsonl line 2"
    assert place(pair.twin_line) == "data/train-00000-of-00003.jsonl line 2"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "provenance.parquet").unlink(), "provenance.parquet is missing"),
        (lambda folder: (folder / "data/train-00001-of-00002.jsonl").unlink(), "train-00001-of-00002.jsonl is missing"),
        (
            lambda folder: (folder / "messages/train-00000-of-00002.parquet").write_bytes(b"PAR1"),
            "messages/train-00000-of-00002.parquet is not the file of the manifest: its sha256 differs",
        ),
        (
            lambda folder: (folder / "data/train-00002-of-00002.jsonl").write_text("{}"),
            "data/train-00002-of-00002.jsonl is not in the manifest",
        ),
        (lambda folder: (folder / "README.md").unlink(), "README.md is missing"),
        (lambda folder: (folder / "extra.parquet").write_bytes(b"PAR1"), "extra.parquet is not in the manifest"),
        (lambda folder: (folder / "data/.x.jsonl").write_text("{}"), "data/.x.jsonl is not in the manifest"),
        (
            lambda folder: say(folder, lambda files: files[SHARD].update(rows=3)),
            "data/validation-00000-of-00001.jsonl has 2 rows, not 3",
        ),
        (lambda folder: say(folder, lambda files: files[SHARD].update(bytes=3)), f"{SHARD} has "),
        (lambda folder: say(folder, lambda files: files[SHARD].pop("sha256")), "has no sha256 in the manifest"),
        (lambda folder: forget(folder, "provenance.parquet"), "provenance.parquet is not in the manifest"),
        (lambda folder: forget(folder, "README.md"), "README.md is not in the manifest"),
        (lambda folder: forget(folder, LAST), f"{LAST} is left out"),
        (
            lambda folder: forget(folder, LAST),
            "default train has 3 rows, not 6",
        ),
    ],
    ids=[
        *("no provenance", "no shard", "other bytes", "one more", "no card", "foreign data", "hidden data"),
        *("other count", "other size", "no checksum", "provenance unsaid", "card unsaid", "gap", "other splits"),
    ],
)
def test_files_that_are_not_those_of_the_manifest_are_named(tmp_path, capsys, harm, said):
    folder = write_package(tmp_path / "p", rows(), **BOTH)
    harm(folder)

    assert main_verify(folder, {}) == 1

    assert verdict(folder, "Files")[0] == "FAIL" and said in verdict(folder, "Files")[1]
    assert "Validation Status: FAILED" in capsys.readouterr().out


def test_what_a_hub_or_git_keeps_beside_the_files_is_no_part_of_a_package(tmp_path):
    folder = write_package(tmp_path / "p", rows())
    for name in (".gitattributes", ".git/HEAD", ".cache/huggingface/download/README.md.lock"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")

    assert verdict(folder, "Files")[0] == "PASS"


def test_a_damaged_manifest_is_a_failure_and_no_wrong_usage(tmp_path, capsys):
    folder = write_package(tmp_path / "p", rows())
    change(folder / "manifest.json", "run-7", "run-6")

    assert main_verify(folder, {}) == 1

    assert "manifest.json is damaged or was edited" in capsys.readouterr().err


def test_formats_with_different_rows_are_named_though_every_checksum_is_right(tmp_path):
    folder = write_package(tmp_path / "p", rows(), **BOTH)
    change(folder / "messages" / "train-00000-of-00002.jsonl", "Explain w2", "Describe w2")
    renew(folder)

    assert verdict(folder, "Files") == (
        "FAIL",
        "messages train: the files of one format hold other rows than those of the other",
    )


def test_a_row_that_is_none_is_named_with_its_file(tmp_path, capsys):
    folder = write_package(tmp_path / "p", rows(), shards=2)
    change(folder / "data" / "train-00001-of-00002.jsonl", '"category": "general"', '"category": "x\x07"')
    renew(folder)

    assert main_verify(folder, {}) == 1

    out = capsys.readouterr().out
    assert "  data/train-00001-of-00002.jsonl line 1: not JSON: Invalid control character" in out
    assert "FAIL          Valid format     62.5 % (5 of 8 lines)" in out


def test_a_blank_or_missing_text_in_parquet_is_no_row(tmp_path):
    folder = write_package(tmp_path / "p", rows(), formats=["parquet"])
    path = folder / "data" / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    texts = [" ", None, *table["response"].to_pylist()[2:]]
    pq.write_table(table.set_column(1, "response", pa.array(texts, pa.string())), path)
    renew(folder)

    verification = verify_package(folder)

    assert [(verification.place(fault.line), fault.reason) for fault in verification.measures.malformed_first] == [
        ("data/train-00000-of-00001.parquet row 1", "response is blank"),
        ("data/train-00000-of-00001.parquet row 2", "response is null, not a string"),
    ]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("none", "messages is a string, not a list"),
        ([], "there is no turn"),
        (turns("a"), "user and assistant do not take turns, the user first and the assistant last"),
        (turns("a", "b")[::-1], "user and assistant do not take turns, the user first and the assistant last"),
        ([*turns("a", "b"), {"role": "system", "content": "c"}], "a system message is not the first"),
        (turns("a", " \n"), "the content of message 2 is blank"),
        ([{"role": "tool", "content": 3}], "the role of message 1 is not system, user or assistant; the content of"),
        ([{"role": "user"}], "message 1 is not an object of role and content"),
    ],
)
def test_what_is_no_conversation_is_told(tmp_path, capsys, messages, said):
    folder = write_package(tmp_path / "p", rows(), messages=True)
    path = folder / "messages" / "train-00000-of-00001.jsonl"
    first, *others = path.read_text().splitlines()
    broken = json.dumps({**json.loads(first), "messages": messages})
    path.write_text("\n".join([broken, *others]) + "\n")
    renew(folder)

    assert main_verify(folder, {}) == 1

    out = capsys.readouterr().out
    assert f"  messages/train-00000-of-00001.jsonl line 1: {said}" in out
    assert "FAIL          Messages         7 of 8 rows are conversations" in out


def test_a_validation_row_that_train_gives_away_is_named_with_its_twin(tmp_path, capsys):
    known = packable(1)
    words = tokenise(known["instruction"])
    near = packable(30, instruction=" ".join([*words[:-3], "quite", "another", "end"]))
    folder = write_package(tmp_path / "p", rows(near), split_jaccard=0.5)

    assert main_verify(folder, {}) == 1

    out = capsys.readouterr().out
    places = "data/validation-00000-of-00001.jsonl line 2 ~ data/train-00000-of-00001.jsonl line 7"
    assert f"  {places}: 0.5000 by prompt\n" in out, "10 of 20 shingles are shared"
    assert "FAIL          Split            1 of 2 validation rows resemble one of train; wanted: none" in out
    assert write_and_judge(tmp_path / "q", rows(near), split_jaccard=0.6)[0] == "PASS"


def write_and_judge(folder, content, **options):
    return verdict(write_package(folder, content, **options), "Split")


def test_pairs_and_chat_messages_are_compared_too(tmp_path):
    one, other = packable(40), packable(41)
    same_answer = [
        {**one, "split": "validation", "response": " ".join(f"r{n}" for n in range(60))},
        {**other, "response": " ".join(f"r{n}" for n in range(60))},
    ]
    history = turns("Where is Rome?", "In Italy.")
    chats = [
        packable(50, "validation", is_bare=False, history=history),
        packable(51, is_bare=False, history=history),
    ]

    assert write_and_judge(tmp_path / "a", rows(*same_answer))[0] == "FAIL"
    found = write_and_judge(tmp_path / "b", rows(*chats), messages=True)
    assert found[0] == "FAIL" and "1 open like a conversation of train" in found[1]


def test_a_package_without_validation_has_no_split_to_check(tmp_path):
    folder = write_package(tmp_path / "p", [packable(n) for n in range(4)])

    verification = verify_package(folder)

    assert verification.passed and "Split" not in {check.name for check in verification.checks}


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (None, "is no package: there is no manifest.json in it"),
        ("{", "is not JSON"),
        ({"files": {"dataset.jsonl": {}}}, "kind"),
        ({"kind": "phase0 package", "files": {"../../etc/passwd": {}}}, "files"),
        ({"kind": "phase0 package", "files": {"/etc/passwd": {}}}, "files"),
        ({"kind": "phase0 package", "files": {"data/x": {"split": "test"}}}, "split"),
        ({"kind": "phase0 package", "files": {}, "split": {"jaccard": 0.1}}, "jaccard"),
    ],
)
def test_what_is_no_package_is_a_usage_error_that_says_what_to_give(tmp_path, capsys, manifest, said):
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))

    assert main_verify(tmp_path, {}) == 2

    error = capsys.readouterr().err
    assert said in error and "give a JSONL, or a folder of `phase0 package`" in error


def test_an_empty_package_never_passes(tmp_path):
    folder = write_package(tmp_path / "p", [])

    assert main_verify(folder, {}) == 1


def test_the_result_is_json_on_demand(tmp_path, capsys):
    folder = write_package(tmp_path / "p", rows(), messages=True)

    assert main_verify(folder, {}, json=True) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["splits"] == {name: {"train": 6, "validation": 2} for name in ("default", "messages")}
    assert found["split"]["resembling"] == 0 and found["split"]["validation_rows"] == 4
    assert list(found["files"].values()) == [1, 7, 9, 15]


def test_a_threshold_out_of_range_is_a_usage_error(tmp_path):
    with pytest.raises(ConfigError, match="jaccard"):
        verify_package(write_package(tmp_path / "p", rows()), {"jaccard": 0.1})
