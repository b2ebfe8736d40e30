"""What splitting a file promises: every record verbatim, in bounded memory, and damage that costs only what it hits."""

import bz2
import csv
import gzip
import io
import json
import lzma
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs import containers, csv_rows, json_array, json_objects, lines, unpacking
from udfs.containers import RawRecord, detect_container
from udfs.csv_rows import split_csv_chunks
from udfs.json_array import split_array_chunks
from udfs.json_objects import split_object_chunks
from udfs.lines import split_line_chunks
from udfs.reading import records_of
from udfs.records import open_file, read_whole_file
from udfs.unpacking import Chunks

ROWS = [{"instruction": f"Say {n}.", "output": f'{{[\\"{n}'} for n in range(50)]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WHITE_SPACE = st.text(" \t\r\n", max_size=3)


CHUNK_SIZES = (1, 2, 7, 1000, unpacking.CHUNK_BYTES)


def chunked(content, size=unpacking.CHUNK_BYTES):
    return Chunks(io.BytesIO(content), size)


def split_json_array(content):
    return split_array_chunks(chunked(content))


def split_lines(content):
    return split_line_chunks(chunked(content))


def split_csv(content):
    return split_csv_chunks(chunked(content), ",")


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

    found = list(split_array_chunks(chunked(content, size)))

    expected = [(n, element.encode(errors="replace"), None) for n, element in enumerate(elements)]
    assert outcome(found) == expected
    assert outcome(split_json_array(content)) == expected


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

    found = list(split_array_chunks(chunked(content, chunk_bytes)))

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
    start = time.process_time()
    list(split_json_array(hostile))
    assert time.process_time() - start < 5


def test_lines_are_numbered_with_the_blank_ones_and_lose_only_their_ends():
    content = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n {"b": "\xe2\x80\xa8"} \n{"c": 3}'
    assert outcome(split_lines(content)) == [
        (0, b'{"a": 1}', None),
        (3, b' {"b": "\xe2\x80\xa8"} ', None),
        (4, b'{"c": 3}', None),
    ]


def test_a_line_past_all_bounds_is_refused_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr("udfs.lines.MAX_RECORD_BYTES", unpacking.CHUNK_BYTES)
    content = b"a\n" + b"x" * 4 * unpacking.CHUNK_BYTES + b"\nb\n"
    assert outcome(split_lines(content)) == [(0, b"a", None), (1, b"x" * 4096, "too_long"), (2, b"b", None)]


