"""What the report says of the figures it is given, and that no text of a data set becomes markup."""

import re
from dataclasses import replace
from decimal import Decimal
from html import unescape
from itertools import pairwise

import pytest

from jobs.curation.fates import Funnel
from jobs.curation.findings import FindingRows
from jobs.curation.reasons import meaning_of
from jobs.deduplication.figures import DuplicateGroup, Twins
from jobs.reports.html_report import funnel_steps, render_report
from jobs.reports.project_status import CategoryRow, Criterion, LengthRow, StageRow
from jobs.reports.teacher_costs import TeacherCost
from schemas.records import REASONS
from tests.reports.test_project_status import STATUS
from tests.support.hostile import ATTACKS, MARKDOWN, SCRIPT
from tests.support.paths import ROOT

FUNNEL = replace(STATUS.funnel, by_source={"alpaca": STATUS.funnel, "none": Funnel({"deleted": 4}, 0, {})})
GROUP = DuplicateGroup(
    "prompt", "k" * 32, "Name a river.", 7, (Twins("r" * 32, "k" * 32, 0.8, "Name a lake.", "Name a river."),)
)
REPORTED = replace(
    STATUS,
    funnel=FUNNEL,
    deduplication=replace(STATUS.deduplication, groups=(GROUP,)),
    lengths=(LengthRow("total", 15, 225.0, 4000, 200, {100: 3, 200: 0, 300: 1}),),
    stages=(StageRow("distill", "done", 3, 3, 1.0, Decimal(30)), StageRow("score", "done", 3, 3, 1.0, Decimal("11.1"))),
)


def section(title: str, **changes: object) -> str:
    """The words of a section, without markup."""
    html = render_report(replace(REPORTED, **changes)).split(f"<h2>{title}</h2>")[1].split("</section>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_each_step_of_the_funnel_leaves_what_the_one_before_left_but_for_what_it_took():
    steps = funnel_steps(FUNNEL)

    assert [step.name for step in steps] == [
        "records read",
        "records used",
        "examples",
        "screen",
        "deduplicate-prompts",
        "data set",
    ]
    # Examples are counted anew: a record may hold several.
    examples = steps[2:]
    assert [step.left for step in examples] == [1532, 1512, 1500, 1500]
    assert all(before.left - step.lost == step.left for before, step in pairwise(examples))
    assert all(step.lost == sum(rows for _, rows in step.reasons) for step in steps)
    assert steps[1].reasons == (("absorbed", 100), ("invalid_json", 3))


def test_the_funnel_names_each_reason_and_what_it_means():
    text = section("From source to data set")

    assert "−20 kept out by a named rule: refusal 20" in text
    assert "screen refusal The answer declines to do what was asked." in section("What each reason means")
    assert re.search(r"alpaca 2,103 2,000 1,532", text)
    assert re.search(r"none 4 0 0 0 0 0", text), "a source of which nothing is left has its row"


def test_every_reason_of_the_sample_is_explained():
    rows = re.search(
        r"<!-- sample -->\n(.*?)<!-- /sample -->", (ROOT / "docs" / "DEMO.md").read_text("utf-8"), re.DOTALL
    )
    named = re.findall(r"^\| ([a-z-]+) \| (\w+) \| *[0-9]", rows[1] if rows else "", re.MULTILINE)

    assert len(named) > 40
    named += [("select", reason) for reason in REASONS]
    assert [(stage, reason) for stage, reason in named if not meaning_of(stage, reason)] == []
    assert "file ends" in (meaning_of("ingest", "truncated") or ""), "a rule of the same name means something else"
    assert meaning_of("screen", "no_such_rule") is None


FOUND = (
    FindingRows("No fault was found.", fails=False, checked=1500, rows=1400),
    FindingRows("Clarity: <b>shouts</b>.", fails=False, checked=150, rows=100),
    FindingRows("Completeness: the answer stops.", fails=True, checked=350, rows=0),
)


def test_each_finding_stands_with_its_share_of_pairs_and_of_the_data_set():
    text = section("Quality", findings=FOUND)

    assert "Of 2,000 pairs that the rules looked at" in text
    assert "No fault was found. passes 1,500 75.0 % 1,400 93.3 %" in text
    assert "Clarity: <b>shouts</b>. passes 150 7.5 % 100 6.7 %" in text
    assert "Completeness: the answer stops. fails 350 17.5 % 0 0.0 %" in text
    assert "<b>shouts" not in render_report(replace(REPORTED, findings=FOUND)), "a finding is text"
    assert "Each finding" not in section("Quality")


LOCAL = TeacherCost("<b>local</b>", 1200, 8.25, 1000, 45_000, Decimal("9.5"))
BY_BATCH = TeacherCost("<b>b</b>", 10, 8.0, 9, 400, Decimal("2"), Decimal("1.5"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "Spent $41.10 Budget $150.00 Left $108.90 For 1,000 rows of the data set $27.40 distill $30.00 73.0 %"),
        ({"spent_usd": Decimal(151)}, "Overspent $1.00"),
        ({"budget_usd": None}, "Spent $41.10 Budget none was set For"),
        ({"spent_usd": Decimal(0)}, "Nothing was bought"),
        (
            {"spent_usd": Decimal(0), "teachers": (LOCAL,)},
            "Nothing was spent: the models that were asked",
        ),
        ({"teachers": (LOCAL,)}, "<b>local</b> 1,200 8.25 1,000 45,000 $9.50 $9.50"),
        ({"teachers": (BY_BATCH,)}, "Of what <b>b</b> cost, $1.50 was paid by batch"),
        ({"assumed_usd": Decimal("1.5")}, "Of what was spent $1.50 is assumed"),
    ],
    ids=["within", "overspent", "no budget", "nothing", "free models", "teachers", "batch", "assumed"],
)
def test_the_cost_stands_against_the_budget(change, words):
    assert words in section("Cost", **change)


