"""What near-duplicates cost each source, with twins to look at.

Long openings that many prompts share push different prompts over the threshold; a person who sees three
of them side by side knows whether to raise it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from jobs.workspace.queries import Answer, with_parts
from jobs.workspace.runtime import Runtime
from schemas.tables import CONTAMINATION, PAIRS

HEAVY_LOSS = 0.30
"""Share of a source's distinct prompts above which a person should look."""


@dataclass(frozen=True)
class SourceDuplication:
    """Prompts of one source, and those that fall to twins."""

    source: str
    prompts: int
    removed: int
    equal: int
    """Removed at Jaccard 1.0: copies, which say nothing about the threshold."""
    folded: int = 0
    """Copies that were never prompts of their own: ingest folded them, because they say exactly the same."""

    @property
    def distinct(self) -> int:
        """Prompts that are no copy of another."""
        return self.prompts - self.equal

    @property
    def copies(self) -> int:
        """Rows lost because another one says the same."""
        return self.folded + self.equal

    @property
    def near(self) -> int:
        """Distinct prompts removed."""
        return self.removed - self.equal

    @property
    def is_heavy(self) -> bool:
        """Whether the share of distinct prompts removed calls for a look."""
        return bool(self.distinct) and self.near / self.distinct > HEAVY_LOSS


_LOSSES = """
select prompts.source, count(*) as prompts, count(removed.id) as removed,
    count(case when removed.jaccard = 1.0 then 1 end) as equal, sum(prompts.copies - 1) as folded
from ({prompts}) as prompts
left join (select * from {duplicates} where pass = 'prompt') as removed on removed.id = prompts.example_id
group by prompts.source
order by prompts.source
"""


def count_source_duplication(runtime: Runtime, prompts: str) -> list[SourceDuplication]:
    """Count the prompts that took part in the search, and losses, of each source, by name.

    Args:
        runtime: the run.
        prompts: question for the examples that took part in the search, columns example_id, source and copies.
    """
    rows = runtime.query(with_parts(_LOSSES, prompts=prompts), (CONTAMINATION,))
    return [
        SourceDuplication(row["source"], row["prompts"], row["removed"], row["equal"], row["folded"]) for row in rows
    ]


_PUBLISHED = "select count(*) as rows from {duplicates} where pass = :pass and reference_text is not null"


def count_published(runtime: Runtime, search: str) -> int:
    """How many rows a pass has removed because they are published already."""
    return int(runtime.query(_PUBLISHED, **{"pass": search})[0]["rows"])


_TWINS = """
select *
from (
    select examples.source, removed.*, row_number() over (
        partition by examples.source order by removed.id
    ) as place
    from (select * from {duplicates} where pass = 'prompt' and jaccard < 1.0) as removed
    join {examples} as examples on examples.example_id = removed.id
    where examples.source in (:sources)
) as placed
where place <= :count
order by source, id
"""


def sample_twins(runtime: Runtime, sources: Collection[str], count: int) -> dict[str, list["Twins"]]:
    """The first near twins by id of each of these sources."""
    rows = runtime.query(_TWINS, sources=sources, count=count) if sources else []
    texts = compared_texts(runtime, {row[name] for row in rows for name in ("id", "duplicate_of")})
    found: dict[str, list[Twins]] = {source: [] for source in sources}
    for row in rows:
        found[row["source"]].append(_twins(row, texts))
    return found


@dataclass(frozen=True)
class Twins:
    """A removed row beside the kept row that it resembles."""

    example_id: str
    """Of the removed row; in the pair pass the id of a pair."""
    duplicate_of: str
    jaccard: float
    text: str
    twin_text: str
    turn_jaccard: float | None = None
    """Of the last turns; null where neither has earlier ones."""
    own_jaccard: float | None = None
    """Without the shingles that the sources' rows share; null where there are none."""

    @property
    def proof(self) -> str:
        """All that was measured of them."""
        return proof_of(self.jaccard, self.turn_jaccard, self.own_jaccard)


def proof_of(jaccard: float, turn_jaccard: float | None, own_jaccard: float | None) -> str:
    """The similarities of two twins in words."""
    parts = [f"Jaccard {jaccard:.3f}"]
    if turn_jaccard is not None:
        parts.append(f"last turn {turn_jaccard:.3f}")
    if own_jaccard is not None:
        parts.append(f"without what the source's rows share {own_jaccard:.3f}")
    return ", ".join(parts)


@dataclass(frozen=True)
class DuplicateGroup:
    """All rows of one pass that fall to the same kept row."""

    search: str
    """The pass, `prompt` or `pair`."""
    kept_id: str
    kept_text: str
    removed: int
    twins: tuple[Twins, ...]
    """Some of the removed rows, the least similar first: they are the ones to doubt."""


_MEMBERS = """
select *
from (
    select
        *,
        count(*) over (partition by pass, duplicate_of) as removed,
        row_number() over (partition by pass, duplicate_of order by jaccard, id) as place
    from {duplicates}
) as placed
where place <= :twins
order by removed desc, pass desc, duplicate_of, jaccard, id
limit :most
"""


def largest_groups(runtime: Runtime, groups: int, twins: int) -> tuple[DuplicateGroup, ...]:
    """The groups that lost most rows; of equal ones the prompts' first, then by id.

    Args:
        runtime: the run.
        groups: most groups to return.
        twins: most removed rows to return of each.
    """
    found: dict[tuple[str, str], list[Answer]] = {}
    # As many rows are more groups than are wanted where groups are small.
    for row in runtime.query(_MEMBERS, twins=twins, most=groups * twins):
        found.setdefault((row["pass"], row["duplicate_of"]), []).append(row)
    largest = dict(list(found.items())[:groups])
    texts = compared_texts(
        runtime, {row[column] for of in largest.values() for row in of for column in ("id", "duplicate_of")}
    )
    return tuple(
        DuplicateGroup(
            search, kept_id, _kept_text(of[0], texts), of[0]["removed"], tuple(_twins(row, texts) for row in of)
        )
        for (search, kept_id), of in largest.items()
    )


_TEXTS = """
select example_id as id, system, history, instruction, cast(null as string) as response
from {examples} where example_id in (:ids)
union all
select pair_id as id, system, history, instruction, response from {pairs} where pair_id in (:ids)
"""


def compared_texts(runtime: Runtime, ids: Collection[str]) -> dict[str, str]:
    """Id -> the text that the search for duplicates compares, as `jobs.deduplication.ranking` puts it together.

    Args:
        runtime: the run.
        ids: of examples and of pairs, few enough to be named in a query.
    """
    return {row["id"]: _text(row) for row in runtime.query(_TEXTS, (PAIRS,), ids=ids)} if ids else {}


def _text(row: Answer) -> str:
    turns = (turn["content"] for turn in row["history"] or ())
    return "\n".join(part for part in (row["system"], *turns, row["instruction"], row["response"]) if part is not None)


def _kept_text(row: Answer, texts: Mapping[str, str]) -> str:
    """Of a row that is published already its beginning is in the table."""
    return str(row.get("reference_text") or texts[row["duplicate_of"]])


def _twins(row: Answer, texts: Mapping[str, str]) -> Twins:
    return Twins(
        row["id"],
        row["duplicate_of"],
        row["jaccard"],
        texts[row["id"]],
        _kept_text(row, texts),
        row.get("turn_jaccard"),
        row.get("own_jaccard"),
    )
