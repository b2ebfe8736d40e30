"""What `conf/samples/README.md` says of the embedded sample, held against the files."""

import ast
import doctest
import gzip
import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from typing import NamedTuple

import pytest

from tests.support.exact_pairs import jaccard
from tests.support.paths import ROOT
from udfs.formats.draft import Draft
from udfs.formats.parse import ParseOptions, parse_record, parse_tree, tree_key
from udfs.records import read_whole_file
from udfs.screen.code_blocks import blocks
from udfs.screen.rules import load_rules
from udfs.screen.screen import screen_prompt, screen_response
from udfs.shingles import numbers_masked, shingles, tokenise
from udfs.text import detect_language, repair_literal_escapes

SAMPLES = ROOT / "conf" / "samples"
FORMATS = {
    "alpaca.json": "alpaca",
    "wizardlm.jsonl": "wizardlm",
    "wizardlm_v2.jsonl": "wizardlm",
    "openassistant.jsonl": "openassistant",
    "anthropic_hh.jsonl.gz": "anthropic_hh",
}
NOTES = ("literal_escapes",)  # repaired, so no reason to leave the example out
THRESHOLD = 0.8

Place = tuple[str, int]


class Example(NamedTuple):
    place: Place
    draft: Draft
    instruction: str
    response: str | None
    marks: frozenset[tuple[str, str]]


class Sample(NamedTuple):
    records: Counter[str]
    refused: dict[Place, str]
    examples: list[Example]


@pytest.fixture(scope="module")
def sample() -> Sample:
    records: Counter[str] = Counter()
    refused: dict[Place, str] = {}
    examples: list[Example] = []
    rules = load_rules()
    for file, format_name in FORMATS.items():
        options = ParseOptions(format=format_name, use="pairs", max_chars=10_000)
        trees: dict[object, list[tuple[int, bytes]]] = defaultdict(list)
        for raw in read_whole_file((SAMPLES / file).read_bytes(), file):
            records[file] += 1
            assert raw.reason is None
            key = tree_key(raw.record) if format_name == "openassistant" else None
            trees[key or raw.position].append((raw.position, raw.record))
        for key, rows in trees.items():
            texts = [record for _, record in rows]
            is_tree = isinstance(key, str)
            parsed = parse_tree(texts, options) if is_tree else [parse_record(texts[0], options)]
            for (position, _), outcome in zip(rows, parsed, strict=True):
                if outcome.reason:
                    refused[file, position] = outcome.reason
                examples += [_screened((file, position), draft, rules) for draft in outcome.drafts]
    return Sample(records, refused, examples)


def _screened(place, draft, rules):
    repaired = repair_literal_escapes(draft.instruction)
    instruction = repaired or draft.instruction
    marks = {("prompt", mark) for mark in draft.prompt_marks} | {("response", mark) for mark in draft.response_marks}
    marks |= {("prompt", "literal_escapes")} if repaired else set()
    verdicts = screen_prompt(instruction, draft.system, rules, has_history=bool(draft.history))
    if draft.response:
        verdicts += screen_response(instruction, draft.response, rules, draft.system)
    marks |= {(verdict.target, verdict.rule) for verdict in verdicts}
    return Example(place, draft, instruction, draft.response, frozenset(marks))


def _table(section):
    """The rows of the one table under a heading of the README, cells as plain text."""
    text = (SAMPLES / "README.md").read_text(encoding="utf-8").split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return rows[2:]


def _listed(section):
    """Each place of a table whose last columns are file and positions, with the columns before."""
    return [
        (tuple(what), (file, int(position)))
        for *what, file, positions in _table(section)
        for position in positions.split(",")
    ]


def _faulty(sample):
    return {example.place for example in sample.examples if {mark for _, mark in example.marks} - {*NOTES}}


def test_each_file_holds_as_many_records_and_examples_as_the_readme_says(sample):
    refused = Counter(file for file, _ in sample.refused)
    examples = Counter(example.place[0] for example in sample.examples)
    answered = Counter(example.place[0] for example in sample.examples if example.response)
    expected = [[file, *(str(n[file]) for n in (sample.records, refused, examples, answered))] for file in FORMATS]
    totals = ["all", *(str(sum(n.values())) for n in (sample.records, refused, examples, answered))]

    assert [[file, *counts] for file, _, *counts in _table("Counts")] == [*expected, totals]


def test_the_readme_names_each_refused_record_and_why(sample):
    listed = {place: what[0] for what, place in _listed("Refused by ingest")}

    assert listed == sample.refused


def test_the_readme_names_each_verdict_and_no_sound_record_has_one(sample):
    found = {(mark, example.place) for example in sample.examples for mark in example.marks}

    assert set(_listed("Marked by the sources' labels or by the screen")) == found


NOT_SHOWN = {"reasoning_block"}
"""Rules of which the sample has no case: its answers are people's, and think without saying so."""


def test_every_rule_convicts_something(sample):
    found = {mark for example in sample.examples for mark in example.marks}
    # A mark of the source on either half is the same rule to a reader.
    names = {rule for _, rule in found}
    rules = [rule for rule in load_rules() if rule.name not in NOT_SHOWN]

    assert [rule.name for rule in rules if rule.name not in names] == []
    assert {(rule.target, rule.name) for rule in rules if not rule.from_source} <= found
    assert not NOT_SHOWN & names