def test_the_composition_stands_against_what_was_asked_for():
    assert "general 1,000 66.7 % of 50.0 %" in section("Composition")
    assert 'class="wanted"' in render_report(REPORTED).split("<h2>Composition</h2>")[1].split("<h2>Quality</h2>")[0]
    free = section("Composition", categories=(CategoryRow("general", 1500, None),))
    assert "No composition was asked for" in free and "of 50.0 %" not in free


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({}, "bad", "Not ready"),
        ({"criteria": STATUS.criteria[:2]}, "warn", "Ready, quality not judged"),
        ({"criteria": (Criterion("rows", "1", "1", "PASS"),), "scorer_kind": "judge"}, "good", "Ready for training"),
    ],
    ids=["failed", "screened", "judged"],
)
def test_the_verdict_follows_from_the_criteria_and_from_who_scored(changes, kind, said):
    verdict = render_report(replace(REPORTED, **changes)).split('<p class="verdict">')[1].split("</p>")[0]

    assert f'<span class="badge {kind}">{said}</span>' in verdict


def test_lengths_have_a_bar_for_each_step_and_none_where_there_are_no_rows():
    text = render_report(REPORTED).split("<h2>Lengths</h2>")[1].split("</section>")[0]

    assert text.count('<svg class="column"') == 3
    assert text.count('<rect class="fill"') == 2
    assert "tokens, from 100 200 300" in section("Lengths")


def test_the_largest_groups_show_the_kept_row_and_mark_what_differs():
    text = render_report(REPORTED).split("<h3>The largest groups")[1]

    assert "Name a river." in text and "<mark>lake.</mark>" in text
    assert "and 6 more" in text
    assert f"phase0 explain {'r' * 32}" in text


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_becomes_markup(attack):
    twins = Twins(attack, attack, 0.9, attack, f"{attack} else")
    hostile = replace(
        REPORTED,
        title=attack,
        run_id=attack,
        sources={attack: 3},
        settings={attack: attack},
        warnings=(attack,),
        criteria=(Criterion(attack, attack, attack, "FAIL"),),
        funnel=replace(FUNNEL, records={attack: 2}, by_source={attack: FUNNEL}),
        deduplication=replace(
            STATUS.deduplication,
            losses=(replace(STATUS.deduplication.losses[0], source=attack, twins=(twins,)),),
            groups=(DuplicateGroup("pair", attack, attack, 2, (twins,)),),
        ),
    )
    html = render_report(hostile)

    assert not re.search(r"<(script|img|a href=.javascript)", html)
    assert not {char for char in html if not char.isprintable()} - {"\n"}
    if attack in (SCRIPT, MARKDOWN):
        assert unescape(html).count(attack) > 10


def test_the_report_is_one_file_that_asks_for_nothing():
    html = render_report(REPORTED)

    assert not re.search(r"https?:|//[a-z]|<script|<link|<img|url\(|@import| style=| on[a-z]+=", html)
    assert "default-src 'none'" in unescape(html)
