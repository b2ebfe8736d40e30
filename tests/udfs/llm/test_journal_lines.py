"""A flipped bit of the journal is seen."""

import json

from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.journal_lines import MARK, read_line, sealed_line

RECORD = {
    "kind": "attempt",
    "attempt_id": "a.1",
    "status": "answered",
    "cost_usd": "0.000123",
    "text": f'say "x"{MARK}7}}',
}


def test_a_line_is_read_as_it_was_written():
    line = sealed_line(RECORD)
    assert line.endswith("}\n")
    found = read_line(line.encode()[:-1])
    assert found is not None
    assert {name: found[name] for name in RECORD} == RECORD


def test_a_line_of_an_earlier_version_has_no_checksum_and_is_read():
    assert read_line(json.dumps(RECORD).encode()) == RECORD


def test_a_flipped_bit_never_changes_what_a_line_says():
    whole = sealed_line(RECORD).encode()[:-1]
    for place in range(len(whole) * 8):
        line = bytearray(whole)
        line[place // 8] ^= 1 << place % 8
        found = read_line(bytes(line))
        assert found is None or {name: found.get(name) for name in RECORD} == RECORD, f"bit {place}"


@given(st.integers(0, 300))
def test_a_torn_line_is_none(length):
    line = sealed_line(RECORD).encode()[:-1]
    assert length >= len(line) or read_line(line[:length]) is None
