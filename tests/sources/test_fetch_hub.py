"""What is promised of data sets of the hub: one commit, checked against the hub's listing, and no token anywhere."""

import hashlib
import io
import random
from pathlib import Path

import pytest
from rich.console import Console

from jobs.config.downloads import DownloadsConfig
from jobs.config.settings import Settings, SourceConfig
from jobs.sources.fetch import fetch_missing, fetch_sources
from jobs.sources.lockfile import located_sources, origins, read_lock
from schemas.errors import ConfigError, DataRefusedError, DownloadError
from tests.support.loopback import Fault, Page, Repository, commit_id, git_sha1

OLD, NEW = commit_id("old"), commit_id("new")
PARQUET = b"PAR1" + random.Random(7).randbytes(50_000)
JSON = b'{"instruction": "Name a prime.", "output": "7"}\n'
HTML = Page(b"<!DOCTYPE html><html>Log in</html>", {"Content-Type": "text/html"})
LISTING = "/api/datasets/owner/name/revision/main"
FILE = f"/datasets/owner/name/resolve/{OLD}/data/train.parquet"
STORED = f"/storage/{hashlib.sha256(PARQUET).hexdigest()}"


@pytest.fixture
def repository(server) -> Repository:
    files = {"data/train.parquet": PARQUET, "raw/train.jsonl": JSON, "dataset_infos.json": b"{}", "README.md": b"#"}
    made = Repository({OLD: files}, {"main": OLD})
    server.repositories["owner/name"] = made
    return made


def settings(workspace: Path, **options) -> Settings:
    downloads = DownloadsConfig(**options.pop("downloads", {}))
    source = SourceConfig(**{"name": "s", "hub": "owner/name", "licence": "MIT", **options})
    return Settings(workspace=str(workspace), sources=(source,), downloads=downloads)


def fetch(given: Settings, **options) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    fetch_sources(given, console, **options)
    return console.export_text()


def content(given: Settings) -> list[bytes]:
    (source,) = located_sources(given)
    return [Path(path).read_bytes() for path in source.paths]


def test_by_default_the_data_files_of_one_kind_are_taken_and_the_commit_is_locked(repository, tmp_path):
    given = settings(tmp_path)

    said = fetch(given)

    assert content(given) == [PARQUET]
    locked = read_lock(given.workspace).sources["s"]
    assert (locked.hub, locked.revision, locked.commit) == ("owner/name", "main", OLD)
    sha256 = hashlib.sha256(PARQUET).hexdigest()
    assert f"owner/name, revision {OLD}" in said and f"sha256 {sha256}" in said and "snapshots" in said
    assert origins(given) == {
        "s": {
            "hub": "owner/name",
            "commit": OLD,
            "files": [{"name": "data/train.parquet", "size": len(PARQUET), "sha256": sha256}],
        }
    }


def test_globs_choose_files_and_small_ones_are_checked_by_the_sum_that_git_has(repository, tmp_path):
    given = settings(tmp_path, files=["raw/*"])
    fetch(given)
    assert content(given) == [JSON]
    assert read_lock(given.workspace).sources["s"].files[0].etag == git_sha1(JSON)


def test_a_glob_that_matches_nothing_is_told_with_what_is_there(repository, tmp_path):
    with pytest.raises(ConfigError, match=r"no file matches \*\.csv, x/\*\. There: data/train\.parquet, raw/train"):
        fetch(settings(tmp_path, files=["*.csv", "raw/*", "x/*"]))


def test_a_pinned_commit_that_is_here_needs_no_network_and_a_branch_one_question(server, repository, tmp_path):
    pinned, branch = settings(tmp_path / "a", revision=OLD), settings(tmp_path / "b")
    fetch(pinned)
    fetch(branch)
    server.asked.clear()

    fetch_missing(branch, Console(quiet=True))
    fetch(pinned)
    assert server.asked == []
    fetch(branch)
    assert server.paths() == [LISTING] == [path for _, path, _ in server.asked]


def test_a_cut_connection_goes_on_where_it_stopped(server, repository, tmp_path):
    large = b"PAR1" + random.Random(8).randbytes(12 << 20)
    repository.commits[OLD] = {"train.parquet": large}
    address = f"/storage/{hashlib.sha256(large).hexdigest()}"
    server.faults[address] = [Fault(cut_after=11 << 20)]
    given = settings(tmp_path)

    fetch(given)

    assert content(given) == [large]
    ranges = [
        {k.lower(): v for k, v in headers.items()}.get("range") for _, path, headers in server.asked if path == address
    ]
    assert ranges == [None, f"bytes={10 << 20}-"]  # the client writes pieces of 10 MiB


