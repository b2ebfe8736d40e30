"""Which format a file is taken for, and what the user is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SourceFormatError
from udfs.formats.detect import detect_format

MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def detect(*values):
    return detect_format([json.dumps(value).encode() for value in values])


@pytest.mark.parametrize(
    ("record", "name", "fields"),
    [
        ({"instruction": "a", "input": "", "output": "b"}, "alpaca", {}),
        ({"instruction": "a", "response": "b", "category": "c"}, "alpaca", {}),
        ({"instruction": "a", "chosen": "b", "rejected": "c"}, "alpaca", {}),
        ({"instruction": "a", "instances": []}, "alpaca", {}),
        ({"input": "a", "output": "b"}, "wizardlm", {}),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "x"}, "anthropic_hh", {}),
        ({"conversations": [{"from": "human", "value": "a"}]}, "sharegpt", {}),
        ({"messages": MESSAGES, "label": True}, "messages", {}),
        ({"prompt": "a", "chosen": MESSAGES, "rejected": MESSAGES}, "messages", {}),
        ({"message_tree_id": "t", "prompt": {"text": "a", "replies": []}}, "openassistant", {}),
        ({"message_id": "m", "text": "a", "role": "prompter"}, "openassistant", {}),
        ({"instruction": "a", "response": "b", "source": "s", "quality_score": 8.5}, "jsonl", {}),
        ({"Question": "a", "Best Answer": "b"}, "table", {"instruction": "Question", "response": "Best Answer"}),
        (
            {"instruction": "a", "context": "b", "response": "c"},
            "table",
            {"instruction": "instruction", "response": "response", "input": "context"},
        ),
        ({"prompt": "a"}, "table", {"instruction": "prompt"}),
        ({"text": "a", "answer": "b"}, "table", {"instruction": "text", "response": "answer"}),
        ({"q": "a", "a": "b"}, "table", {"instruction": "q", "response": "a"}),
        ({"question": "a", "a": "b", "b": "c"}, "table", {"instruction": "question"}),
        ({"问题": "a", "回答": "b"}, "table", {"instruction": "问题", "response": "回答"}),
        ({"human": "a", "gpt": "b"}, "table", {"instruction": "human", "response": "gpt"}),
        ({"input_text": "a", "output_text": "b"}, "table", {"instruction": "input_text", "response": "output_text"}),
        ({"input": {"messages": MESSAGES}, "output": MESSAGES[1]}, "messages", {}),
        ({"input": MESSAGES[:1], "ideal": "b"}, "messages", {}),
        ({"custom_id": "1", "body": {"model": "m", "messages": MESSAGES}}, "messages", {}),
        ({"chat_history": [{"role": "USER", "message": "a"}]}, "messages", {}),
        ({"conversation": {"human": "a", "assistant": "b"}}, "messages", {}),
        ({"prompt": "a", "completion": MESSAGES[1:]}, "messages", {}),
        ({"prompt": MESSAGES[0], "completion": MESSAGES[1]}, "messages", {}),
        ({"contents": [{"role": "user", "parts": [{"text": "a"}]}]}, "messages", {}),
        ({"messages": [{"role": None, "speaker": "user", "text": "a"}]}, "messages", {}),
        ({"messages": [{"author": {"role": "user"}, "content": {"parts": ["a"]}}]}, "messages", {}),
        # A text of JSON, written as one twice, and a whole record as one.
        ({"messages": json.dumps(json.dumps(MESSAGES))}, "messages", {}),
        (json.dumps({"instruction": "a", "output": "b"}), "alpaca", {}),
        # Columns of another shape, with nothing in them.
        (
            {"instruction": None, "prompt": "a", "output": None, "response": "b"},
            "table",
            {"instruction": "prompt", "response": "response"},
        ),
        (
            {"instruction": "", "question": "a", "output": "", "answer": "b"},
            "table",
            {"instruction": "question", "response": "answer"},
        ),
        ({"prompt": "a", "completion": '["x", "y"]'}, "table", {"instruction": "prompt", "response": "completion"}),
        # The chosen of two texts, and answers under the names of other libraries.
        (
            {"prompt": "a", "chosen": "b", "rejected": "c"},
            "table",
            {"instruction": "prompt", "response": "chosen"},
        ),
        (
            {"system": "s", "question": "a", "chosen": "b", "rejected": "c"},
            "table",
            {"instruction": "question", "response": "chosen", "system": "system"},
        ),
        ({"inputs": "a", "targets": "b"}, "table", {"instruction": "inputs", "response": "targets"}),
        ({"input": "a", "target": "b"}, "table", {"instruction": "input", "response": "target"}),
        ({"instruction": "a", "answer": "b"}, "table", {"instruction": "instruction", "response": "answer"}),
        ({"instruction": "a", "generation": "b"}, "table", {"instruction": "instruction", "response": "generation"}),
        ({"instruction": "a", "generations": ["b"]}, "alpaca", {}),
        ({"messages": [{"type": "human", "data": {"content": "a"}}]}, "messages", {}),
        ({"messages": [{"user": "a"}, {"assistant": "b"}]}, "messages", {}),
        ({"chat_messages": [{"sender": "human", "text": "a", "content": []}]}, "messages", {}),
    ],
)
def test_a_format_is_known_by_its_keys(record, name, fields):
    detection = detect(record)
    assert (detection.format, detection.fields) == (name, fields)


def test_most_records_decide_and_the_reason_is_a_sentence():
    records = [b"not JSON", b"[]", b'{"x": 1}', *[b'{"instruction": "a", "output": "b"}'] * 2]
    assert detect_format(records).why == "2 of 5 records have an `instruction` with `output`."


def test_an_unknown_format_names_what_was_expected_and_the_keys_found():
    with pytest.raises(
        SourceFormatError, match=r"first 1 records.*expected an instruction \(alpaca\).*`text`, `url`.*fields"
    ):
        detect({"text": "a corpus", "url": "b"})


@pytest.mark.parametrize(
    ("records", "message"), [([b"{", b"[]"], r"invalid_json \(1\), not_an_object \(1\)"), ([], "none")]
)
def test_records_that_are_no_objects_are_named_as_such(records, message):
    with pytest.raises(SourceFormatError, match=message):
        detect_format(records)


@pytest.mark.parametrize(
    ("record", "hint"),
    [
        (
            {"idx": 1, "example": {"messages": MESSAGES}},
            """within `.["example"]`: jq -c '.["example"]' FILE > NEW.jsonl.""",
        ),
        (
            {"set": {"name": "x", "items": [{"id": 1, "talk": {"messages": MESSAGES}}]}},
            """: jq -c '.["set"]["items"][]["talk"]' FILE > NEW.jsonl.""",
        ),
        ({"it's": {"instruction": "a"}}, """jq -c '.["it'"'"'s"]' FILE"""),
        ({"instruction": ["a", "b"], "output": ["c", "d"]}, "`instruction` holds a list where one text is wanted"),
        ({"conversations": "[{'from': 'human'}\n {'from': 'gpt'}]"}, "`conversations` holds a list as a text that is"),
        ({"messages": [{"who": "user", "what": "a"}]}, "needs a `role` and a `content`, or a `from` and a `value`"),
        ({"text": "<|im_start|>user\na<|im_end|>"}, "`text` holds a whole conversation in a chat template"),
        ({"text": "<s>[INST] a [/INST] b</s>"}, "`text` holds a whole conversation in a chat template"),
        ({"question": "a", "choices": ["b", "c"], "answer": 1}, "multiple choice: write the options into the question"),
        ({"data": [{"model": "a"}, {"model": "b"}]}, "Name the columns"),
        ({"body": "a", "url": "b"}, "Name the columns with `fields:` and `format: table`."),
    ],
)
def test_what_is_not_recognised_says_what_to_do_as_far_as_it_shows(record, hint):
    with pytest.raises(SourceFormatError) as refused:
        detect(record)
    assert hint in str(refused.value)


@given(record=st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.text(max_size=9), st.lists), max_size=4))
def test_whatever_a_record_holds_it_is_recognised_or_told(record):
    try:
        assert detect(record).why
    except SourceFormatError as refused:
        assert "is not recognised" in str(refused) or "is a JSON object" in str(refused)
