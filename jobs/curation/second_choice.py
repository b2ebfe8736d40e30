"""Second choices: where a kept row is not exported after all, a row that fell to it takes its place.

Of two twins the one that can be exported stays, as far as that is known before anything is paid for
(`jobs.answers.prospects`). What a judge says, what people reject and what falls as a pair is known only in the end. A
kept row that then is not exported is *passed over*: it ranks behind its twins from then on, and the run goes on from
there, until no such row is left. A row is passed over once, so that comes to an end; and the rows that stay are those
that a search from the beginning keeps, so no two of them are twins.
"""

import hashlib
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.settings import Settings
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.tables import PASSED_OVER

_KNOWN = "select id from {passed_over} where settings = :settings and pass = :name"
_PROMPTS = """
select kept.id as id, min(kept.reason) as reason
from (
    select removed.duplicate_of as id, removed.id as removed_id, fates.reason
    from {duplicates} as removed
    join {fates} as fates on fates.example_id = removed.duplicate_of
    join {examples} as fallen on fallen.example_id = removed.id
    where removed.pass = 'prompt' and removed.reference_text is null and fates.reason in (:reasons)
        and fallen.reference_response is not null
        and fallen.system is null and coalesce(cardinality(fallen.history), 0) <= 0
) as kept
left anti join ({known}) as known on known.id in (kept.id, kept.removed_id)
group by kept.id
order by kept.id
"""
_PAIRS = """
select kept.id as id, min(kept.reason) as reason
from (
    select removed.duplicate_of as id, removed.id as removed_id,
        coalesce(selection.reason, 'not_scored') as reason
    from {duplicates} as removed
    join {pairs} as fallen on fallen.pair_id = removed.id
    left join {selection} as selection on selection.pair_id = removed.duplicate_of
    where removed.pass = 'pair' and removed.reference_text is null
        and (selection.pair_id is null or selection.reason in (:reasons))
        and fallen.system is null and coalesce(cardinality(fallen.history), 0) <= 0
) as kept
left anti join ({known}) as known on known.id in (kept.id, kept.removed_id)
group by kept.id
order by kept.id
"""


def pass_over(runtime: Runtime) -> int:
    """Find the kept rows of a finished run that are not exported although a row fell to them, and remember them.

    A row that fell counts where it can be exported as far as is known. Prompts that models are asked are left as they
    are: another prompt would have to be paid for, and the quotas ask others anyway.

    Returns:
        How many were found; none: the data set is what it is.
    """
    if not runtime.settings.deduplicate.second_choice:
        return 0
    reasons, state = _reasons(runtime.settings), _settings_state(runtime.settings)
    asked = {"pair": (_PAIRS, reasons)}
    if not runtime.settings.distill.models:
        asked["prompt"] = (_PROMPTS, [*reasons, "duplicate_pair"])
    found = [
        {"settings": state, "pass": name, **row}
        for name, (question, why) in asked.items()
        for row in runtime.query(
            with_parts(question, known=_KNOWN), (PASSED_OVER,), reasons=why, name=name, settings=state
        )
    ]
    if found:
        runtime.storage.append_rows(PASSED_OVER, found)
    return len(found)


def _reasons(settings: Settings) -> list[str]:
    """Why a kept row is not exported, of what was not known when it was kept: the scores of rules were."""
    return ["rejected_by_reviewer", "not_scored", *(["low_score"] if settings.score.asks_judge else [])]


def _settings_state(settings: Settings) -> str:
    """Hash of the settings that decide what is kept and what is exported."""
    sections = {"sources", "ingest", "screen", "decontaminate", "deduplicate", "distill", "score", "select"}
    content = settings.model_dump_json(include=sections)
    return hashlib.sha256(content.encode("utf-8")).hexdigest()


def _passed_over(runtime: Runtime, name: str) -> list[str]:
    """Ids of the rows that were passed over in a pass; few."""
    values = {"settings": _settings_state(runtime.settings), "name": name}
    return sorted({row["id"] for row in runtime.query(_KNOWN, (PASSED_OVER,), **values)})


def with_passed_over(rows: DataFrame, runtime: Runtime, name: str) -> DataFrame:
    """The same rows, `is_lost` where a row was passed over in that pass; columns id and is_lost, and others."""
    passed = _passed_over(runtime, name)
    if not passed:
        return rows
    named = rows.sparkSession.createDataFrame([(one,) for one in passed], "id string")
    behind = named.withColumn("is_passed_over", F.lit(True))
    is_lost = F.col("is_lost") | F.coalesce("is_passed_over", F.lit(False))
    return rows.join(F.broadcast(behind), "id", "left").withColumn("is_lost", is_lost).drop("is_passed_over")


def passed_over_state(runtime: Runtime, name: str) -> Mapping[str, str]:
    """What was passed over in a pass, for a stage's fingerprint; nothing where nothing was."""
    ids = _passed_over(runtime, name)
    return {"passed_over": hashlib.sha256("\n".join(ids).encode("utf-8")).hexdigest()} if ids else {}
