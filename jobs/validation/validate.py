"""Validation after every stage: each table it wrote against the expectations of that table."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from pyspark.sql import DataFrame

from jobs.config.settings import Settings
from jobs.curation.eligibility import UNIQUE_PAIRS, UNIQUE_PROMPTS
from jobs.curation.reviews import VERDICTS
from jobs.curation.screen_rules import rule_names, rules_by_source
from jobs.deduplication.figures import HEAVY_LOSS
from jobs.validation.stored_checks import TableCheck, newest_of_each_table, stored_checks
from jobs.validation.suites import tables_with_suites
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.calls import RESPONSES
from schemas.records import REASONS
from schemas.tables import (
    ALL,
    ASSIGNMENTS,
    BENCHMARKS,
    CONTAMINATION,
    DATASET,
    DUPLICATES,
    EXAMPLES,
    PAIRS,
    RAW_RECORDS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
    Table,
)
from udfs.rephrasings import LEAST_SIMILARITY

COMPOSITION_TOLERANCE = 0.05
"""How far a category's share may be from its target before the data docs warn."""

# Tables a suite compares with. Only those an earlier stage has already written.
_RELATED: Mapping[Table, tuple[Table, ...]] = {
    SCREEN: (EXAMPLES,),
    CONTAMINATION: (EXAMPLES, BENCHMARKS),
    DUPLICATES: (EXAMPLES,),
    ASSIGNMENTS: (EXAMPLES, SCREEN, CONTAMINATION, DUPLICATES),
    PAIRS: (EXAMPLES,),
    SCORES: (PAIRS,),
    REVIEWS: (PAIRS,),
    SELECTION: (PAIRS,),
    DATASET: (SELECTION,),
}


def load_library() -> None:
    """Load Great Expectations, which takes two seconds and more, before a stage is validated."""
    import_module("great_expectations")


def validate_stage(runtime: Runtime, written: Sequence[Table]) -> list[str]:
    """Check the tables a stage wrote.

    Returns:
        `table: description (ids)` of each critical expectation that failed; empty when the gate is open.
    """
    checked = [table for table in written if table.name in tables_with_suites()]
    if not checked:
        return []
    from jobs.validation.data_docs import build_data_docs
    from jobs.validation.run_suite import validate_table

    context = _context(docs_root(runtime.settings.workspace))
    failed = []
    for table in checked:
        result = validate_table(
            context,
            table,
            runtime.read(table),
            runtime.run_id,
            runtime.started_at,
            parameters(runtime, table),
            _related(runtime, table),
        )
        for check in result.checks:
            if not check.passed:
                named = check.offending_ids[:3] if check.observed != "; ".join(check.offending_ids) else ()
                ids = f" ({', '.join(named)})" if named else ""
                text = f"{table.name}: {check.headline}{ids} Found: {check.observed}"
                if check.critical:
                    failed.append(text)
                else:
                    runtime.progress.line(f"warning: {text}", style="yellow")
    if failed:
        build_data_docs(context)
    return failed


def validate_tables(runtime: Runtime) -> int:
    """Check every stored table and rebuild the data docs; returns the exit code."""
    tables = [table for table in ALL if table.name in tables_with_suites() and runtime.storage.exists(table)]
    failed = validate_stage(runtime, tables)
    index = publish_data_docs(runtime)
    for name in failed:
        runtime.progress.line(f"FAIL {name}", style="red")
    runtime.progress.line(
        f"{len(tables)} tables checked, {len(failed)} critical expectations failed. Data docs: {index}"
    )
    return 1 if failed else 0


def publish_data_docs(runtime: Runtime) -> Path:
    """Render the results of all runs; returns the index page."""
    from jobs.validation.data_docs import build_data_docs

    index: Path = build_data_docs(_context(docs_root(runtime.settings.workspace)))
    return index


def last_checks(runtime: Runtime) -> tuple[TableCheck, ...]:
    """The last validation of each table, in the order of the stages."""
    return tuple(newest_of_each_table(stored_checks(_context(docs_root(runtime.settings.workspace)))))


def docs_root(workspace: str) -> Path:
    """Folder of validation results and data docs: the workspace, or for a remote one a local folder."""
    return Path(workspace) if "://" not in workspace else Path(gettempdir()) / "phase0-data-docs"


@lru_cache(maxsize=4)
def _context(root: Path) -> Any:
    from jobs.validation.run_suite import open_context

    root.mkdir(parents=True, exist_ok=True)
    return open_context(root)


def _related(runtime: Runtime, table: Table) -> dict[str, DataFrame]:
    names = list(_RELATED.get(table, ()))
    # Before the pairs of this run are there, an old table of pairs would be compared with new marks.
    if table in (SCREEN, DUPLICATES) and _pairs_are_current(runtime):
        names.append(PAIRS)
    # A workspace of an older version has looked for no benchmark.
    return {
        other.name: runtime.read_or_empty(other) if other is CONTAMINATION else runtime.read(other) for other in names
    }


def _pairs_are_current(runtime: Runtime) -> bool:
    if not runtime.storage.exists(PAIRS):
        return False
    return not runtime.query(
        "select pair_id from {pairs} as pairs left anti join {examples} as examples "
        "on examples.example_id = pairs.example_id limit 1"
    )


