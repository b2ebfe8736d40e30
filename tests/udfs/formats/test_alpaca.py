"""How Alpaca records and their kin are read."""

import json

import pytest

from tests.support.reading import drafts, reason
from udfs.formats.draft import Draft, Turn
from udfs.formats.parse import ParseOptions, parse_record


def test_an_input_follows_the_instruction_after_a_blank_line():
    (draft,) = drafts("alpaca", {"instruction": "Sum up.", "input": "A text.\n", "output": "Short.", "category": "qa"})
    assert draft == Draft(turn=0, instruction="Sum up.\n\nA text.\n", response="Short.", category="qa")


@pytest.mark.parametrize(
    "marker",
    ["", " \n", None, "<noinput>", " <NoInput> ", "<no input>", "< No_Input >", "nan", "NaN", "NULL"],
)
def test_no_input_in_any_spelling_leaves_the_instruction_alone(marker):
    assert drafts("alpaca", {"instruction": "Go.", "input": marker, "output": "x"})[0].instruction == "Go."


@pytest.mark.parametrize("value", ["none", "N/A", "noinput", "see <noinput>"])
def test_an_input_that_may_be_one_is_kept(value):
    assert drafts("alpaca", {"instruction": "Go.", "input": value})[0].instruction == f"Go.\n\n{value}"


@pytest.mark.parametrize("response", [{}, {"output": None}, {"output": " \n"}, {"response": ""}])
def test_a_missing_response_keeps_the_prompt(response):
    assert drafts("alpaca", {"instruction": "Go.", **response})[0].response is None


def test_the_answer_may_be_under_response():
    assert drafts("alpaca", {"instruction": "Go.", "output": "", "response": "Gone."})[0].response == "Gone."


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"input": "x", "output": "y"}, "missing_instruction"),
        ({"instruction": " ", "output": "y"}, "missing_instruction"),
        ({"instruction": None, "output": "y"}, "missing_instruction"),
        ({"instruction": 7}, "not_text"),
        ({"instruction": "a", "output": 7}, "not_text"),
        ({"instruction": "a", "output": ["b"]}, "not_text"),
        ({"instruction": "a", "history": [["only one"]]}, "not_text"),
        ({"instruction": "a", "instances": "b"}, "wrong_format"),
        ({"prompt": "a", "completion": "b"}, "wrong_format"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(record, expected):
    assert reason("alpaca", record) == expected


def test_each_instance_of_a_seed_task_is_a_draft():
    task = {"instruction": "Add.", "instances": [{"input": "1 1", "output": "2"}, {"input": "<noinput>", "output": ""}]}
    assert drafts("alpaca", task) == (
        Draft(turn=0, instruction="Add.\n\n1 1", response="2"),
        Draft(turn=1, instruction="Add.", response=None),
    )
    assert drafts("alpaca", {"instruction": "Add.", "instances": []}) == (Draft(turn=0, instruction="Add."),)


@pytest.mark.parametrize(
    "chosen", ["good", {"role": "assistant", "content": "good"}, [{"from": "gpt", "value": "good"}]]
)
def test_of_a_preference_the_chosen_answer_is_the_response(chosen):
    record = {"instruction": "Go.", "output": "bad", "chosen": chosen, "rejected": "bad"}
    assert drafts("alpaca", record)[0].response == "good"


def test_an_answer_that_was_only_rejected_is_never_the_response():
    assert drafts("alpaca", {"instruction": "Go.", "rejected": "bad"})[0].response is None
    (draft,) = drafts("alpaca", {"instruction": "Go.", "output": "bad", "label": False})
    assert draft.response_marks == ("rejected_label",)


def test_system_and_history_are_kept():
    (draft,) = drafts("alpaca", {"instruction": "And?", "output": "x", "system": "Be brief.", "history": [["a", "b"]]})
    assert draft.system == "Be brief."
    assert draft.history == (Turn("user", "a"), Turn("assistant", "b"))


def test_wizardlm_reads_all_three_shapes():
    expected = (Draft(turn=0, instruction="Why?", response="Because."),)
    assert drafts("wizardlm", {"instruction": "Why?", "output": "Because."}) == expected
    assert drafts("wizardlm", {"input": "Why?", "output": "Because."}) == expected
    conversation = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]
    assert drafts("wizardlm", {"conversations": conversation}) == expected
    assert reason("wizardlm", {"input": "", "output": "x"}) == "missing_instruction"


@pytest.mark.parametrize("nothing", [None, float("nan"), [], {}, False, ""])
def test_what_says_that_there_is_nothing_is_no_fault_where_nothing_need_be(nothing):
    record = {"instruction": "Say a.", "input": nothing, "system": nothing, "history": nothing, "output": "a"}
    expected = (Draft(turn=0, instruction="Say a.", response="a"),)
    assert drafts("alpaca", {**record, "chosen": nothing, "instances": nothing, "category": nothing}) == expected
    assert drafts("alpaca", {"instruction": "Say a.", "output": nothing, "response": "a"}) == expected
    assert drafts("wizardlm", {"instruction": nothing, "input": "Say a.", "output": "a"}) == expected
    fields = {"instruction": "q", "input": "i", "response": "a"}
    assert (
        parse_record(
            json.dumps({"q": "Say a.", "i": nothing, "a": "a"}).encode(), ParseOptions(format="table", fields=fields)
        ).drafts
        == expected
    )


@pytest.mark.parametrize("broken", [float("nan"), [], {}, False, 7])
def test_under_instruction_and_output_it_is_refused(broken):
    assert reason("alpaca", {"instruction": broken, "output": "a"}) == "not_text"
    assert reason("alpaca", {"instruction": "Say a.", "output": broken}) == "not_text"
    table = ParseOptions(format="table", fields={"instruction": "q", "response": "a"})
    parsed = parse_record(json.dumps({"q": "Say a.", "a": broken}).encode(), table)
    assert parsed.reason == (None if broken == 7 else "not_text"), (
        "of a table a number is the text that it is written as"
    )
