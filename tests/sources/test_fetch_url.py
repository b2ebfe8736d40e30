"""What is promised of files at an address: whole, checked, resumed, and never changed without a word."""

import gzip
import hashlib
import io
import random
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from rich.console import Console

from jobs.config.downloads import DownloadsConfig
from jobs.config.settings import Settings, SourceConfig
from jobs.sources.fetch import fetch_missing, fetch_sources
from jobs.sources.lockfile import located_sources, read_lock
from schemas.errors import ConfigError, DataRefusedError, DownloadError
from tests.support.loopback import Fault, Page

LINES = b"".join(b'{"instruction": "What is %d plus one?", "output": "%d"}\n' % (n, n + 1) for n in range(8_000))
HTML = Page(b"<!DOCTYPE html><html><body>Please log in</body></html>", {"Content-Type": "text/html"})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def settings(workspace: Path, url, **options) -> Settings:
    downloads = DownloadsConfig(**options.pop("downloads", {}))
    source = SourceConfig(name="s", url=url, licence="MIT", **options)
    return Settings(workspace=str(workspace), sources=(source,), downloads=downloads)


def fetch(given: Settings, **options) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    fetch_sources(given, console, **options)
    return console.export_text()


def content(given: Settings) -> list[bytes]:
    (source,) = located_sources(given)
    return [Path(path).read_bytes() for path in source.paths]


def downloaded(given: Settings) -> list[str]:
    """Everything that lies in the downloads folder."""
    folder = Path(given.workspace) / "downloads"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_here_is_shown_locked_and_read(server, tmp_path):
    given = settings(tmp_path, server.serve("/data/a.jsonl", LINES))

    said = fetch(given)

    assert f"sha256 {sha256(LINES)}" in said and "a.jsonl" in said and "/url/" in said
    assert content(given) == [LINES]
    (locked,) = read_lock(given.workspace).sources["s"].files
    assert (locked.size, locked.sha256) == (len(LINES), sha256(LINES))
    assert locked.name == given.sources[0].url and locked.etag and locked.fetched_at.tzinfo


def test_a_cut_connection_goes_on_where_it_stopped(server, tmp_path):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES))
    server.faults["/a.jsonl"] = [Fault(cut_after=200_000)]

    said = fetch(given)

    assert content(given) == [LINES]
    (_, _, first), (_, _, second) = server.asked
    resumed = re.fullmatch(r"bytes=(\d+)-", second["Range"])
    assert "Range" not in first and resumed and 0 < int(resumed[1]) <= 200_000
    assert "cut after" in said and "trying again in 1 s" in said


def test_a_file_that_changed_in_the_middle_is_not_patched_together(server, tmp_path):
    changed = LINES.replace(b"plus", b"less")
    given = settings(tmp_path, server.serve("/a.jsonl", LINES))
    server.faults["/a.jsonl"] = [Fault(Page(LINES, {"ETag": '"old"'}), cut_after=200_000)]
    server.serve("/a.jsonl", changed)

    fetch(given)

    assert content(given) == [changed] and "Range" in server.asked[1][2]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}], ids=["no validator", "weak etag"])
def test_without_a_validator_a_cut_file_begins_again(server, tmp_path, headers):
    server.pages["/a.jsonl"] = Page(LINES, headers)
    server.faults["/a.jsonl"] = [Fault(cut_after=200_000)]
    given = settings(tmp_path, f"{server.endpoint}/a.jsonl")

    fetch(given)

    assert content(given) == [LINES] and "Range" not in server.asked[1][2]


def test_a_server_that_cuts_at_the_same_place_each_time_is_given_up(server, tmp_path):
    server.pages["/a.jsonl"] = Page(LINES)
    server.faults["/a.jsonl"] = [Fault(cut_after=200_000)] * 9
    given = settings(tmp_path, f"{server.endpoint}/a.jsonl", downloads={"retries": 1})

    with pytest.raises(DownloadError, match=r"cut after .* bytes; given up after 2 tries") as caught:
        fetch(given)

    assert caught.value.exit_code == 3 and downloaded(given) == []