def test_csv_rows_become_objects_and_faulty_rows_keep_their_bytes():
    content = b'q,a,q\n"Say ""hi""\r\nnow",hi,1\n\nx,y\n\xff,b,c\n"open" wrong,b,c\nlast,row,!'
    assert outcome(split_csv(content)) == [
        (0, json.dumps({"q": 'Say "hi"\r\nnow', "a": "hi", "q_2": "1"}).encode(), None),
        (1, b"x,y", "invalid_csv"),
        (2, b"\xff,b,c", "not_utf8"),
        (3, b'"open" wrong,b,c', "invalid_csv"),
        (4, json.dumps({"q": "last", "a": "row", "q_2": "!"}).encode(), None),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_of_a_table_is_the_one_of_its_header(delimiter):
    content = delimiter.join("ab").encode() + b"\n" + delimiter.join("12").encode()
    assert outcome(read_whole_file(content, "x.csv")) == [(0, b'{"a": "1", "b": "2"}', None)]


def test_a_quote_that_is_never_closed_costs_its_row_and_not_those_behind_it():
    rows = b"".join(b'"q%d","a\n%d"\n' % (n, n) for n in range(5)) + b"".join(b"r%d,b%d\n" % (n, n) for n in range(50))
    found = list(split_csv(b'a,b\n1,2\n"3,4\n5,6\n' + rows))
    assert outcome(found[:3]) == [
        (0, b'{"a": "1", "b": "2"}', None),
        (1, b'"3,4', "invalid_csv"),
        (2, b'{"a": "5", "b": "6"}', None),
    ]
    assert good(found[-50:]) == [{"a": f"r{n}", "b": f"b{n}"} for n in range(50)]


def test_a_cell_of_many_lines_without_an_end_is_one_refused_row():
    assert outcome(split_csv(b'a,b\n1,"one\ntwo\nthree\n')) == [(0, b'1,"one\ntwo\nthree\n', "invalid_csv")]


GIANT = 3 * unpacking.CHUNK_BYTES


@pytest.mark.parametrize("size", CHUNK_SIZES[2:])
@pytest.mark.parametrize(
    "cell",
    [b"x" * GIANT, b'"' + b"x" * GIANT + b'"', b'"' + b"x" * GIANT + b'\nend"', b'"' + b"x y\n" * (GIANT // 24) + b'"'],
)
def test_a_giant_cell_is_refused_and_the_rows_behind_it_are_read(monkeypatch, cell, size):
    for module in ("lines", "csv_rows"):
        monkeypatch.setattr(f"udfs.{module}.MAX_RECORD_BYTES", unpacking.CHUNK_BYTES)
    monkeypatch.setattr("udfs.csv_rows.MAX_QUOTED_BYTES", unpacking.CHUNK_BYTES // 4)
    content = b"q,a\n1,2\ngiant," + cell + b"\n" + b"".join(b"%d,%d\n" % (n, n) for n in range(10))

    found = list(split_csv_chunks(chunked(content, size)))

    assert good(found) == [{"q": "1", "a": "2"}, *({"q": str(n), "a": str(n)} for n in range(10))]
    assert found[1].reason == "too_long" and len(found[1].record) <= containers.EXCERPT_BYTES
    assert len(found) <= 13, "what is left of the giant is few rows"


@pytest.mark.parametrize("line", [b'a"b,"c\n', b'"a,"b\n', b'"""a\n', b'""\n', b'"",\n', b'"' * 999 + b"\n", b'"x\n'])
def test_hostile_quotes_take_linear_time(line):
    content = b"q,a\n" + line * (60_000 // len(line))
    start = time.process_time()
    list(split_csv(content))
    assert time.process_time() - start < 10


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("said", ["", "sep=;\n"])
def test_tables_of_any_office_are_read(ends, encoding, said):
    content = (said + 'frage;antwort\n"Was; ""x""?";café\n').replace("\n", ends).encode(encoding)
    assert outcome(read_whole_file(content, "x.csv")) == [
        (0, '{"frage": "Was; \\"x\\"?", "antwort": "café"}'.encode(), None)
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
    chunks = chunked(b"\x1f\x8b\x08\x00garbage, not deflate")
    assert list(chunks) == []
    assert chunks.fault == "corrupt_gzip"


def test_gzip_pieces_are_bounded_even_for_a_bomb():
    assert max(map(len, chunked(gzip.compress(bytes(50_000_000))))) <= unpacking.CHUNK_BYTES


REFUSED_FILES = {
    "html_not_json": b"<!DOCTYPE html><html><body>404</body></html>",
    "not_text": b"\x89PNG\r\n\x1a\n\0\0",
    "pointer_not_data": b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize 7\n" % (b"0" * 64),
}


@pytest.mark.parametrize("reason", REFUSED_FILES)
def test_a_file_that_is_no_list_of_records_is_one_record_with_the_reason(reason):
    content = REFUSED_FILES[reason] + b" " * 9000
    expected = [RawRecord(0, content[: containers.EXCERPT_BYTES], reason)]
    assert list(read_whole_file(content, "data.json")) == expected
    assert list(read_whole_file(gzip.compress(content), "data.json.gz")) == expected


@pytest.mark.parametrize("path", [".", "/nowhere/x.jsonl", "/proc/self/mem"], ids=["a folder", "none", "a bad disk"])
def test_a_file_that_cannot_be_read_is_a_record_that_says_so(path):
    # To root no file is without rights; a folder, and memory at address 0, fail in the same way when opened or read.
    assert outcome(records_of(path)) == [(0, b"", "unreadable")]


def test_an_empty_file_has_no_records():
    assert list(read_whole_file(b"", "x.json")) == []
    assert list(read_whole_file(b"\xef\xbb\xbf \n", "x.jsonl")) == []


@pytest.mark.parametrize(
    ("head", "name", "container"),
    [
        (b"\x1f\x8b\x08", "x.jsonl", "packed"),
        (b"PAR1\x15", "x", "parquet"),
        (b"PK\x03\x04", "x.json", "binary"),
        (b"\x00\x01\x02", "x.jsonl", "binary"),
        (b" \n", "x.json", "empty"),
        (b"\xef\xbb\xbf [", "x.jsonl", "json_array"),
        (b'{"a": 1}\n{"a": 2}', "x.json", "json_lines"),
        (b'{"a": 1', "x.json", "json_objects"),
        (b'{"a": "\n{"a": 2}', "x.json", "json_lines"),
        (b'{"a":\n1}', "x.jsonl", "json_objects"),
        (b'{"a": 1}{"a": 2}\n', "x.jsonl", "json_objects"),
        (b'{"a": 1}\r{"a": 2}\r', "x.jsonl", "json_objects"),
        (b'{"a": 1},\n{"a": 2}', "x.jsonl", "json_objects"),
        (b'{\n "m": [\n  {"a": 1},\n  {"a": 2}\n ]\n}\n{\n}', "x.jsonl", "json_objects"),
        (b'\x1e{"a": 1}\n\x1e{"a": 2}\n', "x.json", "json_objects"),
        (b'["q", "a"]\n["q", "a"]\n', "x.jsonl", "json_lines"),
        (b'[["q", "a"],\n["q", "a"]]\n', "x.json", "json_array"),
        (b"version https://git-lfs.github.com/spec/v1\n", "x.csv", "pointer"),
        (b"/annex/objects/SHA256E-s12--00.json\n", "x.json", "pointer"),
        (b"<?xml version='1.0'?><Error/>", "x.csv", "html"),
        (b"<html>", "x.csv", "html"),
        (b'<<<<<<< HEAD\n{"a": 1}\n=======\n{"a": 2}\n>>>>>>> x\n', "x.jsonl", "json_lines"),
        (b"<a>,b\n", "x.csv", "csv"),
        (b"[a],b\n", "x.tsv.gz", "csv"),
        (b"plain words\n", "x.txt", "json_lines"),
        (b"a,b\nc,d\x1a", "x.csv", "csv"),
        (b"a,b\nc,\0d\n", "x.csv", "csv"),
        (b"a,b\n\0\0\0\0\0", "x.csv", "binary"),
        (b"\x04\x22\x4d\x18" + bytes(9), "x.lz4", "binary"),
    ],
)
def test_the_kind_of_a_file_is_told_from_its_beginning(head, name, container):
    assert detect_container(head, name) == container


PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    ".skippable.zst": lambda content: b"\x50\x2a\x4d\x18\4\0\0\0size" + pa.compress(content, "zstd", asbytes=True),
}


def as_table(rows, end):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerows([["instruction", "output"], *([row["instruction"], row["output"]] for row in rows)])
    return out.getvalue().encode()


def layouts(rows, end):
    """The same records in every container, for lines that end with `end`."""
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    return {
        "lines.jsonl": end.join(texts).encode(),
        "blank.jsonl": (end * 2).join([*texts, ""]).encode(),
        "array.json": json.dumps(rows).encode(),
        "pretty.json": json.dumps(rows, indent=2).replace("\n", end).encode(),
        "objects.json": end.join(json.dumps(row, indent=1).replace("\n", end) for row in rows).encode(),
        "joined.jsonl": "".join(texts).encode(),
        "commas.json": f",{end}".join(texts).encode(),
        "sequence.json": "".join(f"\x1e{text}\n" for text in texts).encode(),
        "wrapped.json": json.dumps({"version": 1, "data": rows}, indent=1).encode(),
        "columns.json": json.dumps({key: {str(n): row[key] for n, row in enumerate(rows)} for key in rows[0]}).encode(),
        "lists.json": json.dumps({key: [row[key] for row in rows] for key in rows[0]}).encode(),
        "split.json": json.dumps({"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}).encode(),
        "table.csv": as_table(rows, end),
    }


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('",;{}[]:\\\n\t|'), max_size=12)
PAIRS = st.lists(
    st.builds(lambda asked, said: {"instruction": asked, "output": said}, TEXTS.filter(str.strip), TEXTS),
    min_size=2,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(list(PACKERS)), st.data())
def test_every_container_gives_the_same_records_at_any_chunk_size(rows, end, packer, data):
    name = data.draw(st.sampled_from(list(layouts(rows, end))))
    content = layouts(rows, end)[name]
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
    if name == "table.csv" and any("\n" in text for row in rows for text in row.values()):
        end = "\n" if end == "\r" else end  # a file whose lines end with CR has no LF
        content = layouts(rows, end)[name]
    packed = PACKERS[packer](content.decode().encode(encoding))

    for size in CHUNK_SIZES:
        found = list(open_file(io.BytesIO(packed), name + packer, size).records)
        assert [raw.reason for raw in found] == [None] * len(rows), (name, size)
        assert [json.loads(raw.record) for raw in found] == rows


DAMAGES = st.lists(
    st.tuples(
        st.integers(0, 2000), st.sampled_from(["drop", "insert"]), st.sampled_from(list(b'{}[]",:\\\n\r a\x00\xff'))
    ),
    max_size=4,
)


@settings(max_examples=250, deadline=None)
@given(PAIRS, st.sampled_from(["\n", "\r\n", "\r"]), DAMAGES, st.sampled_from(list(PACKERS)), st.booleans(), st.data())
def test_where_a_chunk_ends_has_no_part_in_what_becomes_of_damage(rows, end, damages, packer, is_packed_first, data):
    name = data.draw(st.sampled_from(list(layouts(rows, end))))
    content = bytearray(layouts(rows * 3, end)[name])
    content = bytearray(PACKERS[packer](content)) if is_packed_first else content
    for place, what, byte in damages:
        place %= len(content) + 1
        content[place : place + (what == "drop")] = b"" if what == "drop" else bytes([byte])
    content = bytes(content) if is_packed_first else PACKERS[packer](bytes(content))

    with pytest.MonkeyPatch.context() as patch:
        for module in (lines, json_array, json_objects, csv_rows):
            patch.setattr(module, "MAX_RECORD_BYTES", 120)
        for module in (json_array, json_objects):
            patch.setattr(module, "EXCERPT_BYTES", 40)
            patch.setattr(module, "_LONGEST_MARK", 60)
        patch.setattr(csv_rows, "MAX_QUOTED_BYTES", 60)
        results = [outcome(open_file(io.BytesIO(content), name, size).records) for size in CHUNK_SIZES]

    assert all(result == results[-1] for result in results)
    assert [position for position, _, _ in results[-1]] == sorted({position for position, _, _ in results[-1]})


TREES = st.recursive(
    st.builds(lambda text: {"id": text}, TEXTS | st.just("x" * 130)),
    lambda inner: st.builds(lambda text, found: {"id": text, "replies": found}, TEXTS, st.lists(inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TREES, min_size=2, max_size=5), DAMAGES.filter(len), st.sampled_from([None, 1]), st.booleans())
def test_nor_where_records_hold_what_others_begin_with(trees, damages, indent, is_array):
    texts = [json.dumps(tree, indent=indent) for tree in trees * 2]
    content = bytearray((f"[{', '.join(texts)}]" if is_array else "\n".join(texts)).encode())
    for place, what, byte in damages:
        place %= len(content) + 1
        content[place : place + (what == "drop")] = b"" if what == "drop" else bytes([byte])

    with pytest.MonkeyPatch.context() as patch:
        for module in (json_array, json_objects):
            patch.setattr(module, "MAX_RECORD_BYTES", 120)
            patch.setattr(module, "EXCERPT_BYTES", 40)
            patch.setattr(module, "_LONGEST_MARK", 60)
        split = split_array_chunks if is_array else split_object_chunks
        results = [outcome(split(chunked(bytes(content), size))) for size in CHUNK_SIZES]

    assert all(result == results[-1] for result in results)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("size", CHUNK_SIZES[2:])
@pytest.mark.parametrize("layout", ["lines", "one line", "pretty"])
def test_a_damaged_object_costs_only_itself(damage, size, layout):
    rows = [json.dumps(row, indent=2 if layout == "pretty" else None).encode() for row in ROWS]
    rows[7], rows[31] = damage(rows[7]), damage(rows[31])
    content = {"one line": b"", "lines": b"\r", "pretty": b"\n"}[layout].join(rows)

    found = open_file(io.BytesIO(content), "x.json", size)

    assert found.container == "json_objects"
    assert [row for row in good(found.records) if row not in (ROWS[7], ROWS[31])] == [
        row for n, row in enumerate(ROWS) if n not in (7, 31)
    ]


@pytest.mark.parametrize(
    "hostile", [b"{" * 10**6, b'{"a":' * 10**5, b'{"a":1,\n{"' * 10**5, b'{"a":[}' * 10**5, b"}\n" * 10**5]
)
def test_hostile_objects_take_linear_time(hostile):
    start = time.process_time()
    list(open_file(io.BytesIO(b'{"a":\n1}\n' + hostile), "x.json").records)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("packer", list(PACKERS)[1:])
def test_a_bomb_is_told_by_what_it_unpacks_to(monkeypatch, packer):
    monkeypatch.setattr(unpacking, "FREE_UNPACKED_BYTES", 2_000_000)
    content = b'{"instruction": "a"}\n{"instruction": "b"}\n' + b"x" * 20_000_000

    *whole, last = read_whole_file(PACKERS[packer](content), "x.jsonl")

    assert [raw.reason for raw in whole] == [None, None]
    assert last.reason == "decompression_bomb"
