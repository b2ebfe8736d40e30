"""What a real browser makes of the report and the data docs: nothing runs, nothing is fetched, texts stay texts."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from markupsafe import Markup

from jobs.rendering.html import render_page
from jobs.validation.suites import tables_with_suites
from jobs.workspace.runtime import Runtime
from tests.support.chromium import BINARY, Browser, address_of, open_browser
from tests.support.hostile import MARKDOWN, PIXEL, SCRIPT, TITLE

pytestmark = pytest.mark.skipif(BINARY is None, reason="there is no chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(hostile: Runtime) -> Path:
    return Path(hostile.settings.workspace) / "output" / "report.html"


@pytest.fixture(scope="module")
def index(hostile: Runtime) -> Path:
    return Path(hostile.settings.workspace) / "data_docs" / "index.html"


def assert_quiet(browser: Browser, page: Path) -> None:
    assert browser.complaints() == []
    assert browser.dialogs() == []
    assert browser.requests() == [address_of(page)]
    assert browser.evaluate("document.querySelectorAll('script,img,iframe,object,link,form,[onerror]').length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_report_loads_without_a_complaint_or_a_request(browser, report, dark):
    browser.open(address_of(report), dark=dark)

    assert_quiet(browser, report)
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not dark, "the style sheet is in force"


def test_hostile_text_is_shown_as_it_was_written(browser, report):
    browser.open(address_of(report))
    text = browser.evaluate("document.body.innerText")

    for attack in (SCRIPT, PIXEL, MARKDOWN, TITLE):
        assert attack in text
    assert browser.evaluate("document.title") == f"{TITLE}: report"
    assert browser.evaluate("document.querySelectorAll('[href^=\"javascript:\"]').length") == 0


def test_no_text_turns_the_direction_of_what_stands_around_it(browser, report):
    browser.open(address_of(report))

    assert "\u202e" not in browser.evaluate("document.documentElement.outerHTML")
    assert "the price is \ufffd001" in browser.evaluate("document.body.innerText")
    # A Hebrew word ends that text; what follows in the next cell is still to its right.
    hebrew = (
        "[...document.querySelectorAll('.twins tr')].find(row => row.innerText.includes('\u05e9\u05dc\u05d5\u05dd'))"
    )
    edges = browser.evaluate(f"[...{hebrew}.cells].map(cell => cell.getBoundingClientRect().left)")
    assert edges == sorted(edges)
    isolated = browser.evaluate(f"getComputedStyle({hebrew}.querySelector('bdi')).unicodeBidi")
    assert isolated == "isolate"


def test_the_data_docs_load_without_a_complaint_or_a_request(browser, index):
    browser.open(address_of(index))
    assert_quiet(browser, index)
    links = set(browser.evaluate("[...document.links].map(link => link.href)"))
    pages = [Path(unquote(link.removeprefix("file://"))) for link in sorted(links)]

    assert len(pages) == len(set(tables_with_suites()) - {"reviews"}) + 1, (
        "every table that a run writes, and the report"
    )
    assert not any(" " in str(page.relative_to(index.parent.parent)) for page in pages)
    for page in pages:
        browser.open(address_of(page))
        assert_quiet(browser, page)


def test_a_source_that_loses_much_is_something_to_look_at_in_the_docs(browser, index):
    browser.open(address_of(index))
    assert "What to look at" in browser.evaluate("document.body.innerText")

    browser.follow("article a")
    text = browser.evaluate("document.body.innerText")
    assert "A source loses more than a share of 0.3" in text
    assert re.search(r"prompt / hostile / \d+ of \d+ distinct rows", text)


def test_a_page_fits_a_narrow_window(browser, report, index):
    for page in (report, index):
        browser.open(address_of(page), width=390)
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390, page


# What stands beyond the edge of the window and in no box that can be moved aside.
OUT_OF_SIGHT = """
[...document.querySelectorAll('main *')].filter(part => {
  const width = document.documentElement.clientWidth;
  const isBeyond = one => one.getBoundingClientRect().right > width + 1;
  const scrolls = one => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX) && !isBeyond(one);
  let box = part;
  while (box && !scrolls(box)) box = box.parentElement;
  return isBeyond(part) && !box;
}).map(part => part.outerHTML.slice(0, 100))
"""


def test_on_a_phone_sentences_are_in_sight_and_figures_move_in_their_own_box(browser, report, index):
    for page in (report, index):
        browser.open(address_of(page), width=375)
        assert browser.evaluate("document.documentElement.scrollWidth") <= 375, page
        assert browser.evaluate(OUT_OF_SIGHT) == [], page
        edges = browser.evaluate(
            "[...document.querySelectorAll('.stack td, .funnel td, .chip')].map(c => c.getBoundingClientRect().right)"
        )
        assert edges and max(edges) <= 375, page


def test_the_reasons_of_the_funnel_are_in_sight_on_a_phone(browser, report):
    browser.open(address_of(report), width=390)

    edges = browser.evaluate(
        "[...document.querySelectorAll('.funnel .chip')].map(c => c.getBoundingClientRect().right)"
    )
    assert edges and max(edges) <= 390


def test_it_prints(browser, report):
    browser.open(address_of(report), dark=True)

    assert browser.printed().startswith(b"%PDF-")


def test_markup_that_slipped_through_could_neither_run_nor_load(browser, tmp_path):
    # The one page here that attacks: it shows that the content policy holds, and that complaints are seen.
    page = tmp_path / "attack.html"
    slipped = Markup(f'">{SCRIPT}{PIXEL}<style>body {{ color: red }}</style>')
    page.write_text(render_page("data_docs_index.html.j2", tables=[], runs=[], report=slipped), "utf-8")

    browser.open(address_of(page))

    assert any("Content Security Policy" in complaint for complaint in browser.complaints())
    assert not any("it ran" in complaint for complaint in browser.complaints())
    assert browser.evaluate("document.title") == "Data docs"
    assert browser.requests() == [address_of(page)]