def test_a_wrong_checksum_is_refused_and_nothing_of_it_stays(server, tmp_path):
    url = server.serve("/a.jsonl", LINES)
    given = settings(tmp_path, url, sha256=sha256(b"what was meant"))

    with pytest.raises(DataRefusedError, match=f"has the sha256 {sha256(LINES)}, and the configuration says") as caught:
        fetch(given)

    assert caught.value.exit_code == 1 and downloaded(given) == []
    fetch(settings(tmp_path, url, sha256=sha256(LINES)))


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_address_with_nothing_for_us_is_a_fault_of_the_configuration(server, tmp_path, status):
    server.pages["/a.jsonl"] = Page(b"", status=status)
    with pytest.raises(ConfigError, match=rf"a\.jsonl: {status} .*Look at the address in `url:`"):
        fetch(settings(tmp_path, f"{server.endpoint}/a.jsonl"))
    assert len(server.asked) == 1


@pytest.mark.parametrize("wait", ["1", "Wed, 21 Oct 2015 07:28:00 GMT"], ids=["seconds", "date that is past"])
def test_a_busy_server_is_asked_again_when_it_says(server, tmp_path, wait):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES))
    server.faults["/a.jsonl"] = [
        Fault(Page(b"", {"Retry-After": wait}, 429)),
        Fault(Page(b"", {"Retry-After": "0"}, 503)),
    ]

    said = fetch(given)

    assert content(given) == [LINES] and len(server.asked) == 3
    assert f"429 Too Many Requests; trying again in {1 if wait == '1' else 0} s" in said
    assert "503 Service Unavailable; trying again in 0 s" in said


def test_a_server_that_asks_for_hours_is_left_to_the_user(server, tmp_path):
    server.pages["/a.jsonl"] = Page(b"", {"Retry-After": "7200"}, 429)
    with pytest.raises(DownloadError, match=r"the server asks to wait 7,200 s, so try again later"):
        fetch(settings(tmp_path, f"{server.endpoint}/a.jsonl"))


def test_redirects_are_followed_and_circles_are_not(server, tmp_path):
    server.serve("/there.jsonl", LINES)
    server.pages["/here.jsonl"] = Page(b"", {"Location": f"{server.storage}/there.jsonl"}, 302)
    server.pages["/circle.jsonl"] = Page(b"", {"Location": "/circle.jsonl"}, 302)
    given = settings(tmp_path, f"{server.endpoint}/here.jsonl")

    fetch(given)

    assert content(given) == [LINES]
    with pytest.raises(DownloadError, match="30 redirects"):
        fetch(settings(tmp_path, f"{server.endpoint}/circle.jsonl"))


def test_a_web_page_instead_of_data_is_refused(server, tmp_path):
    server.pages["/a.jsonl"] = HTML
    given = settings(tmp_path, f"{server.endpoint}/a.jsonl")
    with pytest.raises(DataRefusedError, match="gives a web page, such as a login or an error"):
        fetch(given)
    assert downloaded(given) == []


@pytest.mark.parametrize(
    ("path", "page", "name"),
    [
        ("/get?file=a.jsonl", Page(gzip.compress(LINES)), "get.gz"),
        ("/a.jsonl", Page(gzip.compress(LINES), {"Content-Encoding": "gzip"}), "a.jsonl.gz"),
        ("/a.jsonl.gz", Page(LINES), "a.jsonl"),
        ("/set", Page(b"PAR1 and so on"), "set.parquet"),
        ("/", Page(LINES), "data"),
        ("/x%2F..%2F..%2F%1B[2Jevil", Page(LINES), "2Jevil"),
    ],
)
def test_a_file_is_named_safely_and_by_what_is_in_it(server, tmp_path, path, page, name):
    server.pages[unquote(path.partition("?")[0])] = page
    given = settings(tmp_path, server.endpoint + path)

    said = fetch(given)

    assert content(given) == [page.body] and "\x1b[2J" not in said
    (locked,) = read_lock(given.workspace).sources["s"].files
    assert Path(locked.path).name == name


def test_a_second_fetch_only_asks_whether_it_has_changed(server, tmp_path):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES))
    fetch(given)
    before = read_lock(given.workspace)
    server.asked.clear()

    fetch_missing(given, Console(quiet=True))
    assert server.asked == []
    said = fetch(given)

    ((_, _, headers),) = server.asked
    assert headers["If-None-Match"] == before.sources["s"].files[0].etag
    assert "here" in said and read_lock(given.workspace) == before


