"""How far a wave is, read from its journal while others write it: each look reads only what is new."""

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from udfs.llm.journal import open_folder
from udfs.llm.journal_lines import read_line
from udfs.llm.journal_reader import ANSWERED
from udfs.llm.wave import EndpointKey

_MINUTE = 60.0


@dataclass
class Seen:
    """What the journal says of one endpoint until now."""

    calls: int = 0
    """Calls that left."""
    done: Counter[str] = field(default_factory=Counter)
    """Requests by terminal state."""
    failures: Counter[str] = field(default_factory=Counter)
    """Calls without an answer, by kind."""
    spent_usd: Decimal = Decimal(0)
    """Spent by calls that have ended."""
    in_flight: dict[str, Decimal] = field(default_factory=dict, repr=False)
    """Attempt id -> worst case."""
    recent: deque[tuple[float, float]] = field(default_factory=deque, repr=False)
    """Sent at, tokens admitted."""

    @property
    def at_risk_usd(self) -> Decimal:
        """What the calls in flight may cost; those of a killed process are among them."""
        return sum(self.in_flight.values(), Decimal(0))

    def last_minute(self, now: float | None = None) -> tuple[int, float]:
        """Requests sent in the last minute, and the tokens that they counted as."""
        since = (time.time() if now is None else now) - _MINUTE
        sent = [(at, tokens) for at, tokens in self.recent if at > since]
        return len(sent), sum(tokens for _, tokens in sent)


class JournalTail:
    """Follows the journal of a wave.

    Args:
        folder: URI of the journal.
    """

    def __init__(self, folder: str) -> None:
        self._files, self._path = open_folder(folder)
        self._read: dict[str, int] = {}  # file -> bytes
        self._seen: dict[EndpointKey, Seen] = {}

    def look(self) -> Mapping[EndpointKey, Seen]:
        """Read on, and say how far each endpoint is."""
        self._files.invalidate_cache(self._path)
        listed = self._files.ls(self._path, detail=True) if self._files.exists(self._path) else []
        for name, size in sorted((entry["name"], entry["size"]) for entry in listed):
            start = self._read.get(name, 0)
            if not name.endswith(".jsonl") or size <= start:
                continue
            new = self._files.cat_file(name, start=start)
            whole = new.rfind(b"\n") + 1  # what follows is being written
            self._read[name] = start + whole
            for line in new[:whole].split(b"\n"):
                if (record := read_line(line)) is not None:
                    self._add(record)
        return self._seen

    def _add(self, record: Mapping[str, Any]) -> None:
        seen = self._seen.setdefault((record["provider"], record["model"]), Seen())
        if record["kind"] == "response":
            seen.done[record["status"]] += 1
        elif record["kind"] == "sent":
            seen.calls += 1
            seen.in_flight[record["attempt_id"]] = Decimal(record["cost_usd"])
            seen.recent.append((record["sent_at"], record["tokens"]))
            while seen.recent[0][0] < record["sent_at"] - 2 * _MINUTE:
                seen.recent.popleft()
        else:
            seen.in_flight.pop(record["attempt_id"], None)
            seen.spent_usd += Decimal(record["cost_usd"])
            if record["status"] == "not_sent":
                seen.calls -= 1
            elif record["status"] not in ANSWERED:
                seen.failures[record["status"]] += 1
