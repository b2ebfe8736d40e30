"""How conversations are cut into exchanges, and what of them is marked."""

import json

import pytest

from tests.support.reading import drafts, reason
from udfs.formats.detect import detect_format
from udfs.formats.draft import Draft, Turn


def talk(*turns):
    """`"user: Hi"` and so on as OpenAI messages."""
    return [dict(zip(("role", "content"), turn.split(": ", 1), strict=True)) for turn in turns]


TALK = talk("system: Be kind.", "user: Hi", "assistant: Hello", "user: And?", "assistant: So.")


def test_each_exchange_is_a_draft_with_what_came_before():
    assert drafts("messages", {"messages": TALK}) == (
        Draft(turn=0, instruction="Hi", response="Hello", system="Be kind."),
        Draft(
            turn=1,
            instruction="And?",
            response="So.",
            system="Be kind.",
            history=(Turn("user", "Hi"), Turn("assistant", "Hello")),
        ),
    )


def test_every_spelling_of_a_conversation_reads_the_same():
    expected = drafts("messages", {"messages": TALK})
    names = {"user": "human", "assistant": "gpt", "system": "system"}
    sharegpt = [{"from": names[turn["role"]], "value": turn["content"]} for turn in TALK]
    assert drafts("messages", {"messages": [{turn["role"]: turn["content"]} for turn in TALK]}) == expected
    langchain = {"user": "human", "assistant": "ai", "system": "system"}
    typed = [{"type": langchain[turn["role"]], "content": turn["content"]} for turn in TALK]
    assert drafts("messages", {"messages": typed}) == expected
    nested = [{"type": turn["type"], "data": {"content": turn["content"]}} for turn in typed]
    assert drafts("messages", {"messages": nested}) == expected
    cased = {"user": "User", "assistant": "Chatbot", "system": "System"}
    assert drafts("messages", {"messages": [{**turn, "role": cased[turn["role"]]} for turn in TALK]}) == expected
    aloud = [
        {"role": "assistant", "channel": "analysis", "content": "Hm."},
        {"role": "reasoning", "content": "Hm."},
    ]
    assert drafts("messages", {"messages": [*TALK[:2], *aloud, *TALK[2:4], *aloud, *TALK[4:]]}) == expected
    texts = [{**turn, "content": [{"type": "text", "text": turn["content"]}], "loss_weight": 0.0} for turn in TALK]
    values = [{**turn, "content": [{"type": "text", "value": turn["content"]}]} for turn in TALK]
    assert drafts("sharegpt", {"conversations": sharegpt, "tools": "[]"}) == expected
    assert drafts("sharegpt", {"conversations": sharegpt[1:], "system": "Be kind."}) == expected
    assert drafts("messages", {"messages": texts}) == expected
    assert drafts("messages", {"messages": values, "tools": None}) == expected
    parts = [{**turn, "content": {"type": "text", "text": turn["content"]}} for turn in TALK]
    tree = [{"author": {"role": turn["role"]}, "content": {"parts": [turn["content"]]}} for turn in TALK]
    speakers = [{"role": None, "from": "", "speaker": turn["role"], "text": turn["content"]} for turn in TALK]
    roles = {"user": "user", "assistant": "model"}
    gemini = [{"role": roles[turn["role"]], "parts": [{"text": turn["content"]}]} for turn in TALK[1:]]
    for messages in (parts, tree, speakers, json.dumps(TALK), json.dumps(json.dumps(TALK)), [*map(dict, TALK)]):
        assert drafts("messages", {"messages": messages}) == expected
    for key in ("systemInstruction", "system_instruction", "system"):
        for system in ("Be kind.", {"parts": [{"text": "Be kind."}]}, [{"text": "Be kind."}]):
            assert drafts("messages", {"contents": gemini, key: system}) == expected


