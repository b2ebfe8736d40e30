"""How far the paid calls of a wave are: the figures of the panel, of `progress.json` and of `phase0 status`.

Pure arithmetic over what is known before the wave and what its journal says until now. The figures hold all that they
are made from, so that another process that reads `progress.json` makes them anew from the journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from decimal import Decimal

from pydantic import TypeAdapter, ValidationError

from jobs.workspace import files
from udfs.llm.journal_tail import Seen
from udfs.llm.models import RateLimits
from udfs.llm.wave import EndpointKey

PROGRESS_FILE = "progress.json"
_FEWEST_SECONDS = 3.0
"""Less says nothing of a rate: the first answers take as long as one answer takes."""


@dataclass(frozen=True)
class WaveWatch:
    """What is known of a wave before its first call."""

    stage: str
    """distill or score."""
    names: Mapping[EndpointKey, str]
    """Provider and model -> the teacher's name, or `judge`."""
    waiting: Mapping[EndpointKey, int]
    """Requests that are sent in this wave."""
    done_before: Mapping[EndpointKey, int]
    """Of the current requests, those answered before this wave."""
    pending: Mapping[EndpointKey, int]
    """Of the current requests, those left for later waves: they do not fit the budget now."""
    limits: Mapping[EndpointKey, RateLimits]
    spent_usd: Decimal
    """In the ledger before this wave, of the whole workspace."""
    cap_usd: Decimal | None
    journal: str
    """URI of the wave's journal."""


@dataclass(frozen=True, kw_only=True)
class EndpointFigures:
    """One model. The first six fields are known before the wave."""

    name: str
    provider: str
    model: str
    waiting: int = 0
    done_before: int = 0
    later: int = 0
    rpm: int | None = None
    tpm: int | None = None
    answered: int = 0
    """Requests of this wave with an answer."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Requests of this wave that ended otherwise, by state: truncated, refused, …"""
    refused_calls: Mapping[str, int] = field(default_factory=dict)
    """Calls that brought no answer, by kind: rate_limited, transient, …"""
    calls: int = 0
    in_flight: int = 0
    requests_last_minute: int = 0
    tokens_last_minute: int = 0
    spent_usd: Decimal = Decimal(0)
    """By calls of this wave that have ended."""
    at_risk_usd: Decimal = Decimal(0)
    """At worst, by those in flight."""
    first_sent_at: float | None = None
    """Seconds since the epoch."""
    looked_at: float = 0.0

    @property
    def done(self) -> int:
        """Current requests with an answer, of this wave and before."""
        return self.done_before + self.answered

    @property
    def failed(self) -> int:
        """Requests of this wave that ended without a whole answer."""
        return sum(self.failures.values())

    @property
    def pending(self) -> int:
        """Current requests that have not ended, of this wave and later ones."""
        return max(0, self.waiting - self.answered - self.failed) + self.later

    @property
    def eta_seconds(self) -> float | None:
        """Until all that is pending has ended, at the rate of this wave; null where none is known."""
        ended = self.answered + self.failed
        if not self.pending:
            return 0.0
        seconds = self.looked_at - self.first_sent_at if self.first_sent_at is not None else 0.0
        return self.pending * seconds / ended if ended and seconds >= _FEWEST_SECONDS else None


@dataclass(frozen=True, kw_only=True)
class CallFigures:
    """A wave, at a moment."""

    stage: str
    run_id: str = ""
    journal: str
    host: str
    pid: int
    started_at: datetime
    at: datetime
    is_over: bool = False
    ledger_usd: Decimal
    """Spent before this wave."""
    cap_usd: Decimal | None
    endpoints: tuple[EndpointFigures, ...]

    @property
    def spent_usd(self) -> Decimal:
        """By the whole workspace, with the calls of this wave that have ended."""
        return sum((one.spent_usd for one in self.endpoints), self.ledger_usd)

    @property
    def at_risk_usd(self) -> Decimal:
        """What calls in flight cost at worst."""
        return sum((one.at_risk_usd for one in self.endpoints), Decimal(0))

    @property
    def eta_seconds(self) -> float | None:
        """Of the slowest model; null where the rate of one is not known yet."""
        etas = [one.eta_seconds for one in self.endpoints]
        known = [eta for eta in etas if eta is not None]
        return max(known) if known and len(known) == len(etas) else None


def figures_before(watch: WaveWatch, *, run_id: str, host: str, pid: int, now: datetime) -> CallFigures:
    """The figures of a wave that has not begun."""
    keys = dict.fromkeys([*watch.names, *watch.waiting, *watch.done_before, *watch.pending])
    return CallFigures(
        stage=watch.stage,
        run_id=run_id,
        journal=watch.journal,
        host=host,
        pid=pid,
        started_at=now,
        at=now,
        ledger_usd=watch.spent_usd,
        cap_usd=watch.cap_usd,
        endpoints=tuple(
            EndpointFigures(
                name=watch.names.get(key, key[1]),
                provider=key[0],
                model=key[1],
                waiting=watch.waiting.get(key, 0),
                done_before=watch.done_before.get(key, 0),
                later=watch.pending.get(key, 0),
                rpm=watch.limits.get(key, RateLimits()).rpm,
                tpm=watch.limits.get(key, RateLimits()).tpm,
            )
            for key in keys
        ),
    )


def look_again(before: CallFigures, seen: Mapping[EndpointKey, Seen], now: datetime, *, is_over: bool) -> CallFigures:
    """The figures with what the journal says now.

    Args:
        before: figures of the same wave.
        seen: by `JournalTail.look`.
        now: time of that look.
        is_over: no more calls are made.
    """
    known = {(one.provider, one.model): one for one in before.endpoints}
    for key in seen:
        known.setdefault(key, EndpointFigures(name=key[1], provider=key[0], model=key[1]))
    at = now.timestamp()
    endpoints = tuple(_look_again(one, seen.get(key, Seen()), at) for key, one in known.items())
    return replace(before, endpoints=endpoints, at=now, is_over=is_over)


def _look_again(one: EndpointFigures, seen: Seen, at: float) -> EndpointFigures:
    requests, tokens = seen.last_minute(at)
    first = one.first_sent_at
    if first is None and seen.recent:
        first = min(sent_at for sent_at, _ in seen.recent)
    return replace(
        one,
        answered=seen.done["answered"],
        failures={state: count for state, count in sorted(seen.done.items()) if state != "answered"},
        refused_calls=dict(sorted(seen.failures.items())),
        calls=seen.calls,
        in_flight=len(seen.in_flight),
        requests_last_minute=requests,
        tokens_last_minute=round(tokens),
        spent_usd=seen.spent_usd,
        at_risk_usd=seen.at_risk_usd,
        first_sent_at=first,
        looked_at=at,
    )


_AS_JSON = TypeAdapter(CallFigures)


def write_progress(workspace: str, figures: CallFigures) -> None:
    """Write `progress.json`; a reader never sees half of it."""
    with files.open_atomic(files.join(workspace, PROGRESS_FILE)) as handle:
        handle.write(_AS_JSON.dump_json(figures, indent=1))


def read_progress(workspace: str) -> CallFigures | None:
    """The figures that the last wave wrote, whoever ran it; null where there are none that this version can read."""
    text = files.read_text(files.join(workspace, PROGRESS_FILE))
    try:
        return None if text is None else _AS_JSON.validate_json(text)
    except ValidationError:
        return None


def utc_now() -> datetime:
    """The time."""
    return datetime.now(timezone.utc)
