"""What the configuration refuses, and how it says so."""

import re
from pathlib import Path

import pytest
import yaml

from jobs.config.load import load_settings
from jobs.config.settings import Settings
from jobs.screen import STAGE as SCREEN
from schemas.errors import ConfigError

MINIMAL = {"sources": [{"name": "a", "path": "a.jsonl", "licence": "MIT"}]}


def write(tmp_path: Path, data) -> str:
    path = tmp_path / "my.yaml"
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return str(path)


@pytest.mark.parametrize("name", ["current", "demo", "public", "reference"])
def test_the_shipped_configurations_are_valid(name):
    assert load_settings(name).sources


def test_the_configurations_with_paid_teachers_read_what_the_public_one_reads():
    public = load_settings("public").sources
    assert load_settings("reference").sources == public == load_settings("current").sources


def test_all_faults_are_named_at_once_with_file_key_value_and_range(tmp_path):
    faulty = {
        "sources": [{"name": "a b", "path": "a", "licence": "MIT", "formt": "alpaca"}, {"name": "c", "licence": "MIT"}],
        "select": {"min_score": 11},
        "ingest": {"max_refused_share": -0.1},
        "selct": {},
    }

    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, faulty))

    message = str(caught.value)
    assert "my.yaml: 6 faults" in message
    assert "sources.0.formt: unknown key, perhaps format; known here are name, path, hub" in message
    assert "sources.0.name: String should match pattern" in message and "'a b'" in message
    assert "sources.1: needs one of path, hub or url" in message
    assert "select.min_score: Input should be less than or equal to 10 (given: 11)" in message
    assert "ingest.max_refused_share: Input should be greater than or equal to 0 (given: -0.1)" in message
    assert "selct: unknown key, perhaps select; known here are workspace, catalog, sources" in message


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("select.min_score=7.5", lambda s: s.select.min_score == 7.5),
        ("sources.0.licence=CC0-1.0", lambda s: s.sources[0].licence == "CC0-1.0"),
        ("screen.allow_languages=[en, de]", lambda s: s.screen.allow_languages == ("en", "de")),
        ("select.rows=null", lambda s: s.select.rows is None),
    ],
)
def test_an_override_reaches_its_place(tmp_path, override, read):
    assert read(load_settings(write(tmp_path, MINIMAL), [override]))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("select.min_score", "write it as key.key=value"),
        ("sources.3.licence=MIT", "3 is not a place in the list, 0 to 0"),
        ("workspace.x=1", "workspace holds a value"),
        ("select.rows=[1", "is not a YAML value"),
    ],
)
def test_a_malformed_override_says_what_to_type(tmp_path, override, message):
    data = MINIMAL | {"workspace": "w"}
    with pytest.raises(ConfigError, match="(?s)" + message.replace("[", r"\[")):
        load_settings(write(tmp_path, data), [override])


@pytest.mark.parametrize(
    ("text", "message"), [("- 1\n- 2\n", "holds no settings"), ("a: [1", "is not YAML"), ("", "holds no settings")]
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_settings(write(tmp_path, text))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("targets.max_cost_usd=.inf", "targets.max_cost_usd: Input should be a finite number"),
        ("ingest.max_refused_share=.nan", "ingest.max_refused_share: Input should be"),
        ("ingest.limit=true", "ingest: limit: a number is wanted, not true"),
        ("deduplicate.threshold=.nan", "deduplicate.threshold: Input should be"),
        ("spark.master=locl[2]", "spark.master: String should match pattern"),
        ("spark.master=local[0]", "spark.master: String should match pattern"),
        ("spark.driver_memory=0g", "spark.driver_memory: String should match pattern"),
        ("sources.0.fields={question: q}", "fields names question; it is one of instruction, input, response"),
        ("workspace=~nobody-here/ws", "~nobody-here/ws: there is no home folder of that name here"),
        ("sources.0.path=~nobody-here/a.jsonl", "~nobody-here: there is no home folder"),
    ],
)
def test_a_value_that_would_only_fail_later_is_refused(tmp_path, override, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_settings(write(tmp_path, MINIMAL), [override])


@pytest.mark.parametrize("master", ["local", "local[4]", "local[*]", "local[2, 4]", "local-cluster[2,1,1024]", "yarn"])
def test_every_master_of_spark_is_taken(tmp_path, master):
    assert load_settings(write(tmp_path, MINIMAL), [f"spark.master='{master}'"]).spark.master == master


@pytest.mark.parametrize("text", ["sources: &a [*a]", "workspace: " + "[" * 3_000, "workspace: " + "{a: " * 3_000])
def test_a_file_that_never_ends_is_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "my.yaml").write_text(text)

    with pytest.raises(ConfigError, match="is nested too deeply, or holds a section within itself"):
        load_settings(str(tmp_path / "my.yaml"))