ASKED, ANSWERED = talk("user: Hi")[0], talk("assistant: Hello")[0]


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [ASKED], "choices": [{"index": 0, "message": ANSWERED, "finish_reason": "stop"}]},
        {"request": {"model": "m", "messages": [ASKED]}, "response": {"choices": [{"message": ANSWERED}]}},
        {"input": {"messages": [ASKED]}, "output": ANSWERED},
        {"input": [ASKED], "output": [ANSWERED]},
        {"input": [ASKED], "ideal": "Hello"},
        {"chat_history": [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Hello"}]},
        {"conversation": {"human": "Hi", "assistant": "Hello"}},
        {"items": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        {"chat": {"title": "x", "messages": [ASKED, ANSWERED]}},
    ],
)
def test_logs_of_calls_keep_question_and_answer(record):
    assert drafts("messages", record) == (Draft(turn=0, instruction="Hi", response="Hello"),)


def test_messages_of_one_side_in_a_row_are_one():
    (draft,) = drafts("messages", {"messages": talk("user: a", "user: b", "assistant: c", "assistant: d")})
    assert (draft.instruction, draft.response) == ("a\n\nb", "c\n\nd")


def test_an_opening_by_the_assistant_is_history_and_a_last_question_has_no_response():
    (draft,) = drafts("messages", {"messages": talk("assistant: Welcome", "user: a")})
    assert draft == Draft(turn=0, instruction="a", history=(Turn("assistant", "Welcome"),))


@pytest.mark.parametrize("silent", ["user:  ", "assistant:  "])
def test_a_conversation_ends_where_a_side_says_nothing(silent):
    turns = talk("user: a", "assistant: b", "user: c", silent, "user: d", "assistant: e")
    found = drafts("messages", {"messages": turns})
    assert [(draft.instruction, draft.response) for draft in found] == [("a", "b"), ("c", None)]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"messages": []}, "no_exchange"),
        ({"messages": talk("system: x", "assistant: y")}, "no_exchange"),
        ({"messages": talk("user:  ", "assistant: y")}, "missing_instruction"),
        ({"messages": "a"}, "wrong_format"),
        ({"messages": ["a"]}, "wrong_format"),
        ({"messages": [{"content": "a"}]}, "wrong_format"),
        ({"instruction": "a"}, "wrong_format"),
        ({"messages": talk("narrator: a")}, "unknown_role"),
        ({"messages": [{"role": ["user"], "content": "a"}]}, "unknown_role"),
        ({"messages": [{"role": "user", "content": 7}]}, "not_text"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, "not_text"),
        ({"messages": talk("user: a", "assistant: b") * 501}, "too_long"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(record, expected):
    assert reason("messages", record) == expected


def marks(record):
    return [draft.prompt_marks for draft in drafts("messages", record)]


CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]}