def parameters(runtime: Runtime, table: Table) -> dict[str, Any]:
    """Values of the parameters that the table's suite asks for."""
    settings = runtime.settings
    names = [source.name for source in settings.sources]
    teachers = [teacher.name for teacher in settings.distill.teachers]
    min_score = settings.select.min_score_tenths
    if table is RAW_RECORDS:
        share = settings.ingest.max_refused_share
        heard = {row["source"] for row in runtime.query("select distinct source from {raw_records}")}
        return {
            "sources": names,
            "source_count": len(names),
            "silent_sources": [name for name in names if name not in heard],
            "max_refused_share": share,
            "min_usable_share": 1 - share,
        }
    if table is EXAMPLES:
        (found,) = runtime.query("select sum(cast(cardinality(drafts) as bigint)) as drafts from {raw_records}")
        return {"sources": names, "drafts": found["drafts"] or 0}
    if table is SCREEN:
        rules = [*rule_names(rules_by_source(settings.sources, settings.screen)), *_CONFIG_RULES]
        return {"rules": rules, "max_excluded": None}
    if table is CONTAMINATION:
        decontaminate = settings.decontaminate
        rephrased = () if decontaminate.rephrased == "ignore" else (LEAST_SIMILARITY,)
        return {"share": min(decontaminate.share, decontaminate.answer_share, *rephrased)}
    if table is DUPLICATES:
        return {
            "threshold": settings.deduplicate.threshold,
            "turn_threshold": settings.deduplicate.turn_threshold,
            "max_source_loss": HEAVY_LOSS,
        }
    if table in (ASSIGNMENTS, PAIRS):
        if settings.calls.paid_answers == "keep":  # answers of teachers that the configuration has no longer
            column = "actual_teacher" if table is ASSIGNMENTS else "teacher"
            question = "select distinct {column} as teacher from {table}"
            rows = runtime.query(with_parts(question, column=column, table=f"{{{table.name}}}"))
            teachers = sorted({*teachers, *(row["teacher"] for row in rows)})
        return {"teachers": teachers, "expected_rows": _expected_rows(runtime, table)}
    if table is SCORES:
        # A judge whose reply gives no valid score gives none: the stage counts those.
        expected = None if settings.score.asks_judge else _expected_rows(runtime, table)
        return {"scorers": list(settings.score.scorers), "expected_rows": expected}
    if table is REVIEWS:
        return {"verdicts": list(VERDICTS)}
    if table is SELECTION:
        return {
            "min_score_tenths": min_score,
            "reasons": list(REASONS),
            "expected_rows": _expected_rows(runtime, table),
        }
    return _dataset_parameters(settings) | {"expected_rows": _expected_rows(runtime, table)}


_COUNT = "select count(*) as rows from ({rows}) as expected"
# Where models are asked only the assignments know which prompts were drawn; each of them has all its samples.
_ASKED = "select distinct example_id from {assignments} where request_id is not null"
_TO_ASSIGN_OTHERS = with_parts(
    """
select prompts.example_id from ({unique_prompts}) as prompts
left anti join ({asked}) as asked on asked.example_id = prompts.example_id
where prompts.reference_response is not null
""",
    unique_prompts=UNIQUE_PROMPTS,
    asked=_ASKED,
)
# One row for each answer that there is.
_TO_PAIR = """
select assignments.example_id from {assignments} as assignments
join {examples} as examples on examples.example_id = assignments.example_id
where assignments.request_id is null and examples.reference_response is not null
union all
select assignments.example_id from {assignments} as assignments
join {responses} as responses on responses.request_id = assignments.request_id
where responses.status = 'answered'
"""


_CONFIG_RULES = ("language_not_allowed", "licence_not_allowed")


def _dataset_parameters(settings: Settings) -> dict[str, Any]:
    judged = settings.score.asks_judge
    targets = settings.targets
    tolerance = COMPOSITION_TOLERANCE
    composition = {
        name: {"min": max(0.0, share - tolerance), "max": min(1.0, share + tolerance)}
        for name, share in settings.select.composition.items()
    }
    mean = targets.min_mean_quality
    return {
        "min_score_tenths": settings.select.min_score_tenths,
        "allow_licences": list(settings.screen.allow_licences) or None,
        "min_rows": targets.min_rows,
        # A rule-based score says nothing about the quality a judge would find.
        "min_mean_tenths": round(mean * 10) if judged and mean is not None else None,
        "min_teachers": targets.min_teachers,
        # Without a wanted size the composition is what the sources give, and no target.
        "composition": composition if settings.select.rows is not None else None,
    }


def _expected_rows(runtime: Runtime, table: Table) -> int:
    """Rows the table should have, counted from the tables it was made of."""
    if table is ASSIGNMENTS:
        return _expected_assignments(runtime)
    expected: Mapping[Table, str] = {
        PAIRS: _TO_PAIR,
        SCORES: UNIQUE_PAIRS,
        SELECTION: "select pair_id from {scores}",
        DATASET: "select pair_id from {selection} where reason is null",
    }
    return _count(runtime, expected[table])


def _expected_assignments(runtime: Runtime) -> int:
    distill = runtime.settings.distill
    if not distill.models:
        return _count(runtime, UNIQUE_PROMPTS)
    asked = _count(runtime, _ASKED) * distill.samples_per_prompt
    return asked if distill.when == "always" else asked + _count(runtime, _TO_ASSIGN_OTHERS)


def _count(runtime: Runtime, rows: str) -> int:
    (found,) = runtime.query(with_parts(_COUNT, rows=rows), (CONTAMINATION, RESPONSES))
    return int(found["rows"])
