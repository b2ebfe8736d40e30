"""Which format a file is taken for, and what the user is told."""

import json

import pytest

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
