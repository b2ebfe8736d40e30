"""What the data set card says, and that no name or text can become markup in it."""

import os
import re
import subprocess
import sys
import zipfile
from html import unescape
from importlib import resources
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markdown_it import MarkdownIt

from jobs.config.settings import Settings
from jobs.publish.card import render_card, size_category
from jobs.rendering.markdown import code, escape_markdown, one_line_excerpt, render_template
from udfs.scoring.agreement import MEASURED

HOSTILE = "<script>x</script> | `rm` [a](b)\n# head\u202e*b* \x1b[0m"

MANIFEST = {
    "files": {"dataset.jsonl": {"sha256": "ab" * 32, "rows": 1234, "bytes": 56789}},
    "created_at": "2026-01-02T03:04:05+00:00",
    "run_id": "run-7",
    "scorer": {"kind": "heuristic", "name": "heuristic"},
    "teacher_kinds": {"public": "public"},
    "counts": {
        "category": {"code": 234, "general": 1000},
        "source": {"alpaca": 1000, "oasst": 234},
        "origin": {"alpaca": 1000, "oasst": 234},
        "licence": {"CC-BY-NC-4.0": 1000, "Apache-2.0": 234},
        "language": {"en": 1200, "no": 30, "not known": 4},
    },
    "cost_usd": "0",
    "config_sha256": "cd" * 32,
    "versions": {"python": "3.11.2", "pyspark": "4.2.0"},
}


def manifest(**changes):
    counts = {**MANIFEST["counts"], **changes.pop("counts", {})}
    return {**MANIFEST, **changes, "counts": counts}


def settings(**changes):
    alpaca = {"name": "alpaca", "hub": "tatsu-lab/alpaca", "licence": "CC-BY-NC-4.0", "terms": "No rival models."}
    oasst = {"name": "oasst", "url": "https://example.org/oasst", "licence": "Apache-2.0"}
    return Settings.model_validate({"sources": [{**alpaca, **changes.pop("alpaca", {})}, oasst], **changes})


def section(card, title):
    return card.split(f"\n## {title}\n")[1].split("\n## ")[0]


def matter_of(card):
    start, matter, _ = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(matter)


def test_the_front_matter_is_yaml_with_the_keys_of_the_hub():
    assert matter_of(render_card(settings(), manifest())) == {
        "pretty_name": "Instruction-tuning data set",
        "license": "cc-by-nc-4.0",
        "language": ["en", "no"],  # `no` is a boolean in YAML unless quoted
        "task_categories": ["text-generation"],
        "size_categories": ["1K<n<10K"],
        "tags": ["instruction-tuning", "supervised-fine-tuning", "deduplicated"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "dataset.jsonl"}]}],
    }


@pytest.mark.parametrize(
    ("licences", "licence", "name"),
    [
        ({"House rules (2024)": 3}, "other", "house-rules-2024"),
        ({"House rules": 3, "MIT": 1}, "other", "mixed"),
        ({"CC-BY-SA-3.0": 3, "CC-BY-NC-4.0": 1}, "other", "mixed"),
        ({"许可": 3}, "other", "unknown"),
        ({}, "other", "unknown"),
        ({"MIT": 3}, "mit", None),
    ],
)
def test_a_licence_that_the_hub_cannot_show_is_other_with_a_name(licences, licence, name):
    matter = matter_of(render_card(settings(), manifest(counts={"licence": licences})))

    assert (matter["license"], matter.get("license_name")) == (licence, name)


def test_the_card_of_screened_rows_has_each_finding_with_its_shares():
    clean = {"finding": "No fault was found.", "effect": "passes", "checked": 1500, "rows": 1200}
    hostile = {"finding": HOSTILE, "effect": "fails", "checked": 500, "rows": 0}
    scorer = {"kind": "heuristic", "name": "heuristic", "findings": [clean, hostile]}

    told = section(render_card(settings(), manifest(scorer=scorer)), "Quality")

    assert "| No fault was found. | passes | 1,500 | 75.0 % | 1,200 | 100.0 % |" in told
    assert "| fails | 500 | 25.0 % | 0 | 0.0 % |" in told
    assert "<script>" not in told and "\n# head" not in told and "\x1b" not in told
    assert "of the pairs looked at" not in section(render_card(settings(), manifest()), "Quality"), "of an older export"


