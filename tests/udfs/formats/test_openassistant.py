"""How OpenAssistant trees become drafts, nested or as flat rows, and what becomes of every message."""

import json
import random

import pytest

from tests.support.reading import drafts, reason
from udfs.formats.draft import Draft, Turn
from udfs.formats.openassistant import NO_TREE_ID
from udfs.formats.parse import ParseOptions, parse_tree, tree_key

OPTIONS = ParseOptions(format="openassistant")


def message(message_id, parent_id=None, **fields):
    """A reviewed message; a prompter's where the id begins with p. Its text is its id in capitals."""
    role = "prompter" if message_id[0] == "p" else "assistant"
    defaults = {"text": message_id.upper(), "role": role, "lang": "en", "deleted": False, "review_result": True}
    return {"message_id": message_id, "parent_id": parent_id, "message_tree_id": "t", **defaults, **fields}


def labels(**values):
    return {"name": list(values), "value": list(values.values()), "count": [3] * len(values)}


ROWS = [
    message("p1", labels=labels(quality=0.9, spam=0.0)),
    message("a1", "p1", rank=1, labels=labels(quality=1.0)),
    message("a2", "p1", rank=0, labels=labels(quality=0.4, fails_task=0.5)),
    message("p2", "a1", labels=labels(quality=0.2, lang_mismatch=0.6)),
    message("a3", "p2", rank=None, labels=labels(quality=0.7)),
    message("a4", "p2", rank=None, labels=labels(quality=0.8)),
    message("p3", "a2", lang="pt-BR"),
]
DRAFTS = {
    "p1": Draft(
        turn=0,
        instruction="P1",
        response="A2",
        language="en",
        human_quality=0.4,
        response_marks=("low_quality", "fails_task"),
    ),
    "p2": Draft(
        turn=1,
        instruction="P2",
        response="A4",
        history=(Turn("user", "P1"), Turn("assistant", "A1")),
        language="en",
        human_quality=0.8,
        prompt_marks=("low_quality", "lang_mismatch"),
    ),
    "p3": Draft(turn=2, instruction="P3", history=(Turn("user", "P1"), Turn("assistant", "A2")), language="pt"),
}


def read(rows):
    """message id -> what became of its row: instruction, reason or null for absorbed."""
    parsed = parse_tree([json.dumps(row).encode() for row in rows], OPTIONS)
    assert len(parsed) == len(rows)
    return {
        row["message_id"]: result.drafts[0] if result.drafts else result.reason
        for row, result in zip(rows, parsed, strict=True)
    }


def nested(rows, parent_id=None):
    return [{**row, "replies": nested(rows, row["message_id"])} for row in rows if row["parent_id"] == parent_id]


def test_every_prompter_turn_is_a_draft_with_its_ancestors_and_its_best_reply():
    assert read(ROWS) == {**DRAFTS, **dict.fromkeys(("a1", "a2", "a3", "a4"))}


def test_neither_the_order_of_rows_nor_the_nesting_matters():
    for seed in range(5):
        rows = random.Random(seed).sample(ROWS, len(ROWS))
        assert read(rows) == read(ROWS)
        (root,) = nested(rows)
        assert drafts("openassistant", {"message_tree_id": "t", "prompt": root}) == tuple(DRAFTS.values())
        assert drafts("openassistant", root) == tuple(DRAFTS.values())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"deleted": True, "review_result": None}, "deleted"),
        ({"review_result": False}, "not_reviewed"),
        ({"text": 7}, "not_text"),
        ({"role": "narrator"}, "unknown_role"),
        ({"text": "x" * 200_000}, "too_long"),
    ],
)
def test_a_message_that_cannot_be_used_takes_along_what_hangs_below_it(fault, expected):
    rows = [{**row, **fault} if row["message_id"] == "a1" else row for row in ROWS]
    assert read(rows) == {
        "p1": DRAFTS["p1"],
        "a1": expected,
        "a2": None,
        **dict.fromkeys(("p2", "a3", "a4"), "missing_parent"),
        "p3": Draft(turn=1, instruction="P3", history=DRAFTS["p3"].history, language="pt"),
    }
    (root,) = nested(rows)
    assert [draft.instruction for draft in drafts("openassistant", root)] == ["P1", "P3"]


def test_the_best_ranked_reply_that_is_left_is_taken():
    rows = [{**row, "deleted": row["message_id"] == "a2"} for row in ROWS]
    assert read(rows)["p1"].response == "A1"


