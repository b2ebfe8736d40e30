"""Items are read out of the files that benchmarks come as."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import SourceFormatError
from udfs.benchmark_items import ItemText, read_items

ROWS = [{"question": "How many?", "answer": "Two."}, {"question": "Why?", "answer": None}]
TEXTS = [
    ItemText("b", "0", "question", "How many?"),
    ItemText("b", "0", "answer", "Two."),
    ItemText("b", "1", "question", "Why?"),
]


def as_parquet(rows):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def lines(rows):
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", lines(ROWS)),
        ("a.jsonl.gz", gzip.compress(lines(ROWS))),
        ("a.json", json.dumps(ROWS).encode()),
        ("a.csv", b"question,answer\nHow many?,Two.\nWhy?,\n"),
        ("a.parquet", as_parquet(ROWS)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_file_gives_the_same_items(name, content):
    assert read_items(content, name, "b", {"question": "question", "answer": "answer"}) == TEXTS


@pytest.mark.parametrize(
    ("row", "fields", "expected"),
    [
        ({"turns": ["One?", "Two?"], "question_id": 81}, {}, [("81", "question", "One?"), ("81", "question", "Two?")]),
        (
            {"q": {"en": "One?"}, "a": [{"text": "Yes."}], "n": 5},
            {"question": "q.en", "answer": "a.0.text", "id": "n"},
            [("5", "question", "One?"), ("5", "answer", "Yes.")],
        ),
        ({"Question": "One?", "Best Answer": "Yes."}, {}, [("0", "question", "One?"), ("0", "answer", "Yes.")]),
        ({"a.b": "One?"}, {"question": "a.b"}, [("0", "question", "One?")]),
        ({"p": "One?", "q": "Two?"}, {"question": "p, q, r"}, [("0", "question", "One?"), ("0", "question", "Two?")]),
        ({"problem": "One?", "solution": 4.5}, {}, [("0", "question", "One?"), ("0", "answer", "4.5")]),
    ],
    ids=["list", "nested", "known names in any case", "dot in a name", "several columns", "number"],
)
def test_a_mapping_reaches_into_records_and_well_known_columns_need_none(row, fields, expected):
    found = read_items(lines([row]), "a.jsonl", "b", fields)

    assert [(item.item, item.field, item.text) for item in found] == expected


def test_a_record_that_cannot_be_read_takes_no_other_with_it():
    content = lines(ROWS[:1]) + b'\n{"question": "half\n\xff\n' + lines([{"question": "Last?"}])

    assert [item.text for item in read_items(content, "a.jsonl", "b", {"question": "question"})] == [
        "How many?",
        "Last?",
    ]


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (b"", {}, "no record of it can be read"),
        (b"<html>404</html>", {}, "no record of it can be read"),
        (lines([{"title": "One?"}]), {}, "no record has a question in one of question, prompt"),
        (lines(ROWS), {"question": "quest"}, "no record has a question in quest. Its columns are: answer, question"),
    ],
    ids=["empty", "web page", "unknown columns", "wrong mapping"],
)
def test_a_file_without_questions_is_refused_by_name(content, fields, said):
    with pytest.raises(SourceFormatError, match=r"benchmark b: f\.jsonl: ") as refused:
        read_items(content, "f.jsonl", "b", fields)
    assert said in str(refused.value)
