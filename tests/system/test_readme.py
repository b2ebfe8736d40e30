"""The README keeps its word: its commands run, its tables are those of the code."""

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


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_command_runs_in_a_fresh_folder(demo, tmp_path, monkeypatch, capsys):
    # The first command is the run that `demo` has made already: it finds its tables and goes on from there.
    monkeypatch.chdir(tmp_path)
    shutil.copytree(demo.workspace, load_settings("demo").workspace)
    lines = [line for block in blocks("bash") for line in block.splitlines() if line]
    assert len(lines) >= 8 and all(line.startswith("phase0 ") for line in lines)
    for line in lines:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line)[1:])
        said = capsys.readouterr()
        assert ended.value.code in (None, 0), f"{line}\n{said.out[-3000:]}\n{said.err[-3000:]}"


def test_the_table_of_options_is_that_of_the_code():
    inside = re.search(r"<!-- options -->\n(.*?)<!-- /options -->", README, re.DOTALL)
    assert inside and inside.group(1) == options_table(), "run `phase0 show-config --options` and paste"


def test_the_table_of_commands_names_them_all():
    known = set(get_command(app).commands)
    named = set(re.findall(r"[a-z][a-z-]+", " ".join(re.findall(r"^\| (`phase0 .*?) \|", README, re.MULTILINE))))
    assert not known - named


def test_every_make_target_it_names_is_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"\bmake ([a-z-]+)", " ".join(blocks("text")) + (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"demo", "test", "wheel", "check"} <= targets
    assert all(f"\n{target}:" in makefile for target in targets)


def test_every_file_it_links_is_there():
    links = re.findall(r"\]\(([^)#]+)", README)
    assert links and not [link for link in links if not (ROOT / link).exists()]


def test_what_it_says_of_the_sample_is_so():
    samples = (ROOT / "conf" / "samples" / "README.md").read_text("utf-8")
    assert "416 records" in README and samples.count("416") >= 1
