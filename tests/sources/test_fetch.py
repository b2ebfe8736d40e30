"""Downloads as a user meets them: the command, the run that fetches by itself, and what is said offline."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from jobs.config.downloads import DownloadsConfig
from jobs.config.load import load_settings
from jobs.sources.download_progress import DownloadProgress
from jobs.sources.downloads import Downloads, TransientError, downloads_folder, with_retries
from jobs.sources.fetch import fetch_sources
from jobs.sources.lockfile import located_sources, lock_path
from jobs.workspace.runtime import open_runtime
from schemas.errors import ConfigError, DownloadError
from schemas.tables import RAW_RECORDS
from tests.support.commands import run
from tests.support.loopback import Page, Repository, commit_id

COMMIT = commit_id("the only one")
ALPACA = [{"instruction": f"Give the square of {n}.", "input": "", "output": f"It is {n * n}."} for n in range(30)]


def parquet(rows) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


@pytest.fixture
def config(server, tmp_path) -> str:
    """Three sources: Parquet on the hub under a name full of glob characters, an address, a file by path."""
    files = {"d/[a]{b}*?.parquet": parquet(ALPACA[:10])}
    server.repositories["owner/name"] = Repository({COMMIT: files}, {"main": COMMIT})
    lines = "".join(json.dumps(row) + "\n" for row in ALPACA[10:20])
    url = server.serve("/a.jsonl", lines.encode())
    (tmp_path / "own.json").write_text(json.dumps(ALPACA[20:]))
    sources = [
        {"name": "hub", "hub": "owner/name", "licence": "MIT", "format": "alpaca"},
        {"name": "address", "url": url, "licence": "MIT"},
        {"name": "own", "path": "own.json", "licence": "MIT"},
    ]
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"workspace": str(tmp_path / "w"), "sources": sources}))
    return str(path)


def test_a_run_fetches_what_is_missing_reads_it_and_then_needs_no_network(spark, server, config, capsys):
    assert run("run", "--config", config, "--to", "ingest") == 0
    assert f"owner/name, revision {COMMIT}" in capsys.readouterr().out
    runtime = open_runtime(load_settings(config), Console(quiet=True))
    read = runtime.read(RAW_RECORDS).groupBy("source", "outcome").count().collect()
    assert sorted(tuple(row) for row in read) == [("address", "used", 10), ("hub", "used", 10), ("own", "used", 10)]
    server.asked.clear()

    assert run("run", "--config", config, "--to", "ingest", "--offline") == 0
    assert "up to date" in capsys.readouterr().out and server.asked == []


def test_the_public_configuration_fetches_the_files_it_means_and_no_others(server, tmp_path):
    # What the four data sets hold at the commits that conf/public.yaml names.
    known = {
        "tatsu-lab/alpaca": ["README.md", "data/train-00000-of-00001-a09b74b3ef9c3b56.parquet"],
        "WizardLMTeam/WizardLM_evol_instruct_V2_196k": ["README.md", "WizardLM_evol_instruct_V2_143k.json"],
        "OpenAssistant/oasst1": [
            *("README.md", "LICENSE"),
            *(f"2023-04-12_oasst_{part}.messages.jsonl.gz" for part in ("all", "prompts", "ready", "spam")),
            *(f"2023-04-12_oasst_{part}.trees.jsonl.gz" for part in ("all", "ready")),
            "data/train-00000-of-00001-b42a775f407cee45.parquet",
            "data/validation-00000-of-00001-134b8fd0c89408b6.parquet",
        ],
        "Anthropic/hh-rlhf": [
            "README.md",
            *(
                f"{subset}/{split}.jsonl.gz"
                for subset in ("harmless-base", "helpful-base", "helpful-online", "helpful-rejection-sampled")
                for split in ("test", "train")
            ),
            "red-team-attempts/red_team_attempts.jsonl.gz",
        ],
    }
    licences = {"tatsu-lab/alpaca": "cc-by-nc-4.0", "OpenAssistant/oasst1": "apache-2.0"}
    settings = load_settings("public", [f"workspace={tmp_path}", "decontaminate.benchmarks=[]"])
    for source in settings.sources:
        files = {name: f"{source.hub} {name}".encode() for name in known[source.hub]}
        commits, licence = {source.revision: files}, licences.get(source.hub, "mit")
        server.repositories[source.hub] = Repository(commits, {"main": "moved on"}, licence=licence)
    console = Console(record=True, width=200, file=io.StringIO())

    fetch_sources(settings, console)

    read = {s.name: [Path(path).read_text().split()[1] for path in s.paths] for s in located_sources(settings)}
    assert read == {
        "alpaca": ["data/train-00000-of-00001-a09b74b3ef9c3b56.parquet"],
        "wizardlm": ["WizardLM_evol_instruct_V2_143k.json"],
        "openassistant": ["2023-04-12_oasst_ready.trees.jsonl.gz"],
        "anthropic_hh": [
            *("harmless-base/train.jsonl.gz", "helpful-base/train.jsonl.gz"),
            *("helpful-online/train.jsonl.gz", "helpful-rejection-sampled/train.jsonl.gz"),
        ],
    }
    assert "warning" not in console.export_text(), "a licence is not that of the card"
    server.asked.clear()
    fetch_sources(settings, console)
    assert server.asked == [], "all four are pinned to a commit"


def test_the_command_shows_every_source_and_what_to_type_next(server, config, capsys):
    assert run("fetch", "--config", config) == 0
    said = capsys.readouterr().out
    assert "own.json: named by path, nothing to fetch" in said
    assert said.count("sha256 ") == 2 and said.count("fetched") == 2 and "locked in" in said
    assert said.splitlines()[-1] == f"next: phase0 run --config {config}"


def test_offline_names_everything_that_is_missing_and_the_command(spark, server, config, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert run("run", "--config", config, "--to", "ingest") == 2
    said = capsys.readouterr().err
    assert "hub: owner/name" in said and f"address: {server.endpoint}/a.jsonl" in said
    assert "Type `phase0 fetch hub address` with the same --config" in said
    assert server.asked == []
    assert run("fetch", "--config", config, "--offline") == 2
    assert run("fetch", "--config", config, "--update", "hub") == 2
    assert "what is upstream now cannot be taken" in " ".join(capsys.readouterr().err.split())
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert run("fetch", "--config", config) == 0
    server.asked.clear()
    assert run("fetch", "--config", config, "--set", "downloads.offline=true") == 0
    assert server.asked == []


def test_a_path_overrides_where_a_source_comes_from(server, config, tmp_path):
    settings = load_settings(config, [f"sources.0.path={tmp_path}/own.json", f"sources.1.path={tmp_path}/own.json"])
    fetch_sources(settings, Console(quiet=True))
    assert server.asked == [] and located_sources(settings) == settings.sources


def test_every_failure_is_told_and_the_others_are_fetched_all_the_same(server, config, capsys):
    server.pages["/gone.jsonl"] = Page(b"", status=404)
    wrong = ["--set", "sources.0.hub=owner/nothing", "--set", f"sources.2.url={server.endpoint}/gone.jsonl"]
    assert run("fetch", "--config", config, *wrong, "--set", "sources.2.path=null") == 2
    said = capsys.readouterr()
    assert "no data set owner/nothing" in said.err and "gone.jsonl: 404" in said.err and "next:" not in said.out
    lock = Path(lock_path(load_settings(config).workspace)).read_text()
    assert "a.jsonl" in said.out and set(json.loads(lock)["sources"]) == {"address"}


def test_only_the_named_sources_are_fetched(server, config):
    assert run("fetch", "address", "--config", config) == 0
    assert server.paths() == ["/a.jsonl"]


def test_an_unknown_source_names_the_known_ones(config, capsys):
    assert run("fetch", "--config", config, "--update", "nowhere") == 2
    assert "no source nowhere; the sources are hub, address, own" in capsys.readouterr().err


def test_ingest_without_a_download_says_what_to_type(config):
    told = r"(?s)not downloaded yet.*\n  hub: owner/name\n  address: http.*`phase0 fetch hub address`"
    with pytest.raises(ConfigError, match=told):
        located_sources(load_settings(config))


def test_a_workspace_that_is_no_folder_needs_one_for_downloads(config, tmp_path):
    settings = load_settings(config, ["workspace=s3a://bucket/w"])
    with pytest.raises(ConfigError, match=r"cannot be written to s3a://bucket/w/downloads.*--set downloads\.folder="):
        downloads_folder(settings.downloads, settings.workspace)
    settings = load_settings(config, [f"downloads.folder=file://{tmp_path}/shared"])
    fetch_sources(settings, Console(quiet=True))
    assert (tmp_path / "shared" / "url").is_dir()
    assert located_sources(settings)[1].paths[0].startswith(f"file://{tmp_path}/shared/url/")


@pytest.mark.parametrize("text", ["{", '{"version": 2}', '{"sources": {"hub": {}}}'])
def test_a_damaged_lock_is_not_taken_for_an_empty_one(config, text):
    settings = load_settings(config)
    path = Path(lock_path(settings.workspace))
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"sources\.lock\.json is damaged .*put it back from a copy, or remove it"):
        fetch_sources(settings, Console(quiet=True))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"hub": "owner/name", "url": "http://x/a"}, "has both hub and url"),
        ({"url": "http://x/a", "files": ["*.json"]}, "files and revision are of a hub, and there is none"),
        ({"url": ["http://x/a", "http://x/b"], "sha256": "0" * 64}, "1 sha256 for 2 url"),
        ({"url": "http://x/a", "sha256": "abc"}, "sha256 abc is not 64 hexadecimal digits"),
        ({"url": "ftp://x/a"}, "url ftp://x/a is not an http or https address"),
        ({"url": "https://me:secret@x/a"}, "a user name or password in an address would be published"),
        ({"hub": "name"}, "String should match pattern"),
    ],
)
def test_a_faulty_origin_is_refused_with_its_fault(tmp_path, source, message):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"sources": [{"name": "s", "licence": "MIT", **source}]}))
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(str(path))
    assert "secret" not in str(caught.value)


def test_on_a_terminal_a_bar_is_shown_and_hostile_names_do_nothing(tmp_path):
    console = Console(record=True, width=120, file=io.StringIO(), force_terminal=True)
    with DownloadProgress(console).file("[red]x\x1b[2J.json", 4_000_000) as advance:
        advance(4_000_000)
        advance(-1_000_000)
        advance(1_000_000)
    written = console.file.getvalue()
    assert "[red]x\N{REPLACEMENT CHARACTER}[2J.json" in written and "4.0/4.0 MB" in written


def test_tries_are_counted_anew_when_a_download_went_on(tmp_path):
    downloads = Downloads(tmp_path, DownloadsConfig(retries=1), DownloadProgress(Console(quiet=True)))
    faults = [TransientError("cut", 0, went_on=True)] * 5 + [TransientError("cut", 0)] * 2

    def attempt() -> None:
        raise faults.pop(0)

    with pytest.raises(DownloadError, match="given up after 2 tries"):
        with_retries(attempt, downloads)
    assert len(faults) == 1
