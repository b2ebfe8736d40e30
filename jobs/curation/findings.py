"""What the rules of the scorer found, by finding: how many pairs they looked at, and how many rows of the data set."""

from dataclasses import asdict, dataclass
from typing import Any

from jobs.workspace.runtime import Runtime
from udfs.scoring.findings import FAILED
from udfs.scoring.heuristic import HEURISTIC


@dataclass(frozen=True)
class FindingRows:
    """Pairs with one gravest finding; a pair with several counts once."""

    finding: str
    """The dimension and fixed words, or that nothing was found."""
    fails: bool
    """Whether it fails a pair."""
    checked: int
    """Pairs that the rules looked at."""
    rows: int
    """Of them, those in the data set."""

    @property
    def effect(self) -> str:
        """In a word, for people."""
        return "fails" if self.fails else "passes"


_COUNTED = """
select scores.reason as finding, max(scores.quality_tenths) = :failed as fails,
    count(*) as checked, count(dataset.pair_id) as rows
from {scores} as scores
left join {dataset} as dataset on dataset.pair_id = scores.pair_id
where scores.scorer = :rules
group by scores.reason
order by rows desc, checked desc, finding
"""


def count_findings(runtime: Runtime) -> tuple[FindingRows, ...]:
    """The findings of the workspace, the most frequent in the data set first; none where a judge scored."""
    found = runtime.query(_COUNTED, failed=10 * FAILED, rules=HEURISTIC)
    return tuple(FindingRows(row["finding"], row["fails"], row["checked"], row["rows"]) for row in found)


def findings_for_manifest(runtime: Runtime) -> list[dict[str, Any]]:
    """The same as plain values, for the manifest and the cards made of it."""
    return [{**asdict(found), "effect": found.effect} for found in count_findings(runtime)]