def test_answers_of_a_model_are_tagged_synthetic_and_unknown_languages_are_left_out():
    changed = manifest(teacher_kinds={"gpt": "x"}, counts={"language": {"not known": 9}})

    matter = matter_of(render_card(settings(), changed))

    assert matter["tags"][-1] == "synthetic"
    assert "language" not in matter


@pytest.mark.parametrize(
    ("counts", "claimed"),
    [
        ({"en": 980, "de": 10, "fr": 9, "not known": 1}, ["de", "en"]),
        ({"en": 30, "de": 2, "fr": 1}, ["de", "en"]),
        ({"fr": 1}, ["fr"]),
        ({"en": 1, "not known": 90}, ["en"]),
    ],
)
def test_a_language_is_claimed_by_more_than_a_stray_row(counts, claimed):
    card = render_card(settings(), manifest(counts={"language": counts}))

    assert matter_of(card)["language"] == claimed
    assert all(f"| `{name}` |" in card for name in counts), "the composition hides none"


def test_a_hostile_title_stays_a_value_of_the_front_matter_and_a_line_of_text():
    title = "a: b\n---\n# <b>{{ 7 * 7 }}</b>"

    card = render_card(settings(export={"title": title}), manifest())

    assert matter_of(card)["pretty_name"] == "a: b --- # <b>{{ 7 * 7 }}</b>"
    assert "\n# a: b --- \\# &lt;b&gt;{{ 7 \\* 7 }}&lt;/b&gt;\n" in card


def test_the_size_bucket_is_the_hubs():
    assert [size_category(rows) for rows in (0, 999, 1000, 600_000)] == ["n<1K", "n<1K", "1K<n<10K", "100K<n<1M"]
    assert [size_category(rows) for rows in (10**12 - 1, 10**12)] == ["100B<n<1T", "n>1T"]


def test_a_heuristic_score_is_never_called_a_judgement():
    wording = "screened by rules, not judged; scores are not comparable with a judge's"

    rules = render_card(settings(), manifest())
    judge = render_card(settings(), manifest(scorer={"kind": "judge", "name": "gpt-x"}))

    assert wording in rules
    assert wording in section(rules, "Quality")
    for row in MEASURED:  # how little it says of what people prefer
        assert f"| {row.choices} | {row.share:.1%} |".replace("%", " %") in section(rules, "Quality")
    assert "judged" not in judge.lower() and "people prefer" not in judge
    assert "rules that pass or fail it and grade nothing" in rules and "from 1 to 10" not in rules
    assert "Only scores above" not in rules and "Only rows that no rule fails" in section(rules, "Quality")
    assert "**Score** each pair from 1 to 10 by `gpt-x`." in judge and "Only scores above 7.0" in judge
    assert "scored by `gpt-x` (judge)" in section(judge, "Quality")
    assert "not calibrated" in section(judge, "Quality") and "not calibrated" not in rules


def test_what_is_known_of_a_score_stands_beside_it():
    scorer = {"kind": "judge", "name": "gpt-x", "calibrations": ["x.json: rank correlation 0.61"]}
    people = "93 % good, 88–96, 120 rows read by a person"

    told = section(render_card(settings(), manifest(scorer=scorer, read_by_people=people)), "Quality")

    assert "- x.json: rank correlation 0.61" in told and "not calibrated" not in told
    assert people in told