def test_a_gated_set_is_explained_and_its_token_goes_nowhere_but_to_the_hub(server, repository, tmp_path, monkeypatch):
    repository.gated_for = "hf_secret"
    given = settings(tmp_path)
    with pytest.raises(
        ConfigError, match=rf"gated\. Log in on {server.endpoint}/datasets/owner/name, .* export HF_TOKEN"
    ):
        fetch(given)
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(ConfigError, match="wait for access: HF_TOKEN is set, but its owner has none yet"):
        fetch(given)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server.asked.clear()

    said = fetch(given)

    assert content(given) == [PARQUET]
    sent = {path.split("/")[1]: {k.lower() for k in headers} for _, path, headers in server.asked}
    assert "authorization" in sent["datasets"] and "authorization" not in sent["storage"]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "hf_secret" not in said and b"hf_secret" not in written


def test_a_token_that_somebody_stored_on_this_machine_is_not_sent(server, repository, tmp_path, monkeypatch):
    stored = tmp_path / "token"
    stored.write_text("hf_stored")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(stored))
    fetch(settings(tmp_path / "w"))
    assert server.asked and not [h for _, _, h in server.asked if "hf_stored" in str(h)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hub": "owner/nothing"}, r"there is no data set owner/nothing at .*, or private: export HF_TOKEN"),
        ({"revision": "v9"}, r"owner/name has no revision v9; see .*/datasets/owner/name/commits"),
    ],
)
def test_what_is_not_there_is_a_fault_of_the_configuration(repository, tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        fetch(settings(tmp_path, **options))


def test_a_branch_that_moved_without_touching_our_files_is_no_change(repository, tmp_path):
    given = settings(tmp_path)
    fetch(given)
    repository.commits[NEW] = repository.commits[OLD] | {"README.md": b"# better"}
    repository.branches["main"] = NEW
    fetch(given)
    assert read_lock(given.workspace).sources["s"].commit == OLD


def test_a_branch_with_other_files_is_refused_until_the_user_takes_it(repository, tmp_path):
    given = settings(tmp_path)
    fetch(given)
    changed = PARQUET + b"more"
    repository.commits[NEW] = {"data/train.parquet": changed, "data/more.parquet": b"PAR1"}
    repository.branches["main"] = NEW

    with pytest.raises(DataRefusedError, match="s has changed upstream") as caught:
        fetch(given)

    told = str(caught.value)
    assert "data/more.parquet: not there -> 4 bytes" in told and f"{hashlib.sha256(PARQUET).hexdigest()} -> " in told
    assert "phase0 fetch --update s" in told and f"set revision: {OLD}" in told
    fetch_missing(given, Console(quiet=True))
    assert content(given) == [PARQUET]
    fetch(given, update=["s"])
    assert content(given) == [b"PAR1", changed] and read_lock(given.workspace).sources["s"].commit == NEW


def test_a_lost_file_comes_back_from_the_locked_commit_though_the_branch_has_moved(repository, tmp_path):
    given = settings(tmp_path)
    fetch(given)
    repository.commits[NEW] = {"data/train.parquet": PARQUET + b"more"}
    repository.branches["main"] = NEW
    before = read_lock(given.workspace)
    (tmp_path / "downloads" / before.sources["s"].files[0].path).unlink()

    fetch_missing(given, Console(quiet=True))

    assert content(given) == [PARQUET] and read_lock(given.workspace) == before


def test_other_files_of_a_locked_branch_come_from_the_same_commit(repository, tmp_path):
    fetch(settings(tmp_path))
    repository.commits[NEW] = {"raw/train.jsonl": b"{}"}
    repository.branches["main"] = NEW
    given = settings(tmp_path, files=["raw/*", "data/*"])
    fetch_missing(given, Console(quiet=True))
    assert content(given) == [PARQUET, JSON] and read_lock(given.workspace).sources["s"].commit == OLD


def test_a_commit_that_became_other_bytes_is_refused(repository, tmp_path):
    given = settings(tmp_path, revision=OLD)
    fetch(given)
    repository.commits[OLD] = {"data/train.parquet": b"PAR1 rewritten"}
    (tmp_path / "downloads" / read_lock(given.workspace).sources["s"].files[0].path).unlink()
    with pytest.raises(DataRefusedError, match=r"at commit .* is .*, and was .* phase0 fetch --update s"):
        fetch(given)


def test_bytes_changed_on_the_way_are_fetched_once_more_and_then_refused(server, repository, tmp_path):
    wrong = Fault(Page(bytes(len(PARQUET))))
    server.faults[STORED] = [wrong]
    once, twice = settings(tmp_path / "once"), settings(tmp_path / "twice")
    fetch(once)
    assert content(once) == [PARQUET]

    server.faults[STORED] = [wrong, wrong]
    with pytest.raises(DataRefusedError, match="came as other bytes than the hub lists"):
        fetch(twice)
    assert not [path for path in (tmp_path / "twice").rglob("*.parquet")]


def test_a_damaged_file_of_the_cache_is_fetched_again(repository, tmp_path):
    given = settings(tmp_path, revision=OLD)
    fetch(given)
    path = tmp_path / "downloads" / read_lock(given.workspace).sources["s"].files[0].path
    path.write_bytes(bytes(len(PARQUET)))
    fetch(given)
    assert content(given) == [PARQUET]


@pytest.mark.parametrize("address", [LISTING, STORED], ids=["listing", "storage"])
def test_a_busy_hub_is_asked_again_when_it_says(server, repository, tmp_path, address):
    server.faults[address] = [Fault(Page(b"", {"Retry-After": "0"}, 429))]
    given = settings(tmp_path)
    said = fetch(given)
    assert content(given) == [PARQUET] and server.paths().count(address) == 2
    assert address is not LISTING or "the hub answers 429; trying again in 0 s" in said


def test_a_hub_that_fails_is_given_up(server, repository, tmp_path):
    server.pages[LISTING] = Page(b"", {}, 500)
    with pytest.raises(DownloadError, match="the hub answers 500; given up after one try"):
        fetch(settings(tmp_path, downloads={"retries": 0}))


@pytest.mark.parametrize(
    ("address", "page", "message"),
    [
        (LISTING, HTML, r"does not answer as a hub does; a proxy or a login page .* HF_ENDPOINT may be wrong"),
        (FILE, HTML, r"does not answer as a hub does; a proxy or a login page .* HF_ENDPOINT may be wrong"),
        (STORED, HTML, r"data/train\.parquet came with another size .*50,004 bytes.* login page .* given up"),
        (FILE, Page(b"", status=404), r"the hub lists data/train\.parquet and answers 404; see .*/datasets/owner/name"),
        (STORED, Page(b"", status=404), r"the hub lists data/train\.parquet and answers 404"),
        (STORED, Page(b"", status=403), r"the hub lists data/train\.parquet and answers 403"),
    ],
    ids=["page for listing", "page for file", "page for content", "no file", "no content", "content closed"],
)
def test_what_stands_between_us_and_the_hub_is_named_and_nothing_of_it_is_kept(
    server, repository, tmp_path, address, page, message
):
    server.pages[address] = page
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(settings(tmp_path, downloads={"retries": 0}))
    assert caught.value.exit_code == 3
    assert not list(tmp_path.rglob("*.parquet")) and not list(tmp_path.rglob("*.lock.json"))


def test_nothing_but_the_data_set_is_asked_for_and_that_by_plain_http(server, repository, tmp_path, monkeypatch):
    reported = []  # what runs here, for which the client fetches a list of what to look for
    monkeypatch.setattr("huggingface_hub.utils._headers.detect_agent", lambda: reported.append("agent"))
    fetch(settings(tmp_path))
    assert {path for _, path, _ in server.asked} == {LISTING, FILE, STORED} and reported == []


def test_an_endpoint_without_http_is_a_fault_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "hub.internal")
    with pytest.raises(ConfigError, match=r"HF_ENDPOINT=hub\.internal is not an http or https address"):
        fetch(settings(tmp_path))


def test_a_data_set_that_has_moved_is_followed(server, repository, tmp_path):
    for address in (LISTING, FILE):
        server.pages[address.replace("owner", "before")] = Page(b"", {"Location": address}, 307)
    given = settings(tmp_path, hub="before/name")
    fetch(given)
    assert content(given) == [PARQUET]


def test_a_revision_may_have_slashes_in_its_name(repository, tmp_path):
    repository.branches["refs/convert/parquet"] = OLD
    given = settings(tmp_path, revision="refs/convert/parquet")
    fetch(given)
    assert content(given) == [PARQUET] and read_lock(given.workspace).sources["s"].commit == OLD


def test_a_licence_other_than_the_configured_one_is_told(repository, tmp_path):
    repository.licence = "cc-by-nc-4.0"
    assert "the configuration says MIT, the card on the hub cc-by-nc-4.0" in fetch(settings(tmp_path / "a"))
    assert "warning" not in fetch(settings(tmp_path / "b", licence="CC-BY-NC-4.0"))
