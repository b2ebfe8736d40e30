"""The manifest: what the exported files are, what they were made of, and what to check them against."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from jobs.calibration.stored import calibration_lines, calibrations_of
from jobs.config.settings import PackageConfig
from jobs.curation.benchmarks import searched_benchmarks
from jobs.curation.estimate import estimate_of
from jobs.curation.findings import findings_for_manifest
from jobs.ledger.usage import ModelLedger, read_call_ledger
from jobs.publish.content import Content
from jobs.publish.folder import KIND
from jobs.publish.source import Source
from jobs.sources.lockfile import origins
from jobs.surrogate.held_out import spared_lines
from jobs.workspace.fingerprint import settings_hash, versions
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.calls import ATTEMPTS, JUDGEMENTS, REQUESTS, RESPONSES
from schemas.tables import ALL

CALLS = (REQUESTS, ATTEMPTS, RESPONSES, JUDGEMENTS)


def build_manifest(runtime: Runtime, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a reader needs to check and to repeat the export.

    Args:
        runtime: the run.
        facts: file, sha256, rows and bytes of the JSONL.
    """
    settings, ledger, estimate = runtime.settings, read_call_ledger(runtime), estimate_of(runtime)
    return {
        "files": {facts["file"]: {name: facts[name] for name in ("sha256", "rows", "bytes")}},
        "created_at": runtime.started_at.isoformat(timespec="seconds"),
        "run_id": runtime.run_id,
        "scorer": {
            "kind": settings.score.kind,
            "name": settings.score.name,
            "calibrations": calibration_lines(calibrations_of(runtime)),
            "predictions": spared_lines(runtime),
            "findings": findings_for_manifest(runtime),
        },
        "read_by_people": None if estimate is None else str(estimate),
        "teachers": [teacher.name for teacher in settings.distill.teachers],
        "teacher_kinds": {teacher.name: teacher.kind for teacher in settings.distill.teachers},
        "targets": {
            "min_rows": settings.targets.min_rows,
            "min_mean_quality": settings.targets.min_mean_quality,
            "min_score": settings.select.min_score,
            "max_duplicate_share": settings.targets.max_duplicate_share,
            "jaccard": settings.deduplicate.threshold,
            "min_valid_share": settings.targets.min_valid_share,
            "min_teachers": settings.targets.min_teachers,
        },
        "counts": _counts(runtime),
        "downloads": origins(settings),
        "benchmarks": searched_benchmarks(runtime),
        "cost_usd": _plain(ledger.spent_usd()),
        "paid_calls": {"assumed_usd": _plain(ledger.assumed_usd()), "models": [_cost(one) for one in ledger.models]},
        "config_sha256": settings_hash(settings),
        "tables": {table.name: runtime.storage.version(table) for table in (*ALL, *(CALLS if ledger.models else ()))},
        "versions": versions(),
    }


def _cost(one: ModelLedger) -> dict[str, Any]:
    names = ("stage", "provider", "model", "calls", "answered", "prompt_tokens", "cached_tokens", "completion_tokens")
    return {**{name: getattr(one, name) for name in names}, "cost_usd": _plain(one.cost_usd)}


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _counts(runtime: Runtime) -> dict[str, dict[str, int]]:
    """Rows by category, source, origin, licence and language: column -> value -> rows, in the order of the values."""
    names = ("category", "source", "origin", "licence", "language")
    # There are few combinations, and one question for all is quick.
    rows = runtime.query(
        with_parts("select {names}, count(*) as rows from {dataset} group by {names}", names=", ".join(names))
    )
    counts: dict[str, dict[str, int]] = {}
    for name in names:
        total: Counter[str] = Counter()
        for row in sorted(rows, key=lambda row: row[name] or ""):
            total[row[name] or "not known"] += row["rows"]
        counts[name] = dict(total)
    return counts


_TAKEN_OVER = ("scorer", "teachers", "teacher_kinds", "targets", "cost_usd")


def build_package_manifest(
    config: PackageConfig,
    source: Source,
    content: Content,
    split: Mapping[str, Any],
    needs: Mapping[str, int],
    misfits: int,
) -> dict[str, Any]:
    """Everything a receiver needs to check the package and to find the run it was made of.

    Args:
        config: how it was to be packed.
        source: the export.
        content: what was written.
        split: facts of the split, empty where there is no validation.
        needs: reason why rows are not bare -> rows that the chat messages could have.
        misfits: rows whose turns do not alternate or are blank in part, so that no format has them.
    """
    exported = source.manifest
    return {
        "kind": KIND,
        "files": dict(sorted(content.files.items())),
        "splits": _splits(content),
        "split": dict(split),
        "counts": {name: dict(sorted(counted.items())) for name, counted in content.counts.items()},
        "needs_context": dict(sorted(needs.items())),
        "no_conversation": misfits,
        "options": config.model_dump(mode="json"),
        **{name: exported[name] for name in _TAKEN_OVER},
        "benchmarks": exported.get("benchmarks", []),  # of an older export it is not known, nor the next
        "read_by_people": exported.get("read_by_people"),
        "made_from": {
            "run_id": exported["run_id"],
            "created_at": exported["created_at"],
            "config_sha256": exported["config_sha256"],
            "manifest_sha256": source.sha256,
            "files": exported["files"],
            "downloads": exported["downloads"],
        },
        "fingerprint": source.fingerprint,
        "versions": versions(),
    }


def _splits(content: Content) -> dict[str, dict[str, int]]:
    """Configuration -> split -> rows."""
    splits: dict[str, dict[str, int]] = {}
    formats = {facts["format"] for facts in content.files.values() if "format" in facts}
    for facts in content.files.values():
        if facts.get("format") == min(formats):  # each format has all rows
            of_config = splits.setdefault(facts["config"], {})
            of_config[facts["split"]] = of_config.get(facts["split"], 0) + facts["rows"]
    return splits