def test_every_licence_is_there_with_its_terms_and_the_strictest_is_named():
    text = section(render_card(settings(), manifest()), "Licences and terms")

    assert "| `Apache-2.0` | 234 | permissive | Keep the licence text" in text
    assert "| `CC-BY-NC-4.0` | 1,000 | non-commercial | No commercial use" in text
    assert "**The strictest of them is `CC-BY-NC-4.0`** (non-commercial)" in text
    assert "| `alpaca` | 1,000 | No rival models. |" in text
    assert "| `oasst` | 234 | none are stated in the configuration" in text
    assert "shows `other`" not in text


def test_an_unknown_licence_is_the_strictest_and_the_card_says_why():
    changed = manifest(counts={"licence": {"MIT (repo LICENSE)": 1, "CC-BY-NC-4.0": 1}})

    text = section(render_card(settings(), changed), "Licences and terms")

    assert "**The strictest of them is `MIT (repo LICENSE)`**, because its terms are not known here" in text
    assert "The hub shows `other`" in text


def test_spellings_of_one_licence_are_one_row():
    text = section(render_card(settings(), manifest(counts={"licence": {"mit": 2, "MIT": 3}})), "Licences and terms")

    assert "| `MIT` | 5 | permissive |" in text
    assert "as it is the only one (permissive)" in text


def test_answers_of_a_model_carry_its_providers_terms():
    text = render_card(settings(), manifest(counts={"source": {"gpt-x": 1234}}))

    assert "| `gpt-x` | 1,234 | answers of a model: the terms of use of its provider apply" in text
    assert "No rival models." not in text


def test_figures_come_from_the_manifest_and_the_settings():
    changed = settings(
        select={"min_score": 7.5, "rows": 900},
        deduplicate={"threshold": 0.9, "bands": 5, "rows": 4, "seed": 20_260_101, "protect_numbers": True},
        screen={"rules_off": ["pii"], "allow_languages": ["en"], "allow_licences": ["MIT"]},
        alpaca={"deduplicate_threshold": 0.95, "rules_off": ["echo"]},
    )

    made = section(render_card(changed, manifest()), "How it was made")

    for figure in (
        *("similarity of\n   0.9 of", "5 bands of 4, seed 20260101", "differ only in their numbers were not"),
        *("`alpaca` the threshold was 0.95.", "off: `pii`", "off for `alpaca`: `echo`", "scores above 7.5"),
        *("languages were kept: `en`", "licences were kept: `MIT`", "900 rows, as 50.0 % general"),
    ):
        assert figure in made
    plain = section(render_card(settings(), manifest()), "How it was made")
    assert "similarity of\n   0.8 of" in plain
    assert not [words for words in ("off", "were kept:", "Wanted were", "the threshold was") if words in plain]


def test_composition_has_counts_and_shares_the_largest_first():
    text = section(render_card(settings(), manifest()), "Composition")

    assert "| `general` | 1,000 | 81.0 % |\n| `code` | 234 | 19.0 % |" in text
    assert "| `en` | 1,200 | 97.2 % |" in text
    assert (
        "| `alpaca` | `tatsu-lab/alpaca` on the Hugging Face hub |\n| `oasst` | `https://example.org/oasst` |" in text
    )
    fetched = manifest(downloads={"alpaca": {"hub": "tatsu-lab/alpaca", "commit": "c0ffee", "files": []}})
    assert "on the Hugging Face hub, commit `c0ffee` |" in render_card(settings(), fetched)


def test_it_says_how_to_load_verify_and_repeat():
    files = {"mine.jsonl": MANIFEST["files"]["dataset.jsonl"]}

    card = render_card(settings(export={"file": "mine.jsonl"}), manifest(files=files))

    for wanted in (
        'load_dataset("json", data_files="mine.jsonl", split="train")',
        "phase0 verify --input mine.jsonl",
        f"| sha256 of `mine.jsonl` | `{'ab' * 32}` |",
        f"| hash of the configuration | `{'cd' * 32}` |",
        "| pyspark | `4.2.0` |",
    ):
        assert wanted in card


