"""What splitting a file promises: every record verbatim, in bounded memory, and damage that costs only what it hits."""

import gzip
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs import containers, json_array
from udfs.containers import Chunks
from udfs.json_array import split_array_chunks
from udfs.records import RawRecord, detect_container, gunzip, read_whole_file, split_csv, split_json_array, split_lines

ROWS = [{"instruction": f"Say {n}.", "output": f'{{[\\"{n}'} for n in range(50)]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WHITE_SPACE = st.text(" \t\r\n", max_size=3)


class CutChunks(Chunks):
    """Content that comes in the given pieces."""

    def __init__(self, pieces):
        super().__init__(b"")
        self._pieces = iter(pieces)


def outcome(records):
    return [(raw.position, raw.record, raw.reason) for raw in records]


def good(records):
    """What of the records is sound, parsed."""
    values = []
    for raw in records:
        try:
            values.append(json.loads(raw.record))
        except ValueError:
            continue
    return values


@settings(max_examples=100, deadline=None)
@given(st.lists(JSON_VALUES, max_size=6), st.integers(1, 9), WHITE_SPACE, st.booleans())
def test_an_array_cut_into_chunks_anywhere_gives_its_elements_verbatim(values, size, space, is_ascii):
    elements = [json.dumps(value, ensure_ascii=is_ascii, indent=len(space) or None) for value in values]
    content = f"\ufeff{space}[{space}{f'{space},{space}'.join(elements)}{space}]{space}".encode(errors="replace")
    pieces = [content[start : start + size] for start in range(0, len(content), size)]

    found = list(split_array_chunks(CutChunks(pieces)))

    expected = [(n, element.encode(errors="replace"), None) for n, element in enumerate(elements)]
    assert outcome(found) == expected
    assert outcome(split_json_array(memoryview(content))) == expected


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text('[]{},:"\\ \na1', max_size=200).map(str.encode), st.sampled_from(["", ".csv"]))
def test_no_bytes_make_reading_raise(content, suffix):
    for prefix in (b"", b"[", b'{"a": 1}\n', b"\x1f\x8b"):
        list(read_whole_file(prefix + content, f"file{suffix}"))
    list(split_json_array(content))
    list(split_lines(gzip.compress(content)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 600))
def test_an_array_cut_short_gives_its_whole_elements_and_the_rest_as_truncated(length):
    content = json.dumps(ROWS[:9]).encode()[:length]

    *whole, last = list(split_json_array(content)) or [None]

    if length == 0:
        assert last is None
    elif length < len(json.dumps(ROWS[:9])):
        assert (last.position, last.reason) == (len(whole), "truncated")
        assert content.rstrip().endswith(last.record)
        assert good(whole) == ROWS[: len(whole)]
        assert len(whole) == content.count(b'"}')


