"""README and docs keep their word: their commands run, their tables are those of the code."""

import re
import shlex
import shutil

import pytest
from typer.main import get_command

from jobs.cli.app import app, main
from jobs.config.load import load_settings
from jobs.config.options_table import options_table
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
PAGES = {
    path.relative_to(ROOT): path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
}
DOCS = {path.name: text for path, text in PAGES.items()}


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_every_command_runs_in_a_fresh_folder(demo, tmp_path, monkeypatch, capsys):
    # The demo's first command is the run that `demo` has made already: it finds its tables and goes on from there.
    monkeypatch.chdir(tmp_path)
    shutil.copytree(demo.workspace, load_settings("demo").workspace)
    shutil.copy(ROOT / "conf" / "samples" / "wizardlm.jsonl", "my.jsonl")
    lines = [line for text in PAGES.values() for block in blocks("bash", text) for line in block.splitlines() if line]
    assert len(lines) >= 16 and all(line.startswith("phase0 ") for line in lines)
    for line in lines:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line)[1:])
        said = capsys.readouterr()
        assert ended.value.code in (None, 0), f"{line}\n{said.out[-3000:]}\n{said.err[-3000:]}"


def test_the_table_of_options_is_that_of_the_code():
    inside = re.search(r"<!-- options -->\n(.*?)<!-- /options -->", DOCS["OPTIONS.md"], re.DOTALL)
    assert inside and inside.group(1) == options_table(), "run `phase0 show-config --options` and paste"


def test_the_table_of_commands_names_them_all():
    known = set(get_command(app).commands)
    named = set(
        re.findall(r"[a-z][a-z-]+", " ".join(re.findall(r"^\| (`phase0 .*?) \|", DOCS["COMMANDS.md"], re.MULTILINE)))
    )
    assert not known - named


def test_every_make_target_it_names_is_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(
        re.findall(
            r"\bmake ([a-z-]+)",
            " ".join(block for text in PAGES.values() for block in blocks("text", text))
            + (ROOT / "CONTRIBUTING.md").read_text(),
        )
    )
    assert {"demo", "test", "wheel", "check"} <= targets
    assert all(f"\n{target}:" in makefile for target in targets)


def test_every_place_they_link_is_there():
    assert README.count("](docs/") > 10
    for page, text in PAGES.items():
        for file, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
            target = (ROOT / page).parent / file if file else ROOT / page
            assert target.exists(), f"{page} links {file}"
            assert not heading or heading in anchors(target.read_text("utf-8")), f"{page} links {file}#{heading}"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_a_first_read():
    assert len(README.splitlines()) <= 150


def test_what_it_says_of_the_sample_is_so():
    samples = (ROOT / "conf" / "samples" / "README.md").read_text("utf-8")
    assert "416 records" in README and samples.count("416") >= 1


def test_every_case_from_the_field_names_a_test_that_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCS["FIELD_CASES.md"])
    rows = [line for line in DOCS["FIELD_CASES.md"].splitlines() if re.match(r"\| (?!what came in|---)", line)]

    assert len(named) == len(rows) > 30
    for file, test in named:
        assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8"), f"{file} has no {test}"