def test_an_empty_data_set_has_a_card():
    files = {"dataset.jsonl": {"sha256": "0" * 64, "rows": 0, "bytes": 0}}

    card = render_card(settings(), manifest(files=files, counts={name: {} for name in MANIFEST["counts"]}))

    assert "no rows and so no licence" in card


@pytest.mark.parametrize("place", ["category", "source", "origin", "licence", "language"])
def test_a_hostile_name_is_shown_and_not_obeyed(place):
    card = render_card(settings(), manifest(counts={place: {HOSTILE: 1234}}))

    assert matter_of(card)["task_categories"] == ["text-generation"]
    body = card.split("---\n", 2)[2]
    assert "<script>" not in body
    assert (
        "<code>&lt;script&gt;x&lt;/script&gt; &#124; &#96;rm&#96; \\[a\\](b) \\# head\ufffd\\*b\\* \ufffd\\[0m</code>"
        in body
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", "a &#124; b"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("`code`", "&#96;code&#96;"),
        ("one\r\n\ttwo\u2028three", "one two three"),
        ("left\u202eright\u200f\u2066", "left\ufffdright\ufffd\ufffd"),
        ("\ud800 \x00", "\ufffd \ufffd"),
        ("1. not a list", "1\\. not a list"),
        ("-5 degrees", "-5 degrees"),
        ("- not a list", "\\- not a list"),
        ("---", "\\---"),
        ("$x$ ~~y~~ @z", "\\$x\\$ \\~\\~y\\~\\~ &#64;z"),
        ("क्‍ष", "क्‍ष"),
    ],
)
def test_markdown_is_escaped(text, shown):
    assert escape_markdown(text) == shown


ANY_TEXT = st.text(st.one_of(st.sampled_from("<>|`*_[]()#\\!&-+=~$@:. \n1;ax"), st.characters()), max_size=40)


@given(ANY_TEXT)
@hypothesis_settings(max_examples=100, deadline=None)
def test_a_renderer_shows_any_text_as_it_is_in_one_cell(text):
    visible = "".join(ch if ch.isprintable() or ch in "\u200c\u200d" else "\ufffd" for ch in " ".join(text.split()))
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])

    for shown in (escape_markdown(text), code(text)):
        cells = re.findall("<td>(.*?)</td>", renderer.render(f"| a | b |\n|---|---|\n| {shown} | end |\n"), re.DOTALL)
        assert [unescape(re.sub("^<code>|</code>$", "", cell)) for cell in cells] == [visible, "end"]
        assert "<" not in re.sub("^<code>|</code>$", "", cells[0])


def test_only_a_plain_name_is_set_in_backticks():
    assert code("duplicate_pair") == "`duplicate_pair`"
    assert code("https://x.org/a_b?c=d") == "`https://x.org/a_b?c=d`"
    assert code("a`b") == "<code>a&#96;b</code>"
    assert code("") == "<code></code>"


def test_an_excerpt_is_cut_and_says_so():
    assert one_line_excerpt("a\n b", 10) == "a b"
    assert one_line_excerpt("x" * 11, 10) == "x" * 10 + " …"
    assert one_line_excerpt(" " * 100 + "tail", 10).endswith("…")


def test_a_template_variable_that_is_not_given_is_an_error():
    with pytest.raises(UndefinedError, match="matter_yaml"):
        render_template("card.md.j2")


def test_templates_and_licences_are_read_from_a_zip(tmp_path):
    root = Path(str(resources.files("conf"))).parent
    archive = tmp_path / "phase0.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in (root / "conf").rglob("*"):
            if path.suffix in (".py", ".yaml", ".j2"):
                packed.write(path, path.relative_to(root))
    program = (
        "import conf, jobs.rendering.markdown, jobs.config.licences; assert '.zip' in conf.__file__, conf.__file__\n"
        "print(jobs.config.licences.describe('MIT'))\n"
        "print(jobs.rendering.markdown._environment().get_template('card.md.j2').name)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(archive), str(root)])}

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("MIT (permissive): Keep")
