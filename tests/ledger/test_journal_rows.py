"""What the lines of a journal mean in the ledger."""

import json
from decimal import Decimal

import pytest

from jobs.ledger.settle import attempts_of, read_journal_lines, read_journal_rows, responses_of
from tests.support.waves import context, drive, endpoint, request
from udfs.llm.journal_lines import sealed_line
from udfs.llm.journal_reader import journal_records


def line(kind: str, number: int, **fields) -> str:
    sent = {"attempt_id": f"w.{number}", "request_id": "r", "attempt_no": number, "provider": "p", "model": "m"}
    return json.dumps({"kind": kind, **sent, "sent_at": 1.5, "max_tokens": 9, "tokens": 20.0, **fields}) + "\n"


@pytest.fixture
def folder(tmp_path):
    paid = {"status": "answered", "cost_usd": "0.000000000001", "cost_basis": "usage", "prompt_tokens": 3}
    answer = {"status": "answered", "text": "é\u2028\x00\n😀"}
    (tmp_path / "a.jsonl").write_text(
        line("sent", 1, cost_usd="0.5")
        + line("attempt", 1, status="transient", error="HTTP 500", cost_usd="0", cost_basis="none")
        + line("sent", 2, cost_usd="0.5")
        + line("attempt", 2, **paid)
        + line("response", 2, answered_at=9.0, **answer)
        + line("sent", 3, cost_usd="0.25")
        + line("sent", 4, cost_usd="0.5")
        + line("attempt", 4, status="not_sent", cost_usd="0", cost_basis="none")
        + line("attempt", 3, **paid)[:-20],
        "ascii",
    )
    (tmp_path / "b.jsonl").write_text(line("response", 5, answered_at=9.5, status="answered", text="later"), "ascii")
    (tmp_path / "claims").mkdir()
    return str(tmp_path)


def test_every_call_that_left_is_in_the_ledger_once_and_a_lost_one_at_its_worst_case(spark, folder):
    rows = attempts_of(read_journal_rows(spark, folder), "distill").orderBy("attempt_no").collect()
    assert [(row.attempt_no, row.status, row.cost_usd, row.cost_basis) for row in rows] == [
        (1, "transient", Decimal(0), "none"),
        (2, "answered", Decimal("0.000000000001"), "usage"),
        (3, "lost", Decimal("0.25"), "assumed"),
    ]
    assert {row["mode"] for row in rows} == {"online"}
    assert rows[1].sent_at.timestamp() == 1.5


def test_a_request_has_one_response_the_first_and_its_text_to_the_letter(spark, folder):
    [row] = responses_of(read_journal_rows(spark, folder)).collect()
    assert (row.request_id, row.attempt_id, row.text) == ("r", "w.2", "é\u2028\x00\n😀")


def test_without_a_journal_there_are_no_rows(spark, tmp_path):
    journal = read_journal_rows(spark, str(tmp_path / "none"))
    assert attempts_of(journal, "distill").count() == responses_of(journal).count() == 0


def test_what_the_engine_writes_is_what_the_ledger_reads(spark, provider, tmp_path):
    provider.behave(shares={"500": 0.2, "dropped": 0.1, "refused": 0.1})
    wave = context(tmp_path, [endpoint(provider.base_url)])
    outcomes = drive([request(f"t{number}") for number in range(60)], wave)

    journal = read_journal_rows(spark, wave.journal)
    attempts, responses = attempts_of(journal, "distill").collect(), responses_of(journal).collect()

    assert journal.count() == len(list(journal_records(wave.journal)))
    assert sum(row.cost_usd for row in attempts) == sum(outcome.cost_usd for outcome in outcomes.values())
    assert sorted((row.request_id, row.status) for row in responses) == sorted(
        (token, outcome.state) for token, outcome in outcomes.items()
    )
    assert len(attempts) == len(provider.calls())


def test_a_flipped_bit_costs_the_worst_case_and_is_counted(spark, tmp_path):
    sent = {"kind": "sent", "request_id": "r", "provider": "p", "model": "m", "sent_at": 1.5, "max_tokens": 9}
    ended = {**sent, "kind": "attempt", "status": "answered", "cost_usd": "0.001", "cost_basis": "usage"}
    records = [{**sent, "attempt_id": f"w.{number}", "cost_usd": "0.5"} for number in (1, 2)]
    records += [{**ended, "attempt_id": f"w.{number}"} for number in (1, 2)]
    written = "".join(map(sealed_line, records))
    (tmp_path / "a.jsonl").write_text(written.replace('"0.001"', '"0.009"', 1) + '{"kind": "sent", "atte', "ascii")

    lines = read_journal_lines(spark, str(tmp_path))

    rows = attempts_of(read_journal_rows(spark, str(tmp_path)), "distill").orderBy("attempt_id").collect()
    assert [(row.status, row.cost_usd, row.cost_basis) for row in rows] == [
        ("lost", Decimal("0.5"), "assumed"),
        ("answered", Decimal("0.001"), "usage"),
    ]
    assert lines.where("is_damaged").count() == 1  # the torn one is no damage
