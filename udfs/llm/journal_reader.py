"""Read the journal of a wave: what is answered, what was spent, what was lost in flight, and when calls were sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, get_args

from udfs.llm.answers import Status
from udfs.llm.failures import COUNTED
from udfs.llm.journal import open_folder
from udfs.llm.journal_lines import read_line
from udfs.llm.outcome import Terminal

Record = dict[str, Any]
ANSWERED = get_args(Status)


@dataclass
class RequestProgress:
    """How far a request got."""

    status: Terminal | None = None
    """Of its response; null: none yet."""
    attempts: int = 0
    failures: int = 0
    """Attempts that count against `max_attempts`."""
    spent_usd: Decimal = Decimal(0)
    """With what was lost in flight, at its worst case."""
    is_cut: bool = False
    """An answer was cut, so that the next attempt has more room."""


@dataclass
class JournalContents:
    """A journal, folded. Texts are not held."""

    requests: dict[str, RequestProgress] = field(default_factory=dict)
    lost: list[Record] = field(default_factory=list)
    """`sent` records whose call never ended."""
    sends: list[Record] = field(default_factory=list)
    """All `sent` records, by time."""
    answered_by: set[tuple[str, str]] = field(default_factory=set)
    """Provider and model that answered at least once."""


def read_journal(folder: str) -> JournalContents:
    """Fold all files of a wave's journal.

    A torn line, such as the last of a killed writer, or a damaged one is passed over; a call whose `attempt` is counts
    as lost.
    """
    found = JournalContents()
    ended: dict[str, Record] = {}
    for record in journal_records(folder):
        if record["kind"] == "sent":
            found.sends.append(record)
        elif record["kind"] == "attempt":
            ended[record["attempt_id"]] = {name: record[name] for name in ("status", "cost_usd")}
        elif record["kind"] == "response":
            found.requests.setdefault(record["request_id"], RequestProgress()).status = record["status"]
    found.sends.sort(key=lambda record: (record["sent_at"], record["attempt_id"]))
    for sent in found.sends:
        _add(found, sent, ended.get(sent["attempt_id"]))
    return found


def _add(found: JournalContents, sent: Record, attempt: Record | None) -> None:
    progress = found.requests.setdefault(sent["request_id"], RequestProgress())
    progress.attempts += 1
    progress.spent_usd += Decimal((attempt or sent)["cost_usd"])
    if attempt is None:
        found.lost.append(sent)
    elif attempt["status"] in ANSWERED:
        found.answered_by.add((sent["provider"], sent["model"]))
    progress.failures += attempt is None or attempt["status"] in COUNTED
    progress.is_cut = progress.is_cut or (attempt is not None and attempt["status"] == "truncated")


def journal_records(folder: str) -> Iterator[Record]:
    """All whole records of a wave's journal, file by file."""
    files, path = open_folder(folder)
    if not files.exists(path):
        return
    files.invalidate_cache(path)
    for name in sorted(name for name in files.ls(path, detail=False) if name.endswith(".jsonl")):
        for line in files.cat_file(name).split(b"\n"):
            if (record := read_line(line)) is not None:
                yield record
