"""The life of a row, told from the tables: for a row in the data set, a removed twin, and ids that lead nowhere."""

import json
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from jobs.cli.app import main
from jobs.reports.explain import Life, example_of_line, explain_row
from jobs.reports.explain_text import headline, print_life, stage_lines
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import DUPLICATES, PAIRS
from tests.support.hostile import CONSOLE, FILE

TWINS = {"pass": "pair", "id": "p1", "duplicate_of": "p2", "jaccard": 0.875, "numbers_only": True}
MARK = {
    "benchmark": "gsm8k",
    "item": "7",
    "field": "question",
    "side": "prompt",
    "part": "instruction",
    "effect": "exclude",
    "first_token": 4,
    "tokens": 30,
    "item_tokens": 40,
    "share": 0.75,
    "span": "janet s ducks",
    "item_text": "Janet's [ducks]",
}

REPHRASED = {**MARK, "item": "8", "kind": "rephrased", "effect": "note", "share": 0.625, "span": "duck janet 16"}

STORY = Life(
    "e1",
    {
        "examples": [
            {
                "example_id": "e1",
                "source": "alpaca",
                "category": "code",
                "licence": "MIT",
                "instruction": "Ask [bold]me[/bold]",
                "reference_response": "Say",
                "records": [{"file": "/a/b.jsonl", "position": n} for n in range(7)],
                "history": [{"role": "user", "content": "x"}],
                "system": "Be brief.",
            }
        ],
        "raw_records": [],
        "screen": [
            {"id": "e1", "target": "prompt", "rule": "literal_escapes", "effect": "note"},
            {"id": "p1", "target": "response", "rule": "refusal", "effect": "exclude", "span": "I cannot"},
        ],
        "duplicates": [TWINS, {**TWINS, "pass": "prompt", "id": "e9", "duplicate_of": "e1"}],
        "assignments": [{"requested_teacher": "big", "actual_teacher": "small", "request_id": "r1"}],
        "pairs": [
            {"pair_id": "p1", "answered_by": "small-2", "request_id": "r1", "response": "Paid for"},
            {"pair_id": "p2", "answered_by": "alpaca"},
        ],
        "scores": [{"pair_id": "p2", "scorer": "judge", "quality_tenths": 65, "dimensions": {"b": 6, "a": 7}}],
        "reviews": [
            {
                "pair_id": "p2",
                "reviewer": "eve",
                "verdict": "drop",
                "note": "It is [wrong].",
                "reviewed_at": "2026-01-02",
            },
            {"pair_id": "p2", "reviewer": "bob", "verdict": "keep", "reviewed_at": "2026-01-01"},
        ],
        "contamination": [MARK, {**MARK, "effect": "note", "side": "response", "part": "response"}, REPHRASED],
        "selection": [{"pair_id": "p2", "reason": "low_score"}],
        "fates": [{"stage": "select", "reason": "low_score"}],
    },
    texts={"p1": "Name 3 rivers", "p2": "Name 4 rivers"},
    file="dataset.jsonl",
)


def told(life: Life, stage: str) -> list[str]:
    return [line for name, line in stage_lines(life) if name == stage]


def printed(life: Life) -> str:
    console = Console(record=True, width=400, file=StringIO())
    print_life(console, life)
    return console.export_text()


def test_each_stage_says_what_it_decided_and_on_what_grounds():
    assert headline(STORY) == ("Left out by select: low_score. The quality score is not above the one that is wanted.")
    ingest = told(STORY, "ingest")
    assert ingest[0] == "read from alpaca: b.jsonl, record 0" and ingest[5] == "and 2 more records that say the same"
    assert "code, language not known, MIT" in ingest and "[dim]history:[/dim] 1 earlier messages" in ingest
    assert "This is noted only." in told(STORY, "screen")[0]
    assert told(STORY, "screen")[1].endswith("This keeps it out. [dim]Found:[/dim] I cannot")
    assert told(STORY, "decontaminate") == [
        "prompt: its instruction, from token 4 on, holds 30 of the 40 tokens (75%) of the question of gsm8k item 7. "
        "This keeps it out.",
        "[dim]the benchmark:[/dim] Janet's \\[ducks]",
        "[dim]this one:[/dim] janet s ducks",
        "response: its response, from token 4 on, holds 30 of the 40 tokens (75%) of the question of gsm8k item 7. "
        "A form of words, which is noted only.",
        "[dim]the benchmark:[/dim] Janet's \\[ducks]",
        "[dim]this one:[/dim] janet s ducks",
        "prompt: its instruction has 30 of the 40 words and numbers (similarity 0.62) of the question of gsm8k item 8. "
        "Noted only.",
        "[dim]the benchmark:[/dim] Janet's \\[ducks]",
        "[dim]this one:[/dim] duck janet 16",
    ]
    assert told(STORY, "deduplicate-prompts") == ["stays; 1 fall to it: e9"]
    assert told(STORY, "distill") == [
        "given to the teacher small, in place of big, request r1",
        "answered by small-2: pair p1",
        "[dim]response:[/dim] Paid for",
        "answered by alpaca: pair p2",
    ]
    assert told(STORY, "deduplicate-pairs") == [
        "[dim]pair p1[/dim]",
        "falls to pair p2, which stays: Jaccard 0.875, and they differ in numbers only",
        "[dim]that one:[/dim] Name [reverse]4[/reverse] rivers",
        "[dim]this one:[/dim] Name [reverse]3[/reverse] rivers",
        "[dim]pair p2[/dim]",
        "stays; 1 fall to it: p1",
    ]
    assert told(STORY, "score")[1:] == ["not scored", "[dim]pair p2[/dim]", "6.5 by judge: a 7, b 6"]
    assert told(STORY, "select")[-3:-1] == ["bob says keep", "eve says drop: It is \\[wrong]."]
    assert told(STORY, "select")[-1].startswith("not selected: low_score.")
    assert told(STORY, "export") == ["not in dataset.jsonl"]
    assert "Ask [bold]me[/bold]" in printed(STORY)