def test_an_unranked_reply_comes_after_every_ranked_one_however_good():
    rows = [message("p1"), message("a1", "p1", rank=None, labels=labels(quality=1.0)), message("a2", "p1", rank=3)]
    assert read(rows)["p1"].response == "A2"
    tied = [message("p1"), message("a2", "p1", rank=0), message("a1", "p1", rank=0)]
    assert read(tied)["p1"].response == "A1"


def test_a_review_without_a_result_refuses_nothing():
    assert read([message("p1", review_result=None)])["p1"].instruction == "P1"


def test_rows_without_their_ancestors_are_refused_and_cycles_end():
    assert read(ROWS[3:4]) == {"p2": "missing_parent"}
    assert read([message("p1", "a1"), message("a1", "p1")]) == {"p1": "missing_parent", "a1": "missing_parent"}
    assert reason("openassistant", message("p2", "a1")) == "missing_parent"


def test_a_row_that_comes_twice_is_used_once():
    parsed = parse_tree([json.dumps(row).encode() for row in (ROWS[0], ROWS[0])], OPTIONS)
    assert [(len(result.drafts), result.reason) for result in parsed] == [(1, None), (0, None)]


@pytest.mark.parametrize(
    ("fields", "marks"),
    [
        ({"labels": {"toxicity": {"value": 0.5, "count": 3}}}, ("toxicity",)),
        ({"labels": {"toxicity": 0.4}, "detoxify": {"toxicity": 0.9}}, ()),
        ({"labels": None, "detoxify": {"toxicity": 0.9}}, ("toxicity",)),
        ({"labels": {"quality": 0.5, "spam": 0.49}}, ()),
        ({"labels": {"quality": "bad", "spam": True, "toxicity": 7}}, ()),
        ({"labels": {"name": "x", "value": [1]}}, ()),
    ],
)
def test_labels_are_read_in_each_of_their_shapes(fields, marks):
    assert read([message("p1", **fields)])["p1"].prompt_marks == marks


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (message("p1", deleted=True), "deleted"),
        (message("p1", text=" "), "missing_instruction"),
        (message("a1"), "no_exchange"),
        ({"message_id": "p1"}, "wrong_format"),
        ({"instruction": "x"}, "wrong_format"),
    ],
)
def test_a_tree_without_a_usable_root_is_refused_by_name(root, expected):
    assert reason("openassistant", {"prompt": root}) == expected


def test_rows_are_joined_by_their_tree_and_nothing_else_is():
    def key(value):
        return tree_key(json.dumps(value).encode())

    assert key(ROWS[3]) == "t"
    assert key({**ROWS[3], "message_tree_id": None}) == NO_TREE_ID
    assert key(nested(ROWS)[0]) is None
    assert key({"message_tree_id": "t", "prompt": nested(ROWS)[0]}) is None
    assert key({"instruction": "What is a message_id?"}) is None
    assert tree_key(b'{"message_id"') is None


def test_rows_of_several_trees_without_tree_ids_are_read_together():
    rows = [{**row, "message_tree_id": None} for row in [*ROWS, message("p9"), message("a9", "p9")]]
    found = read(rows)
    assert found["p9"].response == "A9"
    assert len({draft.turn for draft in found.values() if draft is not None}) == 4


def test_a_chain_of_any_length_is_read_in_bounded_time():
    rows = [message("p0"), *(message(f"p{n}", f"p{n - 1}") for n in range(1, 5_000))]
    found = read(rows)
    assert found["p999"].instruction == "P999"
    assert found["p1000"] == "too_long"
    assert found["p1001"] == "missing_parent"


def test_the_rows_of_the_real_validation_split_are_all_accounted_for(shared_data):
    trees = {}
    for line in (shared_data / "sources/oasst/en-validation.jsonl").read_bytes().splitlines():
        trees.setdefault(tree_key(line), []).append(line)
    outcomes = [result for rows in trees.values() for result in parse_tree(rows, OPTIONS)]
    reasons = [result.reason for result in outcomes]

    assert None not in trees
    assert len(outcomes) == 2022
    assert sum(len(result.drafts) for result in outcomes) == 751
    assert (reasons.count("deleted"), reasons.count("not_reviewed"), reasons.count(None)) == (40, 46, 751 + 1185)
