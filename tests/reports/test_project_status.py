"""What the status report says of the figures it is given."""

from dataclasses import fields, replace
from datetime import datetime, timezone
from decimal import Decimal
from importlib import resources

import pytest

from jobs.curation.fates import Funnel
from jobs.curation.findings import FindingRows
from jobs.reports.project_status import (
    CategoryRow,
    Criterion,
    DeduplicationFigures,
    LengthRow,
    NearDuplicateLoss,
    OutputFile,
    ProjectStatus,
    StageRow,
    Twins,
    render_project_status,
)
from jobs.reports.teacher_costs import TeacherCost
from udfs.scoring.agreement import MEASURED

TWINS = Twins("first", "second", 0.8765, "Call the tool\nfor <b>Oslo</b> | now", "Call the `tool` for Rome\u202e")

STATUS = ProjectStatus(
    title="Demo",
    run_id="run-7",
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    settings={"select.min_score": "7.0"},
    rows=1500,
    scorer="heuristic",
    scorer_kind="heuristic",
    mean_quality=8.126,
    criteria=(
        Criterion("rows", "1,500", "at least 200", "PASS"),
        Criterion("mean quality", "8.13", "at least 8.0", "NOT ASSESSED"),
        Criterion("duplicates", "1.2 %", "below 1 %", "FAIL"),
    ),
    categories=(CategoryRow("general", 1000, 0.5), CategoryRow("code", 500, None)),
    sources={"wizardlm": 500, "alpaca": 1000},
    quality_bands={"9-10": 100, "8-9": 900, "7-8": 500},
    dimension_means={"clarity": 8.25},
    deduplication=DeduplicationFigures(
        threshold=0.8,
        expected_recall=0.9998,
        prompts_removed=12,
        pairs_removed=3456,
        numbers_only=5,
        losses=(NearDuplicateLoss("tools", 100, 52, 557, (TWINS,) * 4), NearDuplicateLoss("alpaca", 1000, 300)),
    ),
    lengths=(LengthRow("instruction", 5, 45.04, 3000), LengthRow("total", 15, 225.0, 4000)),
    token_definition="a token is a run of letters",
    spent_usd=Decimal("41.1"),
    budget_usd=Decimal(150),
    funnel=Funnel(
        records={"absorbed": 100, "invalid_json": 3, "used": 2000},
        exact_copies=7,
        examples={
            ("deduplicate-prompts", "duplicate_prompt"): 12,
            ("screen", "refusal"): 20,
            ("select", "selected"): 1500,
        },
    ),
    stages=(StageRow("ingest", "done", 2103, 1539, 1.25), StageRow("score", "failed", 1500, 0, 2.0)),
    files=(OutputFile("dataset.jsonl", 123456, "ab" * 32), OutputFile("manifest.json", 99, "cd" * 32)),
    warnings=("alpaca: 3 <records> refused",),
)

SECTIONS = [
    "Summary",
    "Success criteria",
    "Composition",
    "Quality bands",
    "Benchmarks",
    "Deduplication",
    "Length statistics",
    "Cost",
    "Funnel",
    "Stages",
    "Files",
    "Warnings",
    "What to do next",
]


def report(**changes):
    return render_project_status(replace(STATUS, **changes))


def section(text, title):
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_it_has_its_sections_in_order():
    assert [line[3:] for line in report().splitlines() if line.startswith("## ")] == SECTIONS


@pytest.mark.parametrize("name", [f.name for f in fields(ProjectStatus)])
def test_every_field_of_the_status_is_used(name):
    templates = resources.files("conf.templates")
    text, html = (templates.joinpath(file).read_text("utf-8") for file in ("project_status.md.j2", "report.html.j2"))
    # Those reach the templates as a property, as sorted rows, or are said by the data docs and the status report.
    assert f"status.{name}" in text or name in ("sources", "budget_usd", "tables", "data_docs")
    assert f"status.{name}" in html or name in ("sources", "scorer_kind")


