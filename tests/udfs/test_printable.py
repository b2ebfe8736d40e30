"""Hostile text, wherever it is shown: it moves no cursor, hides nothing, turns no line around and is no markup."""

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader
from markdown_it import MarkdownIt
from rich.console import Console
from rich.text import Text

from jobs.rendering import html, markdown
from jobs.rendering.terminal import excerpt, say
from udfs.printable import JOINERS, LINES, MARKS, printable, printable_excerpt, spelled_out

HOSTILE = {
    "clears the screen": "\x1b[2J\x1b[H",
    "sets the title": "\x1b]0;owned\x07",
    "a link of the terminal": "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "8-bit control sequence": "\x9b31m",
    "goes back over the line": "safe\rEVIL",
    "erases what was printed": "x\b\b\b",
    "a null": "a\x00b",
    "turns the reading direction": "user\u202etxt.exe",
    "isolates a direction": "\u2066a\u2069",
    "half a surrogate": "\ud800",
    "a soft hyphen and a zero width space": "pass\u00adword\u200b",
    "a line that only some programs see": "a\u2028b\x85c",
    "tag characters": "a\U000e0041\U000e0042",
    "markup of rich": "[bold red]x[/bold red] [link=http://evil]y[/link] :skull:",
    "markup of HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "an attribute of HTML": '" onmouseover="alert(1)',
    "markup of Markdown": "[x](javascript:alert(1)) ![i](http://evil/p.png) **b** `c` | d\n# heading",
    "a template": "{{ 7 * 7 }}{% for x in y %}",
}
each = pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))


def is_harmless(text: str, keep: str = LINES) -> bool:
    """By the categories of Unicode and not by `str.isprintable`, which is what is tested."""
    return all(ch in keep or ch == " " or unicodedata.category(ch)[0] not in "CZ" for ch in text)


@each
def test_what_cannot_be_seen_is_replaced(text):
    shown = printable(text, LINES)
    assert is_harmless(shown) and len(shown) == len(text)
    assert all(a == b or b == "\ufffd" for a, b in zip(text, shown, strict=True))
    assert is_harmless(spelled_out(text, 1_000), "") and is_harmless(printable_excerpt(text, 5))


@given(st.text())
def test_of_any_text_only_what_can_be_seen_stays(text):
    assert is_harmless(printable(text), "")
    assert is_harmless(printable(text, LINES + JOINERS + MARKS), LINES + JOINERS + MARKS)


def test_hindi_persian_and_emoji_keep_what_joins_them():
    for text in ("क्‍ष", "می‌خواهم", "👩‍🚀"):
        assert printable(text, JOINERS) == text != printable(text)


def test_an_excerpt_says_how_long_the_text_is():
    assert printable_excerpt("x" * 10, 10) == "x" * 10
    assert printable_excerpt("x\x07" * 600, 3) == "x\ufffdx … (1,200 characters)"
    assert spelled_out("a\x1b\u202e\nb", 10) == r"a\x1b\u202e\nb"
    assert spelled_out("x" * 11, 10) == "x" * 10 + "..."


def terminal():
    return Console(file=io.StringIO(), width=200, force_terminal=True, color_system="truecolor", legacy_windows=False)


@each
def test_a_line_on_a_terminal_is_the_text_and_nothing_else(text):
    console = terminal()
    say(console, text)
    written = console.file.getvalue()
    # Not even rich's own colours: nothing of it was read as markup, a number or an emoji.
    assert written == printable(text, LINES) + "\n"


@each
def test_an_excerpt_between_our_markup_is_no_markup(text):
    assert Text.from_markup(f"[bold]{excerpt(text)}[/bold]", emoji=False).plain == printable(text, LINES)


def shown_by(module, text):
    """What a template of one of the two environments makes of a text, between two characters of ours."""
    environment = module._environment().overlay(loader=DictLoader({"t": "<{{ text }}>"}))
    return environment.get_template("t").render(text=text)[1:-1]


@each
def test_a_page_shows_the_text_and_no_markup_of_it(text):
    shown = shown_by(html, text)
    assert is_harmless(shown, html._KEPT)
    assert not re.search("[<>\"']", shown), "what begins a tag or ends an attribute is escaped"


@each
def test_a_card_shows_the_text_and_no_markup_of_it(text):
    shown = shown_by(markdown, text)
    assert is_harmless(shown, JOINERS) and "\n" not in shown
    tags = re.findall("<[^>]+>", MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(shown))
    assert tags == ["<p>", "</p>"]