def test_a_file_in_utf16_is_read_as_windows_writes_it(tmp_path):
    (tmp_path / "my.yaml").write_bytes(yaml.safe_dump({**MINIMAL, "workspace": "Dépôt"}).encode("utf-16"))

    assert load_settings(str(tmp_path / "my.yaml")).workspace.endswith("/Dépôt")


def test_a_value_that_is_wrong_is_shown_in_part_where_it_is_long(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, {**MINIMAL, "select": {"rows": ["x" * 50] * 100}}))

    assert len(str(caught.value)) < 500


def test_a_checksum_may_be_in_capitals(tmp_path):
    source = {"name": "a", "url": "https://example.org/a", "sha256": "AB" * 32, "licence": "MIT"}

    assert load_settings(write(tmp_path, {"sources": [source]})).sources[0].sha256s == ("ab" * 32,)


def test_a_home_with_brackets_in_its_name_is_no_glob(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/a[b]")
    source = {**MINIMAL["sources"][0], "path": "~/data/*.jsonl"}
    loaded = load_settings(write(tmp_path, {"sources": [source], "workspace": "~/ws"}))

    assert loaded.sources[0].paths == (r"/home/a\[b\]/data/*.jsonl",)
    assert loaded.workspace == "/home/a[b]/ws"


def test_a_rule_that_is_none_is_refused_before_anything_is_read(tmp_path):
    settings = load_settings(write(tmp_path, MINIMAL), ["sources.0.rules_off=[nope]"])

    with pytest.raises(ConfigError, match="unknown screen rules nope; known: "):
        SCREEN.check(settings)


def test_a_section_or_a_key_given_twice_is_refused(tmp_path):
    text = (
        yaml.safe_dump(MINIMAL)
        + "select:\n  min_score: 7\nscore:\n  kind: heuristic\n  kind: judge\nselect:\n  min_score: 8\n"
    )

    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text))

    assert "line 10: select is there already, in line 5" in str(caught.value)
    assert "line 9: score.kind is there already, in line 8" in str(caught.value)
    assert "2 faults" in str(caught.value), "what is in the section is not listed too"


def test_a_missing_file_names_the_shipped_ones():
    with pytest.raises(
        ConfigError,
        match=r"no configuration nowhere\.yaml: give a YAML file or one of current, demo, public, reference",
    ):
        load_settings("nowhere.yaml")


def test_source_paths_are_relative_to_the_file_and_uris_stay(tmp_path):
    data = {"sources": [{"name": "a", "path": ["x/*.jsonl", "/abs.json", "s3a://b/c.parquet"], "licence": "MIT"}]}

    paths = load_settings(write(tmp_path, data)).sources[0].paths

    assert paths == (f"{tmp_path}/x/*.jsonl", "/abs.json", "s3a://b/c.parquet")


def test_two_sources_of_one_name_are_refused(tmp_path):
    data = {"sources": [MINIMAL["sources"][0], MINIMAL["sources"][0]]}
    with pytest.raises(ConfigError, match="the name a is used twice"):
        load_settings(write(tmp_path, data))


def test_a_composition_must_sum_to_one(tmp_path):
    data = MINIMAL | {"select": {"composition": {"general": 0.5}}}
    with pytest.raises(ConfigError, match=r"composition sums to 0\.5, wanted 1"):
        load_settings(write(tmp_path, data))


def test_settings_cannot_be_changed(tmp_path):
    settings = load_settings(write(tmp_path, MINIMAL))
    with pytest.raises(ValueError, match="frozen"):
        settings.workspace = "elsewhere"
    assert isinstance(settings, Settings)


@pytest.mark.parametrize("folder", ["w%20x", "w%5b", "a\\b"])
def test_a_workspace_whose_path_would_be_read_as_another_is_refused(tmp_path, folder):
    with pytest.raises(ConfigError, match="choose a path without it"):
        load_settings("demo", [f"workspace={tmp_path / folder}"])
    load_settings("demo", [f"workspace={tmp_path}/50% and [more]"])