# What is changed -> the section that must say so, and how.
CHANGES = [
    ({"title": "Other"}, None, "# Project status: Other"),
    ({"run_id": "run-8"}, "Summary", "| run | `run-8` |"),
    ({"created_at": datetime(2027, 1, 1, tzinfo=timezone.utc)}, "Summary", "2027-01-01 00:00:00"),
    ({"settings": {"ingest.limit": "12"}}, "Summary", "| `ingest.limit` | 12 |"),
    ({"rows": 600_000}, "Summary", "| rows in the data set | 600,000 |"),
    ({"mean_quality": 9.5, "scorer_kind": "judge"}, "Summary", "9.50 of a judge, on average"),
    ({"mean_quality": None}, "Summary", "| quality | not known |"),
    (
        {"criteria": (Criterion("cost", "$1", "$0", "FAIL"),)},
        "Success criteria",
        "| cost | $1 | $0 | **FAIL** |".replace("$", "\\$"),
    ),
    ({"criteria": ()}, "Success criteria", "sets no targets"),
    ({"categories": (CategoryRow("other", 15, 0.04),)}, "Composition", "| `other` | 4.0 % | 15 | 1.0 % |"),
    ({"sources": {"oasst": 1500}}, "Composition", "| `oasst` | 1,500 | 100.0 % |"),
    ({"quality_bands": {"9-10": 1500}}, "Quality bands", "| `found nothing` | 1,500 | 100.0 % |"),
    ({"quality_bands": {"9-10": 9}, "scorer_kind": "judge"}, "Quality bands", "| `9-10` | 9 | 0.6 % |"),
    ({"dimension_means": {"form": 7.5}, "scorer_kind": "judge"}, "Quality bands", "| `form` | 7.50 |"),
    (
        {"lengths": (LengthRow("response", 10, 1800.25, 2000),)},
        "Length statistics",
        "| response | 10 | 1,800.2 | 2,000 |",
    ),
    ({"token_definition": "of cl100k"}, "Length statistics", "Lengths are in tokens: of cl100k."),
    ({"spent_usd": Decimal("0.001")}, "Cost", "| less than $0.01 |"),
    ({"spent_usd": Decimal(1151)}, "Cost", "| $1,151.00 | **$1,001.00 over** |"),
    ({"budget_usd": None}, "Cost", "| none set | $41.10 | |"),
    ({"assumed_usd": Decimal("1.5")}, "Cost", "Of this $1.50 is assumed"),
    (
        {"teachers": (TeacherCost("gpt|4o", 1200, 8.25, 1000, 45_000, Decimal("9.5")),)},
        "Cost",
        "| <code>gpt&#124;4o</code> | 1,200 | 8.25 | 1,000 | 45,000 | $9.50 | $9.50 |",
    ),
    (
        {"teachers": (TeacherCost("a|b", 10, 8.0, 9, 400, Decimal(2), Decimal("1.5")),)},
        "Cost",
        "Of what <code>a&#124;b</code> cost, $1.50 was paid by batch",
    ),
    (
        {"teachers": (TeacherCost("earlier configurations", 0, None, 0, 10, Decimal("0.5")),)},
        "Cost",
        "| `earlier configurations` | 0 |  | 0 | 10 | $0.50 |  |",
    ),
    ({"stages": (StageRow("export", "refused", 5, 4, 1000.0),)}, "Stages", "| `export` | refused | 5 | 4 | 1,000.0 |"),
    ({"files": (OutputFile("x.jsonl", 1000, "ef"),)}, "Files", "| `x.jsonl` | 1,000 | `ef` |"),
    ({"warnings": ("disk is full",)}, "Warnings", "- disk is full"),
    ({"scorer": "other-rules"}, "Summary", "| scorer | `other-rules` (heuristic) |"),
]


@pytest.mark.parametrize(
    ("change", "place", "wanted"), CHANGES, ids=[f"{next(iter(c))}-{n}" for n, (c, *_) in enumerate(CHANGES)]
)
def test_a_figure_that_changes_changes_the_text(change, place, wanted):
    before, after = report(), report(**change)

    assert wanted not in before
    assert wanted in (after if place is None else section(after, place))


def test_the_figures_of_deduplication_are_there():
    text = section(report(), "Deduplication")

    for wanted in (
        "| Jaccard similarity at which rows are twins | 0.8 |",
        "exactly that similarity | 99.98 % |",
        "| removed by the instruction pass | 12 |",
        "| removed by the pair pass | 3,456 |",
        "only in numbers | 5 |",
        "folded before | 7 |",
        "| `tools` | 557 | 100 | 52 | 52.0 % | **WARNING** |",
    ):
        assert wanted in text


def test_a_source_is_named_only_where_it_loses_more_than_thirty_percent():
    text = report()

    assert "**WARNING: `tools` lost 52.0 % of its distinct rows" in section(text, "Deduplication")
    assert "| `alpaca` | 0 | 1,000 | 300 | 30.0 % |  |" in section(text, "Deduplication")
    assert "`tools` lost 52.0 %" in section(text, "Warnings")
    assert "Read the twins of tools" in section(text, "What to do next")
    assert "`alpaca` lost" not in text
    calm = report(deduplication=replace(STATUS.deduplication, losses=()), warnings=())
    assert "None." in section(calm, "Warnings")
    assert "WARNING" not in calm


