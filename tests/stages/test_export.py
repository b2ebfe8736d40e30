"""The bytes of the export: one line a row, fixed keys, sorted, nothing half-written."""

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.export import export_rows, write_files
from jobs.workspace import files
from schemas.tables import DATASET, EXAMPLES, SCORES, SCREEN
from tests.support.factories import rows_of
from udfs.export_lines import export_line


def test_a_line_has_the_five_fields_in_order_and_text_as_it_is():
    row = {
        "instruction": 'Say "hi"\n\u2028<b>é</b>',
        "response": "日本語 \U0001f600",
        "source": "gpt-4o",
        "quality_tenths": 85,
        "category": "code",
    }

    line = export_line(row)

    assert line == (
        '{"instruction": "Say \\"hi\\"\\n\u2028<b>é</b>", "response": "日本語 \U0001f600", "source": "gpt-4o", '
        '"quality_score": 8.5, "category": "code"}'
    )
    assert "\n" not in line and json.loads(line)["quality_score"] == 8.5


def test_rows_come_sorted_with_their_provenance(spark):
    ids = [f"{n:02d}" for n in range(30)]
    dataset = rows_of(spark, DATASET, [{"example_id": i, "pair_id": f"p{i}"} for i in reversed(ids)]).repartition(7)
    scores = rows_of(spark, SCORES, [{"pair_id": f"p{i}"} for i in ids])
    examples = rows_of(spark, EXAMPLES, [{"example_id": i, "records": [("f.json", int(i), 0)]} for i in ids])
    screen = rows_of(
        spark,
        SCREEN,
        [{"id": "03", "rule": rule, "effect": "note"} for rule in ("truncated", "literal_escapes")],
    )

    rows = export_rows(dataset, scores, screen, examples).collect()

    assert [row.example_id for row in rows] == ids
    assert [row.notes for row in rows if row.notes] == [["literal_escapes", "truncated"]]
    assert json.loads(rows[5].records) == [{"file": "f.json", "position": 5, "turn": 0}]
    assert json.loads(rows[0].line)["response"] == "Seven."


def batches(lines):
    for line in lines:
        yield pa.record_batch([pa.array([line]), pa.array([f"id-{line}"])], names=["line", "example_id"])


def test_files_agree_on_rows_bytes_and_hash(tmp_path):
    jsonl, provenance = str(tmp_path / "out" / "d.jsonl"), str(tmp_path / "out" / "p.parquet")

    facts = write_files(batches(["a", "é", "c"]), jsonl, provenance)

    content = (tmp_path / "out" / "d.jsonl").read_bytes()
    assert content == "a\né\nc\n".encode()
    assert facts == {"file": "d.jsonl", "sha256": hashlib.sha256(content).hexdigest(), "rows": 3, "bytes": 7}
    assert pq.read_table(provenance).to_pydict() == {"line": [1, 2, 3], "example_id": ["id-a", "id-é", "id-c"]}


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    jsonl, provenance = str(tmp_path / "d.jsonl"), str(tmp_path / "p.parquet")
    write_files(batches(["old"]), jsonl, provenance)

    def failing():
        yield from batches(["new"])
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        write_files(failing(), jsonl, provenance)

    assert (tmp_path / "d.jsonl").read_text() == "old\n"
    assert pq.read_table(provenance).num_rows == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.jsonl", "p.parquet"], "no temporary file is left"


def test_text_is_written_whole_and_read_back(tmp_path):
    path = str(tmp_path / "a" / "b.md")
    assert files.read_text(path) is None
    files.write_text(path, "héllo\n")
    assert files.read_text(path) == "héllo\n"
