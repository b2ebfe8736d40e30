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

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import PAIRS, REVIEWS
from udfs.column_functions import first_rows

VERDICTS = ("keep", "drop")
MAX_REVIEWER_CHARS = 64
STRATUM = ("source", "category", "score_band")


@dataclass(frozen=True)
class Verdict:
    """What a reviewer wrote about one row."""

    pair_id: str
    verdict: str
    note: str
    where: str
    """Place in the sheet, for errors: `row 7`."""


def latest_verdicts(reviews: DataFrame) -> DataFrame:
    """The verdict that counts for each pair: the last one, and of two at the same instant the drop.

    Args:
        reviews: rows of `REVIEWS`.

    Returns:
        Rows of `REVIEWS`, one for each pair.
    """
    last_first = Window.partitionBy("pair_id").orderBy(F.desc("reviewed_at"), F.desc(F.col("verdict") == "drop"))
    return first_rows(reviews, last_first)


def rejected_pairs(reviews: DataFrame) -> DataFrame:
    """Column `pair_id`: every pair whose latest verdict is `drop`, once."""
    return latest_verdicts(reviews).where("verdict = 'drop'").select("pair_id")


def rejections_state(reviews: DataFrame) -> str:
    """Number and hash of the rejected pairs.

    Not the table's version, which changes with every `keep`, and starts again where the table was made anew.
    """
    row = rejected_pairs(reviews).agg(F.count("*"), F.bit_xor(F.xxhash64("pair_id"))).first()
    return f"{row[0]} rejected, {row[1] or 0:x}" if row else ""


def sample_pairs(dataset: DataFrame, reviews: DataFrame, count: int) -> DataFrame:
    """Draw rows for a reviewer, spread over sources, categories and score bands.

    The strata take turns, so that a rare one is seen as early as a common one: right for finding faults, not for
    estimating their share. What nobody has read goes first, from the strata with the fewest rows read. Within a
    stratum the pair's id decides, which is a hash and favours nothing: the same tables give the same rows.

    Args:
        dataset: rows of `DATASET`.
        reviews: rows of `REVIEWS`.
        count: rows wanted.

    Returns:
        Rows of `DATASET` with `score_band` (whole points, 10 counting as 9), at most `count`, in the order drawn.
    """
    reviewed = reviews.select("pair_id").distinct().withColumn("is_reviewed", F.lit(True))
    band = F.least(F.floor(F.col("quality_tenths") / 10), F.lit(9)).cast("int")
    rows = (
        dataset.join(reviewed, "pair_id", "left")
        .withColumn("is_reviewed", F.col("is_reviewed").isNotNull())
        .withColumn("score_band", band)
    )
    read_first = Window.partitionBy(*STRATUM).orderBy(F.desc("is_reviewed"), "pair_id")
    turn = F.row_number().over(read_first)
    drawn = rows.withColumn("turn", turn).orderBy("is_reviewed", "turn", "pair_id").limit(count)
    return drawn.drop("turn", "is_reviewed")


def login_name() -> str:
    """Who is logged in, empty where the machine does not know: a container without an account."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return ""


def record_verdicts(runtime: Runtime, verdicts: Sequence[Verdict], reviewer: str) -> Counter[str]:
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
    rows = [(v.pair_id, owners[v.pair_id], v.verdict, reviewer.strip(), v.note or None, now) for v in verdicts]
    if rows:
        runtime.storage.append(REVIEWS, runtime.spark.createDataFrame(rows, REVIEWS.schema))
    return Counter(verdict.verdict for verdict in verdicts)


def _owners(runtime: Runtime, verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Pair -> example, of those pairs that there are."""
    ids = runtime.spark.createDataFrame([(one,) for one in sorted({v.pair_id for v in verdicts})], "pair_id string")
    known = runtime.read(PAIRS).join(ids, "pair_id").select("pair_id", "example_id").collect()
    return {row["pair_id"]: row["example_id"] for row in known}


def _reviewer_faults(reviewer: str) -> list[str]:
    name = reviewer.strip()
    if name and len(name) <= MAX_REVIEWER_CHARS and name.isprintable():
        return []
    return [f"reviewer: a name of 1 to {MAX_REVIEWER_CHARS} characters is needed (given: {reviewer[:80]!r})"]


def _verdict_faults(verdicts: Sequence[Verdict], known: dict[str, str]) -> list[str]:
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
