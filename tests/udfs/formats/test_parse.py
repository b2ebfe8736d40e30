"""What reading a record promises whatever is in it, and what the real files are read as."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reading import drafts, reason
from udfs.formats.detect import detect_format
from udfs.formats.draft import Parsed
from udfs.formats.parse import FORMATS, ParseOptions, parse_record, parse_tree, tree_key
from udfs.records import read_whole_file

MAPPING = {"instruction": "question", "response": "answer", "input": "input", "language": "lang"}
KEYS = tuple(
    """instruction input output response instances chosen rejected conversations messages from value role content
type text tools tool_calls label system history prompt replies message_id parent_id message_tree_id rank labels name
detoxify toxicity quality lang deleted review_result question answer category""".split()  # noqa: SIM905 - thirty words are easier to read so
)
TEXTS = st.sampled_from(["", " ", "Hi", "user", "assistant", "gpt", "tool", "\n\nHuman: a\n\nAssistant: b"]) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=30,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8)


def assert_sound(parsed):
    assert isinstance(parsed, Parsed)
    assert (parsed.reason is None) or not parsed.drafts
    for draft in parsed.drafts:
        assert draft.instruction.strip()
        assert draft.response is None or draft.response.strip()
        for turn in draft.history:
            assert turn.role in ("user", "assistant")
            assert isinstance(turn.content, str)
    turns = [draft.turn for draft in parsed.drafts]
    assert len(set(turns)) == len(turns)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80) | (OBJECTS | VALUES).map(json.dumps).map(str.encode))
def test_no_record_makes_any_format_raise(record):
    for name in FORMATS:
        for use in ("prompts", "pairs"):
            options = ParseOptions(format=name, use=use, fields=MAPPING)
            assert_sound(parse_record(record, options))
    tree_key(record)
    for parsed in parse_tree([record, record], ParseOptions(format="openassistant")):
        assert_sound(parsed)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b'{"instruction": "a"', "invalid_json"),
        (b"", "invalid_json"),
        (b'{"instruction": "a"} {}', "several_objects"),
        (b'{"instruction": "a"} []', "invalid_json"),
        (b'{"instruction": "a"} {"instruction": "b"', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"a":' * 100_000, "invalid_json"),
        (b"[1]", "not_an_object"),
        (b"NaN", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b'{"instruction": "\xff"}', "not_utf8"),
        (b'{"instruction": NaN}', "not_text"),
        (b'{"question": "a"}', "wrong_format"),
    ],
)
def test_what_is_no_object_of_text_is_refused_by_name(record, expected):
    assert parse_record(record, ParseOptions(format="alpaca")) == Parsed(reason=expected)


def test_odd_but_clear_json_is_read():
    record = (
        b'\xef\xbb\xbf{"n": '
        + b"9" * 1_000_000
        + b', "instruction": "x", "instruction": "a\nb\\r\\nc", "output": null}'
    )
    (draft,) = parse_record(record, ParseOptions(format="alpaca")).drafts
    assert (draft.instruction, draft.response) == ("a\nb\nc", None)


def test_a_draft_longer_than_allowed_refuses_its_record():
    record = {"instruction": "12345", "output": "67890"}
    assert drafts("alpaca", record, max_chars=10)
    assert reason("alpaca", record, max_chars=9) == "too_long"


# file -> format, records, drafts, drafts without a response, refused
REAL_FILES = {
    "alpaca_format/aqua_train.json": ("alpaca", 2728, 2728, 0, {}),
    "alpaca_format/code_example.json": ("alpaca", 8783, 8783, 0, {}),
    "alpaca_format/dolly_3k.json": ("alpaca", 2996, 2996, 0, {}),
    "alpaca_format/instruction-data-with-preference.json": ("alpaca", 1100, 1100, 0, {}),
    "alpaca_format/roleplay-simple-deduped-roleplay-instruct.json": ("alpaca", 1923, 1923, 0, {}),
    "alpaca_format/seed_tasks.jsonl": ("alpaca", 175, 175, 0, {}),
    "anthropic_hh/harmless-base-test-first-1156.jsonl.gz": (
        "anthropic_hh",
        1156,
        1154,
        1154,
        {"malformed_transcript": 2},
    ),
    "oasst/en_100_message.jsonl": ("openassistant", 99, 477, 226, {}),
    "oasst/en_100_tree.jsonl": ("openassistant", 99, 477, 226, {}),
    "sharegpt/dpo_en_demo.json": ("sharegpt", 299, 562, 0, {}),
    "sharegpt/dummy_conversation.json": ("sharegpt", 500, 1000, 0, {}),
    "sharegpt/glaive_toolcall_en_demo.json": ("sharegpt", 300, 746, 0, {}),
    "sharegpt/kto_en_demo.json": ("messages", 300, 487, 0, {}),
    "sharegpt/v1_sft_demo.jsonl": ("messages", 500, 500, 0, {}),
    "wizardlm/wizardlm.508e.json": ("wizardlm", 8, 8, 3, {}),
}


@pytest.mark.parametrize("file", REAL_FILES)
def test_a_real_file_is_recognised_and_each_of_its_records_accounted_for(shared_data, file):
    path = shared_data / "sources" / file
    records = [raw.record for raw in read_whole_file(path.read_bytes(), path.name) if raw.reason is None]
    detection = detect_format(records[:20])
    parsed = [
        parse_record(record, ParseOptions(format=detection.format, fields=detection.fields)) for record in records
    ]

    found = [draft for result in parsed for draft in result.drafts]
    refused = [result.reason for result in parsed if result.reason]

    without_response = sum(draft.response is None for draft in found)
    counts = {name: refused.count(name) for name in refused}
    assert (detection.format, len(records), len(found), without_response, counts) == REAL_FILES[file]


@pytest.mark.parametrize("between", ["", " ", ", ", " ,\t"])
def test_several_objects_on_one_line_are_all_read_or_all_refused(between):
    objects = [json.dumps({"instruction": f"Question {n} \u2028?", "output": "Yes."}) for n in range(3)]
    options = ParseOptions(format="alpaca")

    parsed = parse_record(between.join(objects).encode(), options)

    assert [draft.instruction for draft in parsed.drafts] == [f"Question {n} \u2028?" for n in range(3)]
    assert [draft.turn for draft in parsed.drafts] == [0, 1, 2]
    spoilt = [*objects, json.dumps({"instruction": None, "output": "Yes."})]
    assert parse_record(between.join(spoilt).encode(), options) == Parsed(reason="several_objects")


def test_a_line_of_very_many_objects_takes_linear_time():
    started = time.process_time()
    parse_record(b'{"instruction":"a"}' * 100_000, ParseOptions(format="alpaca"))
    assert time.process_time() - started < 10