def test_only_the_pairs_in_the_readme_are_alike(sample):
    texts = [
        (example.place, shingles(example.instruction), shingles(f"{example.instruction}\n{example.response or ''}"))
        for example in sample.examples
    ]
    found = {}
    for (place, prompt, pair), (other, other_prompt, other_pair) in combinations(texts, 2):
        similarities = _similarity(prompt, other_prompt), _similarity(pair, other_pair)
        if max(similarities) >= THRESHOLD:
            exact = jaccard(prompt, other_prompt), jaccard(pair, other_pair)
            found[place, other] = (round(exact[0], 3), round(exact[1], 3))
    listed = {
        ((file, int(position)), (other, int(twin))): (float(instructions), float(pairs))
        for _, file, position, other, twin, instructions, pairs in _table("Alike")
    }

    assert listed == found


def _similarity(left, right):
    """The Jaccard similarity; 0.0 where the sizes alone keep it below the threshold."""
    return jaccard(left, right) if min(left.size, right.size) >= THRESHOLD * max(left.size, right.size) else 0.0


def test_twins_are_of_the_kind_that_the_readme_calls_them(sample):
    by_place = {example.place: example for example in sample.examples}
    for kind, file, position, other, twin, instructions, _ in _table("Alike"):
        left, right = by_place[file, int(position)], by_place[other, int(twin)]
        tokens, others = tokenise(left.instruction), tokenise(right.instruction)
        is_numeric = numbers_masked(tokens) == numbers_masked(others) and tokens != others
        assert (kind == "differ only in numbers") == is_numeric
        assert (kind == "punctuated anew") == (tokens == others and left.instruction != right.instruction)
        assert (kind == "equal") == ((left.instruction, left.response) == (right.instruction, right.response))
        assert (kind == "same answer") == (float(instructions) < THRESHOLD)


def test_the_two_ends_of_the_chain_are_not_alike(sample):
    by_place = {example.place: example.instruction for example in sample.examples}
    links = [row for row in _table("Alike") if row[0] == "chain"]
    middle = (links[0][1], int(links[0][2]))
    ends = [(other, int(twin)) for _, _, _, other, twin, *_ in links]

    assert [(file, int(position)) for _, file, position, *_ in links] == [middle, middle]
    assert 0.6 < jaccard(*(shingles(by_place[end]) for end in ends)) < THRESHOLD


def test_at_least_three_quarters_of_the_records_are_sound(sample):
    twins = {(other, int(twin)) for _, _, _, other, twin, *_ in _table("Alike")}
    unanswered = {example.place for example in sample.examples if example.response is None}
    spoilt = set(sample.refused) | _faulty(sample) | twins | unanswered
    total = sum(sample.records.values())

    assert total >= 330
    assert (total - len(spoilt)) / total >= 0.75


def test_the_code_of_sound_records_parses_and_its_doctests_pass(sample):
    faulty = _faulty(sample)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    parsed = 0
    for example in sample.examples:
        if example.place in faulty:
            continue
        for language, code, is_closed in blocks(example.response or ""):
            assert is_closed
            if language == "python":
                tree = ast.parse(code)
                parsed += 1
                if ">>> " in code:
                    _run_doctests(tree, code, str(example.place), parser, runner)

    assert parsed >= 25
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries >= 15


def _run_doctests(tree, code, name, parser, runner):
    namespace = {}
    exec(compile(code, name, "exec"), namespace)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ">>> " in (text := ast.get_docstring(node) or ""):
            runner.run(parser.get_doctest(text, dict(namespace), name, None, 0))


def test_other_languages_are_detected_as_what_they_are(sample):
    found = {
        (example.draft.language or detect_language(f"{example.instruction}\n{example.response or ''}"), example.place)
        for example in sample.examples
    }
    listed = {(what[0], place) for what, place in _listed("In other languages")}

    assert listed <= found
    assert {language for language, _ in listed} == {"ar", "de", "es", "fr", "hi", "ja", "zh"}


def test_what_else_the_readme_promises_is_there(sample):
    promised = defaultdict(set)
    for what, place in _listed("Other things to meet"):
        promised[what[0].split(":")[0]].add(place)
    lines = {file: _lines(file) for file in FORMATS}

    assert promised["blank or missing answer"] == {e.place for e in sample.examples if e.response is None}
    assert promised["system prompt"] == {e.place for e in sample.examples if e.draft.system}
    assert promised["several turns"] == {e.place for e in sample.examples if e.draft.history}
    assert promised["CRLF line ends within texts"] == {
        (file, position) for file in FORMATS for position, line in enumerate(lines[file]) if "\\r\\n" in line
    }
    assert all("<noinput>" in lines[f][p] for f, p in promised["<noinput> as the whole input, which is no fault"])
    assert all(re.search("[\U0001f300-\U0001faff]", lines[file][position]) for file, position in promised["emoji"])
    assert [file for file in FORMATS if lines[file][0].startswith("\ufeff")] == ["wizardlm.jsonl"]


def _lines(file):
    """The text of each record, for a file that has one on each line."""
    content = (SAMPLES / file).read_bytes()
    lines = (gzip.decompress(content) if file.endswith(".gz") else content).decode().split("\n")[:-1]
    return lines[1:-1] if file == "alpaca.json" else lines


def test_the_array_is_sound_json_and_the_gzip_header_holds_no_time():
    assert len(json.loads((SAMPLES / "alpaca.json").read_bytes())) == int(_table("Counts")[0][2])
    assert (SAMPLES / "anthropic_hh.jsonl.gz").read_bytes()[4:8] == bytes(4)


def test_the_readme_states_the_licence_and_the_number_of_records(sample):
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")

    assert "written for this project" in text
    assert "Apache-2.0" in text
    assert f"\n{sum(sample.records.values())} records" in text
