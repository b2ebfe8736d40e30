"""A data export of ChatGPT: trees of messages, of which the path to the current node is the conversation."""

import json

import pytest

from tests.support.reading import drafts, parse, reason
from udfs.formats.detect import detect_format
from udfs.formats.draft import Draft, Turn


def said(role, *parts, **more):
    return {"author": {"role": role}, "content": {"content_type": "text", "parts": list(parts)}, **more}


def export(nodes, current=None, **more):
    """A conversation; nodes are (id, parent, message)."""
    children = {name: [one for one, parent, _ in nodes if parent == name] for name, _, _ in nodes}
    mapping = {
        name: {"id": name, "message": message, "parent": parent, "children": children[name]}
        for name, parent, message in nodes
    }
    return {"title": "Rivers", "create_time": 1.5, "mapping": mapping, "current_node": current or nodes[-1][0], **more}


BRANCHES = [
    ("root", None, None),
    ("system", "root", said("system", "")),
    ("q1", "system", said("user", "Name a river.")),
    ("a1", "q1", said("assistant", "The Nile.", recipient="all", status="finished_successfully")),
    ("a1-again", "q1", said("assistant", "The Rhine.")),
    ("q2", "a1", said("user", "How long is it?")),
    ("q2-edited", "a1-again", said("user", "And its length?")),
    ("a2", "q2", said("assistant", "6,650 km.")),
    ("a2-edited", "q2-edited", said("assistant", "1,230 km.")),
]
SEEN = (
    Draft(turn=0, instruction="Name a river.", response="The Rhine."),
    Draft(
        turn=1,
        instruction="And its length?",
        response="1,230 km.",
        history=(Turn("user", "Name a river."), Turn("assistant", "The Rhine.")),
    ),
)


def test_the_path_to_the_current_node_is_the_conversation():
    assert drafts("messages", export(BRANCHES, "a2-edited")) == SEEN
    assert drafts("messages", export(BRANCHES, "a2"))[1].response == "6,650 km."
    assert len(drafts("messages", export(BRANCHES, "a1-again"))) == 1


def test_it_is_recognised_and_said():
    found = detect_format([json.dumps(export(BRANCHES)).encode()] * 3)
    assert found.format == "messages"
    assert "a tree of messages under `mapping`, of which the path to its current node" in found.why


def test_without_a_current_node_the_newest_leaf_ends_the_path():
    record = export(BRANCHES)
    assert drafts("messages", {**record, "current_node": None}) == SEEN
    del record["current_node"]
    assert drafts("messages", record) == SEEN


def test_either_direction_of_the_links_is_enough():
    for left_out in ("parent", "children"):
        record = export(BRANCHES, "a2-edited")
        for node in record["mapping"].values():
            del node[left_out]
        assert drafts("messages", record) == SEEN


def talk(*messages):
    """The drafts of one path."""
    nodes = [(f"n{place}", f"n{place - 1}" if place else None, one) for place, one in enumerate(messages)]
    return drafts("messages", export(nodes))


def test_what_the_user_told_once_for_all_is_a_system_prompt():
    about = {"content_type": "user_editable_context", "user_profile": "I am Ana.", "user_instructions": "Be short."}
    memory = {"content_type": "model_editable_context", "model_set_context": "", "repository": None}
    found = talk(
        {"author": {"role": "user"}, "content": about},
        {"author": {"role": "assistant"}, "content": memory},
        said("user", "Hi"),
        said("assistant", "Hello"),
    )
    assert found == (Draft(turn=0, instruction="Hi", response="Hello", system="I am Ana.\nBe short."),)


def test_a_message_to_a_tool_is_a_call_of_it_and_its_result_no_text():
    found = talk(
        said("user", "What is 2^70?"),
        {"author": {"role": "assistant"}, "content": {"content_type": "code", "text": "2**70"}, "recipient": "python"},
        {"author": {"role": "tool", "name": "python"}, "content": {"content_type": "execution_output", "text": "11"}},
        said("assistant", "It is 1,180,591,620,717,411,303,424."),
    )
    assert found[0].prompt_marks == ("tool_use",) and found[0].response == "It is 1,180,591,620,717,411,303,424."


def test_what_a_model_thinks_is_no_answer():
    found = talk(
        said("user", "Hi"),
        {"author": {"role": "assistant"}, "content": {"content_type": "thoughts", "thoughts": [{"content": "Hm"}]}},
        {"author": {"role": "assistant"}, "content": {"content_type": "reasoning_recap", "content": "Thought"}},
        said("assistant", "Hello"),
    )
    assert found == (Draft(turn=0, instruction="Hi", response="Hello"),)


@pytest.mark.parametrize("status", ["in_progress", "finished_partial_completion"])
def test_an_answer_that_was_stopped_is_none_and_ends_the_conversation(status):
    found = talk(
        said("user", "Hi"), said("assistant", "Hel", status=status), said("user", "Go on"), said("assistant", "lo")
    )
    assert found == (Draft(turn=0, instruction="Hi"),)


def test_a_picture_refuses_the_record_as_elsewhere():
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x", "width": 9}
    content = {"content_type": "multimodal_text", "parts": [picture, "What is this?"]}
    nodes = [("n0", None, {"author": {"role": "user"}, "content": content}), ("n1", "n0", said("assistant", "A cat."))]
    assert reason("messages", export(nodes)) == "not_text"


def test_fragments_of_a_message_have_a_type_and_no_role():
    def node(*fragments):
        return {"model": "m", "fragments": [{"type": kind, "content": text} for kind, text in fragments]}

    found = talk(None, node(("REQUEST", "Hi")), node(("THINK", "Hm"), ("RESPONSE", "Hello")))
    assert found == (Draft(turn=0, instruction="Hi", response="Hello"),)


@pytest.mark.parametrize(
    ("nodes", "current"),
    [
        (BRANCHES, "gone"),
        ([("q1", "gone", said("user", "And this?")), ("a1", "q1", said("assistant", "Yes."))], "a1"),
        ([("q1", "a1", said("user", "And this?")), ("a1", "q1", said("assistant", "Yes."))], "a1"),
        (BRANCHES, ["a2"]),
    ],
)
def test_a_path_that_does_not_reach_the_root_is_refused(nodes, current):
    assert reason("messages", export(nodes, current)) == "missing_parent"


def test_a_conversation_of_nothing_has_no_exchange():
    assert reason("messages", export([("root", None, None)])) == "no_exchange"


@pytest.mark.parametrize("message", [1, "x", [], {"author": 1}, {"content": {"content_type": []}}, {"fragments": [1]}])
def test_odd_messages_are_a_reason_and_no_error(message):
    nodes = [("n0", None, said("user", "Hi")), ("n1", "n0", message)]
    assert parse("messages", export(nodes)).reason in (None, "wrong_format", "unknown_role", "not_text")
