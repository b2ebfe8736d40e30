"""How much of the data set is good, as far as people have read it: a share with an interval.

A review sheet takes strata (source, category, score band) in turn, so rare ones are over-represented in it. Each
verdict therefore counts for as many rows as its stratum has for each row that was read of it. The interval is Wilson's
for as many rows as such unequal weights are worth (Kish 1965: the square of their sum by the sum of their squares).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobs.curation.reviews import LATEST_VERDICTS
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.tables import REVIEWS, SELECTION
from udfs.scoring.calibration import Interval, wilson

Stratum = tuple[str, str, int]
"""Source, category, score band in whole points (10 counting as 9)."""


class Estimate(NamedTuple):
    """The share of good rows in the data set."""

    good: Interval
    read: int
    """Rows that a person has read."""

    def __str__(self) -> str:
        """As reports state it."""
        low, high = _percent(self.good.low), _percent(self.good.high)
        rows = "row" if self.read == 1 else "rows"
        return f"{_percent(self.good.value)} % good, {low}–{high}, {self.read:,} {rows} read by a person"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def estimate_share(sizes: Mapping[Stratum, int], verdicts: Mapping[tuple[Stratum, bool], int]) -> Estimate | None:
    """Estimate the share of good rows.

    Args:
        sizes: rows of the data set in each stratum.
        verdicts: stratum and whether the row is good -> rows that were read.

    Returns:
        Null where nothing was read. A stratum of which nothing was read counts by those of its source and category, of
        its source, or by all.
    """
    read = Counter[Stratum]()
    for (stratum, _), count in verdicts.items():
        read[stratum] += count
    total, rows = sum(sizes.values()), sum(read.values())
    if not rows or not total:
        return None
    stands_for = dict.fromkeys(read, 0.0)
    for stratum, size in sizes.items():
        standing = _standing_for(stratum, list(read))
        known = sum(read[one] for one in standing)
        for one in standing:
            stands_for[one] += size * read[one] / known
    weight = {one: stands_for[one] / read[one] / total for one in read}
    share = sum(weight[stratum] * count for (stratum, is_good), count in verdicts.items() if is_good)
    worth = 1 / sum(weight[one] ** 2 * read[one] for one in read)
    return Estimate(wilson(share * worth, worth), rows)


def _standing_for(stratum: Stratum, read: Sequence[Stratum]) -> list[Stratum]:
    """The strata of which something was read that are nearest to one: itself, or those that share the most with it."""
    for shared in (3, 2, 1):
        if found := [one for one in read if one[:shared] == stratum[:shared]]:
            return found
    return list(read)


_BAND = "cast(least(floor({quality} / 10), 9) as int)"
_SIZES = with_parts(
    "select source, category, {band} as band, count(*) as rows from {dataset} group by 1, 2, 3",
    band=_BAND.replace("{quality}", "quality_tenths"),
)
# A row that was dropped has left the data set, and still says how many there are like it.
_VERDICTS = with_parts(
    """
select answered_by as source, selection.category as category, {band} as band, latest.verdict as verdict,
    count(*) as rows
from ({latest}) as latest
join {selection} as selection on selection.pair_id = latest.pair_id
join {pairs} as pairs on pairs.pair_id = latest.pair_id
where selection.reason is null or selection.reason = 'rejected_by_reviewer'
group by 1, 2, 3, 4
""",
    band=_BAND.replace("{quality}", "selection.quality_tenths"),
    latest=LATEST_VERDICTS,
)


def estimate_of(runtime: Runtime) -> Estimate | None:
    """What people's verdicts say of the data set as it is; null where nobody has read a row of it.

    Raises:
        MissingTableError: nothing has been selected yet.
    """
    sizes = {_stratum(row): row["rows"] for row in runtime.query(_SIZES)}
    verdicts = {
        (_stratum(row), row["verdict"] == "keep"): row["rows"] for row in runtime.query(_VERDICTS, (REVIEWS, SELECTION))
    }
    return estimate_share(sizes, verdicts)


def _stratum(row: Mapping[str, object]) -> Stratum:
    return str(row["source"]), str(row["category"]), int(str(row["band"]))
