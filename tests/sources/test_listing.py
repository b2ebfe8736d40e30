"""Which files a path means: what Hadoop's globs give, nothing hidden without a word."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.config.load import load_settings
from jobs.config.paths import literal
from jobs.sources.listing import list_local


def names(folder, *globs):
    return [
        file.path.removeprefix(f"file:{folder}/") for file in list_local([f"{folder}/{glob}" for glob in globs]).files
    ]


@pytest.fixture
def folder(tmp_path):
    for name in (
        "a1.jsonl",
        "a2.json",
        "b.jsonl",
        "_c.jsonl",
        ".d.jsonl",
        "x:y.jsonl",
        "[1].jsonl",
        "part/k=1/p.parquet",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "_SUCCESS").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("a?.json*", ["a1.jsonl", "a2.json"]),
        ("a[2-3].json", ["a2.json"]),
        ("[^ax]*.jsonl", ["[1].jsonl", "b.jsonl"]),
        ("[!ax[]*.jsonl", ["b.jsonl"]),
        ("{a1,b}.jsonl", ["a1.jsonl", "b.jsonl"]),
        ("{a{1,9},b}.js{onl,on}", ["a1.jsonl", "b.jsonl"]),
        ("\\[1\\].jsonl", ["[1].jsonl"]),
        ("_c.jsonl", ["_c.jsonl"]),
        (".d.jsonl", [".d.jsonl"]),
        ("x:y.jsonl", ["x:y.jsonl"]),
        ("part", ["part/k=1/p.parquet"]),
        ("*/k=*/*", ["part/k=1/p.parquet"]),
        ("[z-a].jsonl", []),
        ("nothing*", []),
    ],
)
def test_a_glob_means_what_it_means_to_hadoop(folder, glob, expected):
    assert names(folder, glob) == expected


def test_what_a_folder_passes_over_is_named_and_markers_are_not_worth_a_word(folder):
    listing = list_local([str(folder)])

    assert names(folder, "") == ["[1].jsonl", "a1.jsonl", "a2.json", "b.jsonl", "x:y.jsonl"]
    assert sorted(one.removeprefix(f"{folder}/") for one in listing.passed_over) == [
        ".d.jsonl: its name begins with .; name it to read it",
        "_c.jsonl: its name begins with _; name it to read it",
        "empty.jsonl: empty",
        "part: a folder in a folder; name it to read it",
    ]
    assert list_local([f"{folder}/a*", f"{folder}/a1.jsonl", str(folder)]).files == listing.files, "each file once"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *(
            (name, "left behind by a program")
            for name in ("Thumbs.db", "desktop.ini", "._a.jsonl", "a.jsonl~", "#a.json#")
        ),
        *(
            (name, "no data by its name; name it to read it")
            for name in ("README.md", "LICENSE", "NOTICE.txt", "load.py")
        ),
        (".a.jsonl", "its name begins with .; name it to read it"),
        (".DS_Store", None),
    ],
)
def test_what_lies_beside_data_is_passed_over_by_name_and_read_where_it_is_named(tmp_path, name, why):
    for one in (name, "notices.jsonl", "readme_pairs.json", "log.jsonl"):
        (tmp_path / one).write_bytes(b"{}")
    listing = list_local([str(tmp_path)])

    assert [file.path.rpartition("/")[2] for file in listing.files] == [
        "log.jsonl",
        "notices.jsonl",
        "readme_pairs.json",
    ]
    assert listing.passed_over == ((f"{tmp_path}/{name}: {why}",) if why else ())
    assert len(list_local([literal(str(tmp_path / name))]).files) == 1
    both = list_local([str(tmp_path), literal(str(tmp_path / name))])
    assert len(both.files) == 4 and both.passed_over == (), "what is named itself is not passed over"


def test_loops_pipes_and_links_to_nothing_are_named_and_end(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name, target in (("loop", "loop"), ("nothing", "nowhere"), ("up", "..")):
        (tmp_path / name).symlink_to(target)

    assert sorted(one.removeprefix(f"{tmp_path}/") for one in list_local([str(tmp_path)]).passed_over) == [
        "loop: Too many levels of symbolic links",
        "nothing: No such file or directory",
        "pipe.jsonl: no regular file",
        "up: a folder in a folder; name it to read it",
    ]


def test_what_is_elsewhere_is_not_listed_here():
    assert list_local(["/tmp", "s3://bucket/x.jsonl"]) is None
    assert list_local(["dbfs:/x"]) is None


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_literal_path_finds_its_file_and_no_other(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    if name in (".", ".."):
        return
    (folder / name).write_bytes(b"{}")
    (folder / "other").write_bytes(b"{}")
    assert [file.path for file in list_local([literal(str(folder / name))]).files] == [f"file:{folder / name}"]


def test_a_name_that_is_no_text_is_passed_over(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"{}")
    with open(os.fsencode(tmp_path) + b"/\xff.jsonl", "wb") as file:
        file.write(b"{}")
    listing = list_local([str(tmp_path)])
    assert len(listing.files) == 1 and "not UTF-8; rename it" in listing.passed_over[0]


def test_the_home_folder_is_expanded_and_a_folder_with_a_glob_in_its_name_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data[1]").mkdir()
    (tmp_path / "data[1]" / "a.jsonl").write_bytes(b"{}")
    for path in ("~/data*/a.jsonl", "./a.jsonl", "../data*/*.jsonl"):
        (tmp_path / "data[1]" / "c.yaml").write_text(f"sources: [{{name: a, path: '{path}', licence: MIT}}]")
        (source,) = load_settings(str(tmp_path / "data[1]" / "c.yaml")).sources
        assert [file.path for file in list_local(source.paths).files] == [f"file:{tmp_path}/data[1]/a.jsonl"]
