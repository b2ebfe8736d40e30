"""The journal gives back what was written, whatever was torn off."""

import asyncio
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from udfs.llm.journal import Journal
from udfs.llm.journal_lines import read_line
from udfs.llm.journal_reader import journal_records, read_journal

SENT = {
    "kind": "sent", "attempt_id": "w.1", "request_id": "r", "attempt_no": 1, "provider": "p", "model": "m",
    "sent_at": 5.0, "max_tokens": 10, "tokens": 30.0, "cost_usd": "0.5",
}  # fmt: skip
ATTEMPT = {**SENT, "kind": "attempt", "status": "answered", "cost_usd": "0.2", "cost_basis": "usage"}
RESPONSE = {"kind": "response", "attempt_id": "w.1", "request_id": "r", "status": "answered", "text": "é\u2028😀"}


def write(folder: str, *records: dict, name: str = "w") -> None:
    async def all_of_them() -> None:
        journal = Journal(folder, name)
        for record in records:
            await journal.append(record)
        await journal.close()

    asyncio.run(all_of_them())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(), min_size=1, max_size=8), torn=st.integers(0, 40), data=st.data())
def test_every_whole_line_comes_back_and_a_torn_one_does_not(tmp_path, texts, torn, data):
    folder = tmp_path / f"{abs(hash((tuple(texts), torn, os.urandom(8))))}"
    write(str(folder), *({"kind": "response", "text": text} for text in texts))
    [path] = folder.glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - torn])

    lines = whole[: len(whole) - torn].split(b"\n")
    # The newline alone may be missing from a line that is whole.
    expected = [text for text, line in zip(texts, lines, strict=False) if line.endswith(b"}")]
    assert [record["text"] for record in journal_records(str(folder))] == expected


@pytest.mark.parametrize("folder", ["{tmp}/wave", "memory://{tmp}/wave"])
def test_a_file_system_without_appending_gives_back_the_same(tmp_path, folder):
    folder = folder.format(tmp=tmp_path)
    write(folder, SENT, ATTEMPT, RESPONSE)
    assert list(journal_records(folder)) == [SENT, ATTEMPT, RESPONSE]


def test_an_object_is_there_when_append_returns():
    async def append() -> list[dict]:
        journal = Journal("memory://there/wave", "w")
        await asyncio.gather(journal.append(SENT), journal.append(ATTEMPT))
        found = list(journal_records("memory://there/wave"))
        await journal.close()
        return found

    assert asyncio.run(append()) == [SENT, ATTEMPT]


def test_an_answered_request_costs_what_its_attempt_did(tmp_path):
    write(str(tmp_path), SENT, ATTEMPT, RESPONSE)
    found = read_journal(str(tmp_path))
    assert (found.requests["r"].status, found.requests["r"].spent_usd) == ("answered", Decimal("0.2"))
    assert not found.lost
    assert found.answered_by == {("p", "m")}


def test_a_call_without_an_end_is_lost_and_charged_at_worst_case(tmp_path):
    write(str(tmp_path), SENT)
    found = read_journal(str(tmp_path))
    assert [sent["attempt_id"] for sent in found.lost] == ["w.1"]
    assert (found.requests["r"].spent_usd, found.requests["r"].failures) == (Decimal("0.5"), 1)
    assert found.requests["r"].status is None


def test_writers_of_one_wave_are_read_together_and_their_sends_by_time(tmp_path):
    write(str(tmp_path), {**SENT, "attempt_id": "b.1", "sent_at": 9.0}, name="b")
    write(str(tmp_path), {**SENT, "attempt_id": "a.1", "sent_at": 3.0}, {**SENT, "attempt_id": "a.2"}, name="a")
    found = read_journal(str(tmp_path))
    assert [sent["sent_at"] for sent in found.sends] == [3.0, 5.0, 9.0]
    assert found.requests["r"].attempts == 3


def test_a_folder_that_is_not_there_is_an_empty_journal(tmp_path):
    assert not read_journal(str(tmp_path / "none")).requests


def test_two_writers_never_share_a_file(tmp_path):
    write(str(tmp_path), SENT)
    with pytest.raises(FileExistsError):
        write(str(tmp_path), SENT)


def test_what_the_disk_refuses_to_keep_is_an_error_of_the_next_line(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError("no space left on device")

    async def append_twice() -> None:
        journal = Journal(str(tmp_path), "w")
        await journal.append(SENT)
        await asyncio.sleep(0.3)
        await journal.append(SENT)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        asyncio.run(append_twice())


def test_the_file_is_only_for_its_owner(tmp_path: Path):
    write(str(tmp_path), SENT)
    assert (tmp_path / "w.jsonl").stat().st_mode & 0o777 == 0o600
    assert read_line((tmp_path / "w.jsonl").read_bytes().rstrip()) == SENT