def test_a_file_with_a_configured_checksum_is_never_asked_for_again(server, tmp_path):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES), sha256=sha256(LINES))
    fetch(given)
    server.asked.clear()
    fetch(given)
    assert server.asked == []


def test_a_changed_file_is_refused_until_the_user_takes_it(server, tmp_path):
    url = server.serve("/a.jsonl", LINES)
    given = settings(tmp_path, url)
    fetch(given)
    before = read_lock(given.workspace)
    server.serve("/a.jsonl", LINES + b"{}\n")

    with pytest.raises(DataRefusedError, match="has changed upstream") as caught:
        fetch(given)

    told = str(caught.value)
    assert f"{len(LINES):,} bytes, sha256 {sha256(LINES)} -> {len(LINES) + 3:,} bytes" in told
    assert "phase0 fetch --update s" in told and caught.value.exit_code == 1
    assert content(given) == [LINES] and read_lock(given.workspace) == before
    fetch(given, update=["s"])
    assert content(given) == [LINES + b"{}\n"]


def test_the_same_bytes_under_another_etag_are_no_change(server, tmp_path):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES))
    fetch(given)
    server.serve("/a.jsonl", LINES, ETag='"another"')
    fetch(given)
    assert content(given) == [LINES]


def test_a_login_page_in_front_of_a_known_file_is_no_change_of_it(server, tmp_path):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES))
    fetch(given)
    server.pages["/a.jsonl"] = HTML
    with pytest.raises(DataRefusedError, match="gives a web page"):
        fetch(given)
    assert content(given) == [LINES]


@pytest.mark.parametrize("damage", ["removed", "cut", "overwritten"])
def test_a_lost_or_damaged_file_is_fetched_again_and_must_be_the_same(server, tmp_path, damage):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES))
    fetch(given)
    before = read_lock(given.workspace)
    path = tmp_path / "downloads" / before.sources["s"].files[0].path
    harm = {"removed": path.unlink, "cut": lambda: path.write_bytes(LINES[:9]), "overwritten": lambda: None}
    harm[damage]()
    if damage == "overwritten":
        path.write_bytes(random.Random(1).randbytes(len(LINES)))

    fetch(given)
    assert content(given) == [LINES] and read_lock(given.workspace) == before

    path.unlink()
    server.serve("/a.jsonl", b"{}\n")
    with pytest.raises(DataRefusedError, match=rf"has changed: .*was {sha256(LINES)}.*phase0 fetch --update s"):
        fetch_missing(given, Console(quiet=True))


def test_a_server_out_of_reach_matters_only_where_something_is_missing(server, tmp_path):
    given = settings(tmp_path, server.serve("/a.jsonl", LINES), downloads={"retries": 0})
    fetch(given)
    closed = given.sources[0].url.replace(str(server.port), "1")
    moved = read_lock(given.workspace).model_dump_json().replace(str(server.port), "1")
    (tmp_path / "downloads" / "sources.lock.json").write_text(moved)
    given = settings(tmp_path, closed, downloads={"retries": 0})

    assert "not asked whether it has changed" in fetch(given)
    (tmp_path / "downloads" / read_lock(given.workspace).sources["s"].files[0].path).unlink()
    with pytest.raises(DownloadError, match=r"no connection.*given up after one try"):
        fetch(given)


def test_several_addresses_are_one_source_in_their_order(server, tmp_path):
    urls = [server.serve("/b.jsonl", LINES), server.serve("/a.jsonl", b"{}\n")]
    given = settings(tmp_path, tuple(urls), sha256=(sha256(LINES), sha256(b"{}\n")))
    fetch(given)
    assert content(given) == [LINES, b"{}\n"]


def test_a_failure_costs_one_file_and_not_those_before_it(server, tmp_path):
    server.pages["/gone.jsonl"] = Page(b"", status=404)
    given = settings(tmp_path, (server.serve("/a.jsonl", LINES), f"{server.endpoint}/gone.jsonl"))
    with pytest.raises(ConfigError, match=r"gone\.jsonl: 404"):
        fetch(given)
    server.serve("/gone.jsonl", b"{}\n")
    server.asked.clear()
    fetch(given)
    assert content(given) == [LINES, b"{}\n"] and server.paths() == ["/gone.jsonl"]