DAMAGE = {
    "no closing brace": lambda row: row[:-1],
    "two closing braces": lambda row: row + b"}",
    "no closing quote": lambda row: row[:-2] + b"}",
    "no opening quote": lambda row: row.replace(b': "Say', b": Say"),
    "an opened string": lambda row: row.replace(b'"Say', b"Say"),
    "the wrong bracket": lambda row: row.replace(b'"output": ', b'"output": [1}, "x": '),
    "an unclosed list": lambda row: row.replace(b'"output": ', b'"output": ['),
    "not JSON": lambda _: b"undefined",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("chunk_bytes", [64, 100_000])
@pytest.mark.parametrize("separator", [b",", b",\n  "])
def test_a_damaged_element_costs_only_itself(damage, chunk_bytes, separator):
    rows = [json.dumps(row).encode() for row in ROWS]
    rows[7], rows[31] = damage(rows[7]), damage(rows[31])
    content = b"[" + separator.join(rows) + b"]"
    pieces = [content[start : start + chunk_bytes] for start in range(0, len(content), chunk_bytes)]

    found = list(split_array_chunks(CutChunks(pieces)))

    assert good(found) == [row for n, row in enumerate(ROWS) if n not in (7, 31)]
    assert [raw.position for raw in found] == list(range(50))


def test_two_faults_that_balance_each_other_do_not_hide_the_elements_between_them():
    rows = [json.dumps(row).encode() for row in ROWS]
    rows[7], rows[31] = rows[7][:-1], rows[31] + b"}"

    found = list(split_json_array(b"[" + b", ".join(rows) + b"]"))

    assert good(found) == [row for n, row in enumerate(ROWS) if n not in (7, 31)]


def test_a_bracket_that_closes_too_early_is_a_record_of_its_own_and_the_rest_is_read():
    content = b'[{"a": 1}, {"a": 2}], {"a": 3}]'
    assert outcome(split_json_array(content)) == [
        (0, b'{"a": 1}', None),
        (1, b'{"a": 2}', None),
        (2, b"]", "invalid_json"),
        (3, b'{"a": 3}', None),
    ]


def test_the_rest_of_an_array_that_cannot_be_told_apart_is_one_refused_record():
    assert outcome(split_json_array(b"[1, [2}, 3]")) == [(0, b"1", None), (1, b"[2}, 3]", "invalid_json")]


def test_messages_nested_in_a_cut_element_are_not_taken_for_elements():
    tree = {"id": "a", "replies": [{"id": "b"}, {"id": "c"}]}
    content = json.dumps([tree, tree, tree]).encode()
    assert outcome(split_json_array(content[:-6]))[2:] == [(2, json.dumps(tree).encode()[:-5], "truncated")]


def test_what_follows_the_array_is_reported_and_a_trailing_comma_is_not():
    assert outcome(split_json_array(b"[1, 2, ]\n")) == [(0, b"1", None), (1, b"2", None)]
    assert outcome(split_json_array(b"[1]\n<!-- end -->")) == [(0, b"1", None), (1, b"<!-- end -->", "trailing_data")]
    assert outcome(split_json_array(b"[1,,2]")) == [(0, b"1", None), (1, b"", "invalid_json"), (2, b"2", None)]
    assert outcome(split_json_array(b'{"a": 1}')) == [(0, b'{"a": 1}', "invalid_json")]
    assert outcome(split_json_array(b" [ ] ")) == []


def test_an_element_past_all_bounds_is_not_held(monkeypatch):
    monkeypatch.setattr(json_array, "MAX_RECORD_BYTES", 100_000)
    content = b'[{"a": 1}, {"a": "' + b"x" * 3_000_000 + b'"}, {"a": 2}]'
    splitter = json_array._ArraySplitter()
    found, largest = [], 0
    for start in range(0, len(content), 10_000):
        found += splitter.feed(content[start : start + 10_000])
        largest = max(largest, len(splitter._buffer))

    assert found == [
        (b'{"a": 1}', None),
        (content[11 : 10 + containers.EXCERPT_BYTES], "too_long"),
        (b'{"a": 2}', None),
    ]
    assert largest < 150_000


@pytest.mark.parametrize("hostile", [b"[" * 10**6, b'["' + b"\\" * 10**6, b'[{"a":' * 10**5, b"[" + b'",' * 10**5])
def test_hostile_arrays_take_linear_time(hostile):
    start = time.perf_counter()
    list(split_json_array(hostile))
    assert time.perf_counter() - start < 5


def test_lines_are_numbered_with_the_blank_ones_and_lose_only_their_ends():
    content = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n {"b": "\xe2\x80\xa8"} \n{"c": 3}'
    assert outcome(split_lines(content)) == [
        (0, b'{"a": 1}', None),
        (3, b' {"b": "\xe2\x80\xa8"} ', None),
        (4, b'{"c": 3}', None),
    ]


def test_a_line_past_all_bounds_is_refused_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr("udfs.records.MAX_RECORD_BYTES", containers.CHUNK_BYTES)
    content = b"a\n" + b"x" * 4 * containers.CHUNK_BYTES + b"\nb\n"
    assert outcome(split_lines(content)) == [(0, b"a", None), (1, b"x" * 4096, "too_long"), (2, b"b", None)]


def test_csv_rows_become_objects_and_faulty_rows_keep_their_bytes():
    content = b'q,a,q\n"Say ""hi""\r\nnow",hi,1\n\nx,y\n\xff,b,c\n"open" wrong,b,c\nlast,row,!'
    assert outcome(split_csv(content)) == [
        (0, json.dumps({"q": 'Say "hi"\r\nnow', "a": "hi", "q_2": "1"}).encode(), None),
        (1, b"x,y", "invalid_csv"),
        (2, b"\xff,b,c", "not_text"),
        (3, b'"open" wrong,b,c', "invalid_csv"),
        (4, json.dumps({"q": "last", "a": "row", "q_2": "!"}).encode(), None),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_of_a_table_is_the_one_of_its_header(delimiter):
    content = delimiter.join("ab").encode() + b"\n" + delimiter.join("12").encode()
    assert outcome(read_whole_file(content, "x.csv")) == [(0, b'{"a": "1", "b": "2"}', None)]


def test_an_unclosed_quote_does_not_raise():
    assert outcome(split_csv(b'a,b\n1,2\n"3,4\n5,6\n')) == [
        (0, b'{"a": "1", "b": "2"}', None),
        (1, b'"3,4\n5,6\n', "invalid_csv"),
    ]


WHOLE = {
    "x.json": (json.dumps(ROWS).encode(), len(ROWS)),
    "x.jsonl": (b"".join(json.dumps(row).encode() + b"\n" for row in ROWS), len(ROWS)),
    "x.csv": (b"instruction,output\n" + b"".join(b"q%d,a\n" % n for n in range(50)), 50),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_gzip_file_reads_like_the_plain_one_whatever_its_name_and_members(name):
    content, count = WHOLE[name]
    middle = len(content) // 2
    members = gzip.compress(content[:middle]) + gzip.compress(b"") + gzip.compress(content[middle:]) + b"\0" * 512

    plain = list(read_whole_file(content, name))

    assert len(plain) == count
    assert all(raw.reason is None for raw in plain)
    assert list(read_whole_file(memoryview(members), f"{name}.gz")) == plain
    assert list(read_whole_file(members, name)) == plain


@pytest.mark.parametrize("name", WHOLE)
def test_a_gzip_file_cut_short_gives_its_whole_records_and_one_that_says_so(name):
    content, count = WHOLE[name]
    plain = list(read_whole_file(content, name))
    packed = gzip.compress(content, compresslevel=0)

    for length in range(30, len(packed), 97):
        *whole, last = read_whole_file(packed[:length], name)
        assert whole == plain[: len(whole)]
        assert last.reason == "truncated"
        assert last.position <= count


def test_a_damaged_gzip_stream_ends_with_a_record_that_says_so():
    packed = bytearray(gzip.compress(WHOLE["x.jsonl"][0]))
    packed[-8] ^= 0xFF  # the checksum: all records are there, but something in them is wrong

    *whole, last = read_whole_file(bytes(packed), "x.jsonl.gz")

    assert len(whole) == len(ROWS)
    assert (last.record, last.reason) == (b"", "corrupt_gzip")
    chunks = gunzip(b"\x1f\x8b\x08\x00garbage, not deflate")
    assert list(chunks) == []
    assert chunks.fault == "corrupt_gzip"


def test_gzip_pieces_are_bounded_even_for_a_bomb():
    assert max(map(len, gunzip(gzip.compress(bytes(50_000_000))))) <= containers.CHUNK_BYTES


REFUSED_FILES = {
    "html_not_json": b"<!DOCTYPE html><html><body>404</body></html>",
    "not_utf8": "[1]".encode("utf-16"),
    "not_text": b"\x89PNG\r\n\x1a\n\0\0",
    "single_object": b'{\n  "data": [\n    {"a": 1}\n  ]\n}\n',
}


@pytest.mark.parametrize("reason", REFUSED_FILES)
def test_a_file_that_is_no_list_of_records_is_one_record_with_the_reason(reason):
    content = REFUSED_FILES[reason] + b" " * 9000
    expected = [RawRecord(0, content[: containers.EXCERPT_BYTES], reason)]
    assert list(read_whole_file(content, "data.json")) == expected
    assert list(read_whole_file(gzip.compress(content), "data.json.gz")) == expected


def test_an_empty_file_has_no_records():
    assert list(read_whole_file(b"", "x.json")) == []
    assert list(read_whole_file(b"\xef\xbb\xbf \n", "x.jsonl")) == []


@pytest.mark.parametrize(
    ("head", "name", "container"),
    [
        (b"\x1f\x8b\x08", "x.jsonl", "gzip"),
        (b"PAR1\x15", "x", "parquet"),
        (b"PK\x03\x04", "x.json", "binary"),
        (b"\x00\x01\x02", "x.jsonl", "binary"),
        (b" \n", "x.json", "empty"),
        (b"\xef\xbb\xbf [", "x.jsonl", "json_array"),
        (b'{"a": 1}\n{"a": 2}', "x.json", "json_lines"),
        (b'{"a": 1', "x.json", "json_lines"),
        (b'{"a": "\n{"a": 2}', "x.json", "json_lines"),
        (b'{"a":\n1}', "x.jsonl", "single_object"),
        (b"<html>", "x.csv", "html"),
        (b"<a>,b\n", "x.csv", "csv"),
        (b"[a],b\n", "x.tsv.gz", "csv"),
        (b"plain words\n", "x.txt", "json_lines"),
    ],
)
def test_the_kind_of_a_file_is_told_from_its_beginning(head, name, container):
    assert detect_container(head, name) == container