def test_twins_stand_side_by_side_three_at_most_and_escaped():
    row = (
        "| `first` | Call the tool for &lt;b&gt;Oslo&lt;/b&gt; &#124; now | `second` "
        "| Call the &#96;tool&#96; for Rome\ufffd | Jaccard 0.876 |"
    )

    assert section(report(), "Deduplication").count(row) == 3


def test_a_source_without_rows_lost_nothing():
    assert NearDuplicateLoss("empty", 0, 0).share == 0.0
    assert not NearDuplicateLoss("empty", 0, 0).is_high


def test_the_funnel_ends_at_what_was_selected():
    lines = section(report(), "Funnel").strip().splitlines()[4:]

    assert lines == [
        "| `ingest` | records read | | 2,103 |",
        "| `ingest` | `absorbed` | -100 | 2,003 |",
        "| `ingest` | `invalid_json` | -3 | 2,000 |",
        "| `ingest` | examples in 2,000 records | | 1,539 |",
        "| `ingest` | exact copies folded | -7 | 1,532 |",
        "| `deduplicate-prompts` | `duplicate_prompt` | -12 | 1,520 |",
        "| `screen` | `refusal` | -20 | 1,500 |",
        "| `select` | **selected** | | **1,500** |",
    ]


def test_what_a_judge_is_worth_and_what_people_found_stand_beside_its_score():
    line, people = "x.json: prefers what people prefer in 61.0 % of 100", "93 % good, 88–96, 120 rows read by a person"

    told = report(scorer="gpt-x", scorer_kind="judge", calibrations=(line,), read_by_people=people)

    assert line in section(told, "Quality bands")
    assert "not calibrated" not in told
    assert f"| read by people | {people} |" in told


def test_rules_are_screened_not_judged_and_a_judge_is_not_called_so():
    rules, judge = report(), report(scorer="gpt-x", scorer_kind="judge")

    assert rules.splitlines()[2].startswith("> **SCREENED, NOT JUDGED.**")
    assert "SCREENED, NOT JUDGED" in section(rules, "Quality bands")
    for row in MEASURED:
        assert f"| {row.choices} | {row.share:.1%} |".replace("%", " %") in section(rules, "Quality bands")
    assert "Have a judge score the rows" in rules
    assert "NOT JUDGED" not in judge
    assert "8.13 of a judge" in judge
    assert "(not calibrated)" in judge
    assert "not calibrated: nobody has compared this scorer with people" in section(judge, "Quality bands")
    assert "Have a judge" not in judge


def test_each_finding_of_the_rules_has_its_shares():
    found = (FindingRows("Clarity: a | <b>.", fails=False, checked=200, rows=150),)

    told = section(report(findings=found), "Quality bands")

    assert "| Clarity: a &#124; &lt;b&gt;. | passes | 200 | 100.0 % | 150 | 10.0 % |" in told
    assert "of the pairs looked at" not in report()


def test_what_to_do_next_follows_from_the_figures():
    text = section(report(), "What to do next")

    assert "duplicates failed: 1.2 %, wanted below 1 %" in text
    assert "`phase0 show --reason refusal -n 10`" in text  # the most frequent verdict
    assert "`phase0 verify --input dataset.jsonl`" in text
    assert "overspent" not in text
    assert "overspent" in section(report(spent_usd=Decimal(151)), "What to do next")
    nothing = section(report(criteria=(), files=(), funnel=Funnel({}, 0, {})), "What to do next")
    assert "failed" not in nothing
    assert "phase0" not in nothing


@pytest.mark.parametrize("name", ["title", "token_definition", "scorer", "run_id"])
def test_hostile_text_stays_text(name):
    text = report(**{name: "<script>alert(1)</script> | `x`\n## Forged\u202e"})

    assert "<script>" not in text
    assert "\n## Forged" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#124; &#96;x&#96; \\#\\# Forged\ufffd" in text


def test_the_marks_that_may_be_wrong_stand_below_what_was_found_of_benchmarks():
    found = {"benchmark": "gsm8k", "items": 1319, "items_found": 2, "rows_marked": 3, "rows_noted": 0, "files": []}
    searched = sum(STATUS.funnel.examples.values())

    said = render_project_status(replace(STATUS, benchmarks=(found,)))

    assert "| `gsm8k` | 1,319 | 2 | 3 | 0 |" in said
    assert f"Of {searched:,} examples about {searched * 2 / 54_865:.1f} may be left out wrongly" in said
