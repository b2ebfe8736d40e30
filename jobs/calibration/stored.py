"""The table `calibrations`: what is added to it, and what holds for the scorer of a configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.calibration.figures import Row
from jobs.calibration.fingerprint import scorer_fingerprint
from jobs.config.settings import Settings
from jobs.surrogate.stored import surrogate_fingerprint
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.tables import CALIBRATIONS
from udfs.scoring.calibration import calibration_sentence

_SHOWN = [name for name in CALIBRATIONS.schema.names if name not in ("fingerprint", "writer_means")]
_LATEST = with_parts(
    """
select {names} from (
    select *, row_number() over (partition by labels, measure order by measured_at desc) as place
    from {calibrations} where fingerprint = :fingerprint
) as placed
where place = 1
order by measure, labels
""",
    names=", ".join(_SHOWN),
)


def record(runtime: Runtime, settings: Settings, rows: Sequence[Row]) -> None:
    """Add what was measured to the table.

    Args:
        runtime: the run, whose time counts.
        settings: of the scorer.
        rows: as `jobs.calibration.figures` makes them.
    """
    score = settings.score
    shared = {"fingerprint": _fingerprint(runtime, settings), "scorer": score.kind, "name": score.name}
    runtime.storage.append_rows(CALIBRATIONS, [{**shared, "measured_at": runtime.started_at, **row} for row in rows])


def calibrations_of(runtime: Runtime) -> tuple[dict[str, Any], ...]:
    """The latest measurement of the configuration's scorer for each file of labels, choices before others."""
    rows = runtime.query(_LATEST, (CALIBRATIONS,), fingerprint=_fingerprint(runtime, runtime.settings))
    return tuple(dict(row) for row in rows)


def _fingerprint(runtime: Runtime, settings: Settings) -> str:
    return scorer_fingerprint(settings, surrogate_fingerprint(runtime) if settings.score.kind == "distilled" else None)


def calibration_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was measured, a sentence each, with the day; empty where nobody has compared this scorer with people."""
    return [f"{calibration_sentence(row)}, measured on {row['measured_at']:%Y-%m-%d}" for row in rows]