@pytest.mark.parametrize(
    ("score", "says"),
    [
        ({"scorer": "distilled", "is_held_out": False}, "which is on one side of the threshold"),
        ({"scorer": "judge", "is_held_out": False}, "and the judge was asked"),
        ({"scorer": "judge", "is_held_out": True}, "without having seen the judge's"),
    ],
)
def test_a_prediction_is_told_with_its_interval_and_whether_it_counts(score, says):
    row = {"pair_id": "p2", "quality_tenths": 84, "predicted_tenths": 84, "low_tenths": 80, "high_tenths": 91}
    life = Life("e1", {**STORY.rows, "scores": [{**row, "model": "0123456789abcdef", **score}]})

    assert told(life, "score")[-2:] == [
        f"8.4 by {score['scorer']}",
        f"predicted 8.4, interval 8.0 to 9.1, {says}; model 0123456789ab",
    ]


def test_what_rules_found_is_told_before_the_number_that_the_format_asks_for():
    score = {"pair_id": "p2", "scorer": "heuristic", "quality_tenths": 90, "reason": "No fault was found."}
    life = Life("e1", {**STORY.rows, "scores": [{**score, "dimensions": {"clarity": 9}}]})

    assert told(life, "score")[-2] == "rules, which grade nothing: nothing found (quality_score 9.0: clarity 9)"


def test_a_stage_that_has_not_run_says_so():
    begun = Life("e1", {name: STORY.rows[name] for name in ("examples", "raw_records")})

    assert headline(begun) == "The run has not come to the selection yet."
    later = {stage: told(begun, stage) for stage, _ in stage_lines(begun) if stage != "ingest"}
    assert len(later) == 8
    assert all("has not run yet" in lines[0] for lines in later.values())


def test_a_line_of_the_file_is_told_from_its_record_to_its_line(hostile: Runtime):
    output = Path(hostile.settings.workspace) / "output"
    lines = (output / "dataset.jsonl").read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "not a style" in line)

    life = explain_row(hostile, example_of_line(hostile, number))
    text = printed(life)

    assert life.example["instruction"] == json.loads(lines[number - 1])["instruction"]
    assert f"In the data set, line {number} of dataset.jsonl." in text
    assert f"read from hostile: {FILE}, record " in text
    assert "stays; 2 fall to it" in text and "rules, which grade nothing: " in text
    assert CONSOLE.split("\x1b")[0] in text, "markup of the terminal is shown, not obeyed"
    assert "\x1b" not in text.replace("\ufffd", "")


def test_a_removed_twin_names_the_row_that_stays(hostile: Runtime):
    removed = hostile.read(DUPLICATES).orderBy("id").first()
    assert removed is not None

    life = explain_row(hostile, removed["id"][:12])
    text = printed(life)

    assert life.example_id == removed["id"]
    assert "Left out by deduplicate-prompts: duplicate_prompt." in text
    assert f"falls to {removed['duplicate_of']}, which stays: Jaccard {removed['jaccard']:.3f}" in text
    assert f"The row that stays: phase0 explain {removed['duplicate_of']}" in text
    assert "not asked of anyone" in text and "not in dataset.jsonl" in text


def test_a_pair_is_explained_by_its_example(hostile: Runtime):
    pair = hostile.read(PAIRS).orderBy("pair_id").first()
    assert pair is not None

    assert explain_row(hostile, pair["pair_id"]).example_id == pair["example_id"]


def test_an_id_that_leads_nowhere_or_to_several_rows_is_refused(hostile: Runtime):
    rows = pq.read_metadata(Path(hostile.settings.workspace) / "output" / "provenance.parquet").num_rows

    with pytest.raises(ConfigError, match=r"no example and no pair has the id zz; `phase0 show"):
        explain_row(hostile, "zz")
    with pytest.raises(ConfigError, match=r"several examples have an id that starts with : [0-9a-f]{32}, .*Type more"):
        explain_row(hostile, "")
    with pytest.raises(ConfigError, match=rf"dataset.jsonl has {rows} lines, no line 999"):
        example_of_line(hostile, 999)


def test_the_commands_run_on_a_finished_workspace(hostile: Runtime, capsys):
    workspace = Path(hostile.settings.workspace)
    at = ["--config", str(workspace.parent / "phase0.yaml"), "--set", f"workspace={workspace}"]
    report = workspace / "output" / "report.html"
    before = report.read_bytes()
    report.unlink()

    for arguments in (["explain", "--line", "1"], ["report"]):
        with pytest.raises(SystemExit) as ended:
            main([*arguments, *at])
        assert not ended.value.code, capsys.readouterr()
    said = capsys.readouterr().out
    assert "In the data set, line 1" in said
    assert "report:        " in said and str(report) in said
    assert report.read_bytes() == before, "the same tables give the same report"
    with pytest.raises(SystemExit) as ended:
        main(["explain", *at])
    assert ended.value.code == 2 and "give an id or --line N" in capsys.readouterr().err


def test_there_is_nothing_to_report_on_before_the_export(hostile: Runtime, tmp_path, capsys):
    config = Path(hostile.settings.workspace).parent / "phase0.yaml"
    for command in (["report"], ["explain", "--line", "1"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--config", str(config), "--set", f"workspace={tmp_path}"])
        assert ended.value.code == 2
        assert "phase0 run" in capsys.readouterr().err
