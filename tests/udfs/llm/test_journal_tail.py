"""How far a wave is, while it is being written."""

import json
from decimal import Decimal

import pytest

from tests.support.waves import context, drive, endpoint, request
from udfs.llm.journal_tail import JournalTail

KEY = ("p", "m")


def line(kind: str, number: int, **fields) -> str:
    record = {"kind": kind, "attempt_id": f"w.{number}", "provider": "p", "model": "m", **fields}
    return json.dumps({"prompt_tokens": None, "error": None, **record}) + "\n"


def test_each_look_reads_on_and_a_half_written_line_waits_for_its_end(tmp_path):
    tail, path = JournalTail(str(tmp_path)), tmp_path / "a.jsonl"
    assert tail.look() == {}
    sent = line("sent", 1, cost_usd="0.5", sent_at=100.0, tokens=30)
    ended = line("attempt", 1, cost_usd="0.2", status="answered", prompt_tokens=3)
    path.write_text(sent + ended[:20], "ascii")
    seen = tail.look()[KEY]
    assert (seen.calls, seen.spent_usd, seen.at_risk_usd) == (1, Decimal(0), Decimal("0.5"))
    path.write_text(sent + ended + line("response", 1, status="answered"), "ascii")
    (tmp_path / "b.jsonl").write_text(
        line("sent", 2, cost_usd="0.5", sent_at=150.0, tokens=40)
        + line("attempt", 2, cost_usd="0", status="rate_limited", error="HTTP 429"),
        "ascii",
    )
    seen = tail.look()[KEY]
    assert (seen.calls, seen.spent_usd, seen.at_risk_usd) == (2, Decimal("0.2"), Decimal(0))
    assert (seen.done, seen.failures) == ({"answered": 1}, {"rate_limited": 1})
    assert seen.last_minute(155.0) == (2, 70)
    assert seen.last_minute(170.0) == (1, 40)


@pytest.mark.parametrize("journal", ["{tmp}/wave", "memory://{tmp}/wave"])
def test_at_the_end_it_knows_what_the_outcomes_say(provider, tmp_path, journal):
    provider.behave(shares={"500": 0.1, "refused": 0.1})
    wave = context(tmp_path, [endpoint(provider.base_url)], journal=journal.format(tmp=tmp_path))
    outcomes = drive([request(f"t{number}") for number in range(40)], wave).values()
    seen = JournalTail(wave.journal).look()["test", "m"]
    assert seen.calls == len(provider.calls()) == sum(outcome.attempts for outcome in outcomes)
    assert seen.done["answered"] == sum(outcome.state == "answered" for outcome in outcomes)
    assert seen.spent_usd == sum(outcome.cost_usd for outcome in outcomes)
    assert seen.in_flight == {}
