"""What people say of rows of the data set: a table that reviewers write and `select` honours.

A verdict names a pair, whose id is a hash of its content, so it holds for the same text in every later run. Rows
are only added: who said what, and when, stays. The latest verdict on a pair counts. `drop` keeps it out of the data
set; `keep` says that somebody read it, and takes an earlier `drop` back. A `keep` never brings a row in that a rule,
a twin, the threshold or a quota keeps out: what the data set promises does not depend on who read what.
"""

import getpass
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256

from jobs.workspace.queries import Answer, with_parts
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import REVIEWS

VERDICTS = ("keep", "drop")
MAX_REVIEWER_CHARS = 64


@dataclass(frozen=True)
class ReviewVerdict:
    """What a reviewer wrote about one row."""

    pair_id: str
    verdict: str
    note: str
    where: str
    """Place in the sheet, for errors: `row 7`."""


# The verdict that counts for each pair: the last one, and of two at the same instant the drop.
LATEST_VERDICTS = """
select pair_id, example_id, verdict, reviewer, note, reviewed_at
from (
    select *, row_number() over (
        partition by pair_id order by reviewed_at desc, case when verdict = 'drop' then 0 else 1 end
    ) as place
    from {reviews}
) as placed
where place = 1
"""


_REJECTED = with_parts(
    "select pair_id from ({latest}) as latest where verdict = 'drop' order by pair_id", latest=LATEST_VERDICTS
)


def rejected_pairs(runtime: Runtime) -> list[str]:
    """Every pair whose latest verdict is `drop`, once, sorted. People have read each of them, so they are few."""
    return [row["pair_id"] for row in runtime.query(_REJECTED, (REVIEWS,))]


def rejections_state(rejected: Sequence[str]) -> str:
    """Number and hash of the rejected pairs.

    Not the table's version, which changes with every `keep`, and starts again where the table was made anew.
    """
    return f"{len(rejected)} rejected, {sha256(' '.join(rejected).encode('utf-8')).hexdigest()}"


# The strata are sources, categories and score bands (whole points, 10 counting as 9).
_SAMPLE = """
with marked as (
    select
        dataset.pair_id, dataset.source, dataset.category,
        cast(least(floor(dataset.quality_tenths / 10), 9) as int) as score_band,
        case when read.pair_id is null then 0 else 1 end as is_reviewed
    from {dataset} as dataset
    left join (select distinct pair_id from {reviews}) as read on read.pair_id = dataset.pair_id
),
placed as (
    select pair_id, score_band, is_reviewed, row_number() over (
        partition by source, category, score_band order by is_reviewed desc, pair_id
    ) as turn
    from marked
),
drawn as (select * from placed order by is_reviewed, turn, pair_id limit :count)
select dataset.pair_id, source, category, quality_tenths, instruction, response, score_band
from drawn join {dataset} as dataset on dataset.pair_id = drawn.pair_id
order by is_reviewed, turn, dataset.pair_id
"""


def sample_pairs(runtime: Runtime, count: int) -> list[Answer]:
    """Draw rows for a reviewer, spread over sources, categories and score bands.

    The strata take turns, so that a rare one is seen as early as a common one: right for finding faults, not for
    estimating their share. What nobody has read goes first, from the strata with the fewest rows read. Within a
    stratum the pair's id decides, which is a hash and favours nothing: the same tables give the same rows.

    Args:
        runtime: the run.
        count: rows wanted.

    Returns:
        pair_id, source, category, quality_tenths, instruction, response and `score_band` of at most `count` rows of
        `DATASET`, in the order drawn.
    """
    return runtime.query(_SAMPLE, (REVIEWS,), count=count)


def login_name() -> str:
    """Who is logged in, empty where the machine does not know: a container without an account."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return ""


def record_verdicts(runtime: Runtime, verdicts: Sequence[ReviewVerdict], reviewer: str) -> Counter[str]:
    """Add verdicts to `reviews`.

    Args:
        runtime: the run whose pairs were read.
        verdicts: as written in a sheet.
        reviewer: who wrote them.

    Returns:
        Verdict -> rows.

    Raises:
        ConfigError: something in it cannot be right; lists every fault, and nothing is recorded.
    """
    owners = _owners(runtime, verdicts)
    faults = [*_reviewer_faults(reviewer), *_verdict_faults(verdicts, owners)]
    if faults:
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(f"nothing was recorded, {len(faults)} fault{'s' if len(faults) > 1 else ''}:\n{listed}")
    now = datetime.now(timezone.utc)
    rows = [
        {
            "pair_id": one.pair_id,
            "example_id": owners[one.pair_id],
            "verdict": one.verdict,
            "reviewer": reviewer.strip(),
            "note": one.note or None,
            "reviewed_at": now,
        }
        for one in verdicts
    ]
    if rows:
        runtime.storage.append_rows(REVIEWS, rows)
    return Counter(verdict.verdict for verdict in verdicts)


def _owners(runtime: Runtime, verdicts: Sequence[ReviewVerdict]) -> dict[str, str]:
    """Pair -> example, of those pairs that there are."""
    known = runtime.query(
        "select pair_id, example_id from {pairs} where pair_id in (:ids)", ids={one.pair_id for one in verdicts}
    )
    return {row["pair_id"]: row["example_id"] for row in known}


def _reviewer_faults(reviewer: str) -> list[str]:
    name = reviewer.strip()
    if name and len(name) <= MAX_REVIEWER_CHARS and name.isprintable():
        return []
    return [f"reviewer: a name of 1 to {MAX_REVIEWER_CHARS} characters is needed (given: {reviewer[:80]!r})"]


def _verdict_faults(verdicts: Sequence[ReviewVerdict], known: dict[str, str]) -> list[str]:
    faults, seen = [], dict[str, str]()
    for one in verdicts:
        if one.verdict not in VERDICTS:
            given = f"{one.verdict[:40]!r} is no verdict" if one.verdict else "a note but no verdict"
            faults.append(f"{one.where}: {given}; write {' or '.join(VERDICTS)}, or leave both empty")
        if one.pair_id not in known:
            faults.append(f"{one.where}: there is no pair {one.pair_id[:40]!r} in this workspace")
        if one.pair_id in seen:
            faults.append(f"{one.where}: the pair {one.pair_id[:40]!r} has a verdict in {seen[one.pair_id]} already")
        seen.setdefault(one.pair_id, one.where)
    return faults