@pytest.mark.parametrize(
    "calls",
    [
        talk("function_call: f()", "observation: 7"),
        [CALL, *talk("tool: 7")],
        [{"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]}],
        [{"role": "assistant", "content": "", "function_call": {"name": "f"}}],
    ],
)
def test_exchanges_from_the_first_call_on_are_marked(calls):
    turns = [*talk("user: a", "assistant: b", "user: c"), *calls, *talk("assistant: d", "user: e", "assistant: f")]
    found = drafts("messages", {"messages": turns})
    assert [draft.prompt_marks for draft in found] == [(), ("tool_use",), ("tool_use",)]
    assert [draft.response for draft in found] == ["b", "d", "f"]
    assert all("7" not in turn.content for draft in found for turn in draft.history)


@pytest.mark.parametrize("tools", ['[{"name": "f"}]', [{"name": "f"}]])
def test_where_tools_are_declared_every_exchange_is_marked(tools):
    assert marks({"messages": TALK, "tools": tools}) == [("tool_use",), ("tool_use",)]


@pytest.mark.parametrize("tools", ["[]", [], "", None])
def test_an_empty_declaration_of_tools_marks_nothing(tools):
    assert marks({"messages": TALK, "tools": tools}) == [(), ()]


@pytest.mark.parametrize(
    "answer",
    ["Good.", {"from": "gpt", "value": "Good."}, {"role": "assistant", "content": "Good."}, talk("assistant: Good.")],
)
def test_the_chosen_answer_is_the_response_of_the_last_exchange(answer):
    expected = [("Hi", "Hello"), ("And?", "Good.")]
    for turns in (TALK, TALK[:-1]):
        record = {"conversations": turns, "chosen": answer, "rejected": "Bad."}
        assert [(draft.instruction, draft.response) for draft in drafts("sharegpt", record)] == expected


def test_a_chosen_conversation_replaces_the_prompt():
    record = {
        "prompt": "Hi",
        "chosen": talk("user: Hi", "assistant: Good."),
        "rejected": talk("user: Hi", "assistant: Bad."),
    }
    assert drafts("messages", record) == (Draft(turn=0, instruction="Hi", response="Good."),)


@pytest.mark.parametrize("label", ["label", "kto_tag"])
def test_a_rejected_last_answer_is_marked_and_the_others_are_not(label):
    found = drafts("messages", {"messages": TALK, label: False})
    assert [draft.response_marks for draft in found] == [(), ("rejected_label",)]
    assert [draft.response_marks for draft in drafts("messages", {"messages": TALK, label: True})] == [(), ()]


PLAIN = drafts("messages", {"messages": TALK})


@pytest.mark.parametrize(
    "record",
    [
        {"conversations": None, "messages": TALK},
        {"conversations": [], "conversation": float("nan"), "messages": TALK},
        {"messages": [{**turn, "from": None, "value": None} for turn in TALK]},
        {"messages": [{"role": None, "content": "", "from": t["role"], "value": t["content"]} for t in TALK]},
        {"messages": json.dumps(TALK), "tools": "null"},
        {"messages": str(TALK), "tools": " None "},
        {"prompt": TALK[:2], "completion": None, "messages": TALK},
        {"messages": [{**t, "content": [{"type": "input_text", "text": t["content"], "x": None}]} for t in TALK]},
        {"messages": [{**t, "content": [{"text": t["content"]}]} for t in TALK], "tools": float("nan")},
        {"messages": [{**t, "content": [{"type": "text", "text": {"value": t["content"]}}]} for t in TALK]},
        {"messages": [{"role": turn["role"], "parts": [{"text": turn["content"]}]} for turn in TALK]},
        {"messages": TALK, "system": float("nan")},
        {"messages": [["Hi", "Hello"], ["And?", "So."]], "system": "Be kind."},
        {"data": ["Hi", "Hello", "And?", "So."], "system": "Be kind."},
        {"conversation": [{"human": "Hi", "assistant": "Hello"}, *TALK[3:]], "system": "Be kind."},
    ],
)
def test_padding_encoding_and_parts_change_nothing(record):
    assert drafts("messages", record) == PLAIN
    assert detect_format([json.dumps(record).encode()]).format in ("messages", "sharegpt")


@pytest.mark.parametrize(
    "thought",
    [{"type": "thinking", "thinking": "Hm."}, {"type": "reasoning", "text": "Hm."}, {"thinking": "Hm."}],
)
def test_thinking_is_no_part_of_an_answer(thought):
    said = {"role": "assistant", "content": [thought, {"type": "output_text", "text": "Hello"}]}
    (draft,) = drafts("messages", {"messages": [*talk("user: Hi"), said]})
    assert draft.response == "Hello"
    items = [*talk("user: Hi"), {"type": "reasoning", "summary": ["Hm."]}, *talk("assistant: Hello")]
    assert drafts("messages", {"messages": items}) == (draft,)


@pytest.mark.parametrize("part", [{"image_url": {"url": "x"}}, {"type": "input_image"}, {"type": "audio", "text": "x"}])
def test_a_picture_without_a_type_is_not_passed_over(part):
    turns = [{"role": "user", "content": [part, {"type": "text", "text": "What is this?"}]}, *talk("assistant: A cat.")]
    assert reason("messages", {"messages": turns}) == "not_text"


def test_a_completion_of_several_messages_follows_its_prompt():
    completion = talk("assistant: Let me see.", "assistant: So.")
    expected = Draft(turn=0, instruction="Why?", response="Let me see.\n\nSo.", system="Be brief.")
    prompt = talk("system: Be brief.", "user: Why?")
    for key in ("completion", "chosen"):
        assert drafts("messages", {"prompt": prompt, key: completion}) == (expected,)
        assert drafts("messages", {"prompt": prompt, key: [*prompt, *completion]}) == (expected,)
    (draft,) = drafts("messages", {"prompt": "Why?", "completion": completion})
    assert (draft.instruction, draft.response) == ("Why?", "Let me see.\n\nSo.")


@pytest.mark.parametrize(
    "text", ["[" * 5000, "[{'role': " + "(" * 5000, "['a' 'b'", "[__import__('os')]", "[1, 2]", "[]"]
)
def test_a_text_that_only_begins_like_a_list_is_refused(text):
    assert reason("messages", {"messages": text}) in ("wrong_format", "no_exchange")


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": talk("user: a"), "response": talk("assistant: b")},
        {"prompt": talk("user: a"), "completion": "b"},
        {"prompt": "a", "completion": talk("assistant: b")},
        {"prompt": talk("user: a")[0], "completion": talk("assistant: b")[0]},
        {"messages": talk("user: a"), "response": "b"},
        {"messages": talk("user: a"), "response": None, "output": "b"},
        {"messages": talk("user: a", "assistant: b"), "response": "another one"},
    ],
)
def test_an_answer_beside_the_conversation_is_not_lost(record):
    assert [(draft.instruction, draft.response) for draft in drafts("messages", record)] == [("a", "b")]


def test_a_picture_beside_text_stays_refused_however_it_is_written():
    for picture in ({"type": "image_url", "image_url": {"url": "x"}}, {"content_type": "image", "asset": "x"}):
        message = {"role": "user", "content": picture}
        assert reason("messages", {"messages": [message, *talk("assistant: b")]}) == "not_text"
