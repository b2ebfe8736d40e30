"""Collect the figures of the status report from the tables, the run log and the verification."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

from jobs.calibration.stored import calibration_lines, calibrations_of
from jobs.config.settings import Settings
from jobs.curation.eligibility import OPEN_PROMPTS
from jobs.curation.estimate import estimate_of
from jobs.curation.fates import Funnel
from jobs.curation.findings import count_findings
from jobs.deduplication.figures import count_source_duplication, largest_groups, sample_twins
from jobs.ledger.usage import read_call_ledger
from jobs.reports.project_status import (
    GROUPS_SHOWN,
    MAX_TWINS_SHOWN,
    CategoryRow,
    Criterion,
    DeduplicationFigures,
    LengthRow,
    NearDuplicateLoss,
    OutputFile,
    ProjectStatus,
    StageRow,
)
from jobs.reports.teacher_costs import find_teacher_costs
from jobs.run.run_log import latest_runs
from jobs.surrogate.held_out import spared_lines
from jobs.validation.data_docs import FOLDER
from jobs.validation.validate import docs_root, last_checks
from jobs.verify.checks import Verification
from jobs.verify.thresholds import sha256_of
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.records import CATEGORIES, PROVENANCE_FILE

TOKEN = "a token is a word, a number, or one Chinese or Japanese character, as in the search for duplicates"  # noqa: S105


def collect_status(runtime: Runtime, funnel: Funnel, verification: Verification) -> ProjectStatus:
    """Gather what the report says of this run."""
    settings, measures = runtime.settings, verification.measures
    runs = latest_runs(runtime)
    # Of the run that exported the file: a later one may have had nothing to do.
    output = files.join(settings.workspace, "output")
    manifest = json.loads(files.read_text(files.join(output, "manifest.json")) or "{}")
    ledger = read_call_ledger(runtime)
    spent, budget = ledger.spent_usd(), settings.budget.run_usd
    if budget is None and settings.targets.max_cost_usd is not None:
        budget = Decimal(str(settings.targets.max_cost_usd))
    return ProjectStatus(
        title=settings.export.title,
        run_id=manifest["run_id"],
        created_at=datetime.fromisoformat(manifest["created_at"]),
        settings=_excerpt(settings),
        rows=measures.rows,
        scorer=settings.score.name,
        scorer_kind=settings.score.kind,
        mean_quality=measures.scores.mean,
        read_by_people=None if (people := estimate_of(runtime)) is None else str(people),
        calibrations=tuple(calibration_lines(calibrations_of(runtime))),
        predictions=tuple(spared_lines(runtime)),
        criteria=(
            *_criteria(verification),
            _cost_criterion(settings, spent),
            *_composition(settings, measures.categories),
        ),
        categories=tuple(
            CategoryRow(name, measures.categories.get(name, 0), _wanted_share(settings, name)) for name in CATEGORIES
        ),
        sources=measures.sources,
        findings=count_findings(runtime),
        quality_bands=measures.scores.bands,
        dimension_means=_dimension_means(files.join(output, PROVENANCE_FILE)),
        deduplication=_deduplication(runtime),
        benchmarks=tuple(manifest.get("benchmarks", ())),
        lengths=tuple(
            LengthRow(name, of.min, of.mean, of.max, of.median, of.histogram) for name, of in measures.lengths.items()
        ),
        token_definition=TOKEN,
        spent_usd=spent,
        budget_usd=budget,
        assumed_usd=ledger.assumed_usd(),
        teachers=find_teacher_costs(runtime) if ledger.models else (),
        funnel=funnel,
        stages=tuple(
            StageRow(r["stage"], r["status"], r["rows_in"], r["rows_out"], r["seconds"], r["cost_usd"]) for r in runs
        ),
        files=_files(settings),
        tables=last_checks(runtime),
        data_docs=f"../{FOLDER}/" if docs_root(settings.workspace) == Path(settings.workspace) else None,
        warnings=tuple(row["message"] for row in runs if row["message"]),
    )


def _excerpt(settings: Settings) -> dict[str, str]:
    return {
        "sources": ", ".join(source.name for source in settings.sources),
        "teachers": ", ".join(teacher.name for teacher in settings.distill.teachers),
        "scorer": settings.score.name,
        "kept above": f"{settings.select.min_score:g}",
        "wanted rows": "all that qualify" if settings.select.rows is None else f"{settings.select.rows:,}",
        "near-duplicates at": f"Jaccard {settings.deduplicate.threshold:g}",
    }


def _criteria(verification: Verification) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(check.name, check.measured, check.wanted, check.verdict.value) for check in verification.checks
    )


def _cost_criterion(settings: Settings, spent: Decimal) -> Criterion:
    cap = settings.targets.max_cost_usd
    if cap is None:
        return Criterion("Cost", f"${spent:.2f}", "no target", "NOT ASSESSED")
    return Criterion("Cost", f"${spent:.2f}", f"at most ${cap:.2f}", "PASS" if spent <= Decimal(str(cap)) else "FAIL")


def _composition(settings: Settings, categories: Mapping[str, int]) -> tuple[Criterion, ...]:
    """Whether each category has its share, within five points; only where a composition is asked for."""
    if settings.select.rows is None:
        return ()
    total = sum(categories.values()) or 1
    criteria = []
    for name, share in settings.select.composition.items():
        measured = categories.get(name, 0) / total
        outcome = "PASS" if abs(measured - share) <= 0.05 else "FAIL"
        criteria.append(Criterion(f"Share of {name}", f"{measured:.1%}", f"{share:.0%} ± 5 points", outcome))  # type: ignore[arg-type]
    return tuple(criteria)


def _wanted_share(settings: Settings, category: str) -> float | None:
    shares: Mapping[str, float] = {str(name): share for name, share in settings.select.composition.items()}
    return shares.get(category) if settings.select.rows is not None else None


def _dimension_means(provenance: str) -> dict[str, float]:
    """Means over the exported rows, from the file that names the scores of each line."""
    total: Counter[str] = Counter()
    rows = 0
    with files.open_for_reading(provenance) as handle:
        for batch in pq.ParquetFile(handle).iter_batches(columns=["dimensions"]):
            scored = [json.loads(dimensions) for dimensions in batch.column("dimensions").to_pylist() if dimensions]
            rows += len(scored)
            for dimensions in scored:
                total.update(dimensions)
    return {name: total[name] / rows for name in sorted(total)}


_REMOVED = """
select pass, count(*) as rows, count(case when numbers_only then 1 end) as numbers_only
from {duplicates} group by pass
"""


def _deduplication(runtime: Runtime) -> DeduplicationFigures:
    config = runtime.settings.deduplicate
    removed = {row["pass"]: row for row in runtime.query(_REMOVED)}
    losses = count_source_duplication(runtime, OPEN_PROMPTS)
    twins = sample_twins(runtime, {loss.source for loss in losses if loss.is_heavy}, MAX_TWINS_SHOWN)
    return DeduplicationFigures(
        threshold=config.threshold,
        expected_recall=config.expected_recall(config.threshold),
        prompts_removed=removed["prompt"]["rows"] if "prompt" in removed else 0,
        pairs_removed=removed["pair"]["rows"] if "pair" in removed else 0,
        numbers_only=sum(row["numbers_only"] for row in removed.values()),
        losses=tuple(
            NearDuplicateLoss(loss.source, loss.distinct, loss.near, loss.copies, tuple(twins.get(loss.source, ())))
            for loss in losses
        ),
        groups=largest_groups(runtime, GROUPS_SHOWN, MAX_TWINS_SHOWN),
    )


def _files(settings: Settings) -> tuple[OutputFile, ...]:
    output = files.join(settings.workspace, "output")
    names = (settings.export.file, PROVENANCE_FILE, "manifest.json", "README.md")
    paths = {name: files.join(output, name) for name in names}
    return tuple(OutputFile(name, os.path.getsize(path), sha256_of(Path(path))) for name, path in paths.items())
