"""A data set that attacks whoever looks at it, for the tests of what is shown of it."""

import json
from pathlib import Path

from rich.console import Console

from jobs.config.load import load_settings
from jobs.pipeline import STAGES
from jobs.run.run_stages import run_stages
from jobs.workspace.runtime import Runtime, open_runtime

SCRIPT = "<script>document.title='owned';console.error('it ran')</script>"
PIXEL = "<img src='http://127.0.0.1:9/pixel.png' onerror='console.error(1)'>"
MARKDOWN = "[click here](javascript:alert(1)) ![](http://127.0.0.1:9/a.png) **bold** | cell"
REVERSED = "the price is \u202e001\u202c euros \u05e9\u05dc\u05d5\u05dd"
CONSOLE = "[bold red]not a style[/bold red] \x1b[31mred\x1b[0m"
TITLE = f"</title>{SCRIPT}"
FILE = "<img src=x onerror=alert(1)>.jsonl"
ATTACKS = (SCRIPT, PIXEL, MARKDOWN, REVERSED, CONSOLE)

# Of each attack three records that are nearly the same, so that the report shows it among the duplicates.
_TEXT = (
    "Explain to a class of beginners in a few short sentences what a browser does with the following line of text "
    "and why it matters that a page shows it as it was written: {attack} Close with advice for {city}."
)
_ANSWER = "The browser of {city} reads the line: where a page does not escape it, {attack} becomes part of the page."


def hostile_records() -> list[str]:
    """Lines of a file in the format of Alpaca; the last one is no JSON."""
    records = [
        {"instruction": _TEXT.format(attack=attack, city=city), "output": _ANSWER.format(attack=attack, city=city)}
        for attack in ATTACKS
        for city in ("Oslo", "Lima", "Quito")
    ]
    records += [
        {"instruction": f"How far is it from {a} to {b}?", "output": f"Look at a map of {a}."} for a, b in _WAYS
    ]
    return [*(json.dumps(record) for record in records), f"{{{SCRIPT}"]


_WAYS = (("Rome", "Milan"), ("Paris", "Lyon"), ("Delhi", "Agra"), ("Cairo", "Luxor"))


def run_hostile(folder: Path) -> Runtime:
    """Run the whole pipeline on them, reports and data docs not yet written."""
    (folder / FILE).write_text("\n".join(hostile_records()) + "\n", encoding="utf-8")
    config = folder / "phase0.yaml"
    source = {"name": "hostile", "path": FILE, "format": "alpaca", "licence": "MIT"}
    config.write_text(json.dumps({"workspace": "w", "sources": [source], "export": {"title": TITLE}}), encoding="utf-8")
    console = Console(record=True, width=200, file=(folder / "terminal.txt").open("w", encoding="utf-8"))
    runtime = open_runtime(load_settings(str(config), [f"workspace={folder}/w"]), console)
    run_stages(runtime, STAGES)
    return runtime
