"""Lines of a batch's files, whatever stands around them."""

import json

from jobs.ledger.batch_rows import lines_of


def test_a_byte_order_mark_and_crlf_hide_no_line(spark):
    lines = [json.dumps({"custom_id": f"r{number}"}) for number in range(3)]
    values = ["\ufeff" + lines[0] + "\r", lines[1] + "\r", "\r", "  ", "\ufeff", lines[2], "torn"]
    rows = lines_of(spark.createDataFrame([("b", value) for value in values], "batch_key string, value string"))
    assert [(row["custom_id"], row["line"]) for row in rows.collect()] == [
        *((f"r{number}", line) for number, line in enumerate(lines)),
        (None, "torn"),
    ]
