"""Verify a JSONL of instructions and responses, whoever made it: no Spark, no table of the pipeline.

The file is read once, line by line; its near-duplicates are found by an exact join and not by the pipeline's own
hashing, so that both cannot be blind in the same place.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from jobs.verify import checks
from jobs.verify.checks import Check, CheckOutcome, Verification
from jobs.verify.contamination import Searching
from jobs.verify.lines import LineNames, MalformedLineError, parse_line, read_lines
from jobs.verify.measures import Measures, Measuring
from jobs.verify.package import verify_package
from jobs.verify.report import print_report, report_json, report_text
from jobs.verify.shards import MANIFEST
from jobs.verify.thresholds import (
    Manifest,
    ManifestError,
    Thresholds,
    read_manifest,
    resolve_thresholds,
    sha256_of,
)
from schemas.errors import Phase0Error
from udfs.printable import spelled_out

_STEP_LINES = 50_000


def verify_file(
    path: Path,
    given: Mapping[str, float | None] | None = None,
    step: Callable[[str], None] | None = None,
    benchmarks: Sequence[Path] = (),
) -> Verification:
    """Check a file against its manifest's targets and the given thresholds.

    Args:
        path: `.jsonl` or `.jsonl.gz`; a `manifest.json` beside it is read.
        given: fields of `Thresholds` that override the manifest's targets; null where nothing is wanted.
        step: told now and then what is being done.
        benchmarks: files whose items no row may hold; none: nothing is looked for.

    Raises:
        ConfigError: the file cannot be read, or a threshold is out of range.
    """
    given = given or {}
    manifest, fault = None, None
    try:
        manifest = read_manifest(path)
    except ManifestError as error:
        fault = str(error)
    wanted = resolve_thresholds(manifest, given)
    searching = Searching(benchmarks) if benchmarks else None
    measures = _measure(path, wanted, step or (lambda text: None), searching)
    contamination = searching.summed_up() if searching else None
    origin = _check_origin(path, measures, manifest, fault)
    return Verification(
        path=path,
        thresholds=wanted,
        measures=measures,
        quality=checks.quality_of(measures, manifest),
        scorer=manifest.scorer.name if manifest else None,
        calibrations=manifest.scorer.calibrations if manifest else (),
        predictions=manifest.scorer.predictions if manifest else (),
        findings=manifest.scorer.rows_by_finding if manifest else {},
        checks=[
            *origin,
            *checks.measured_checks(measures, wanted, manifest, LineNames(), given),
            *checks.check_benchmarks(contamination),
        ],
        contamination=contamination,
        notes=_notes(measures, has_manifest=bool(manifest or fault)),
    )


def _measure(path: Path, wanted: Thresholds, step: Callable[[str], None], searching: Searching | None) -> Measures:
    measuring = Measuring(wanted.min_score)
    for line in read_lines(path):
        try:
            row = parse_line(line)
            measuring.add(row)
            if searching:
                searching.add(measuring.lines, row.source or "", row.instruction, row.response)
        except MalformedLineError as error:
            measuring.add_malformed(str(error))
        if measuring.lines % _STEP_LINES == 0:
            step(f"read {measuring.lines:,} lines")
    step("looking for near-duplicates")
    return measuring.summed_up(wanted.jaccard)


def _check_origin(path: Path, measures: Measures, manifest: Manifest | None, fault: str | None) -> list[Check]:
    if fault:
        return [Check("Manifest", CheckOutcome.FAIL, fault, "the manifest of this file, whole, or none")]
    if manifest is None:
        return []
    facts = manifest.files[path.name]
    missing = [name for name in manifest.files if not os.path.isfile(path.parent / name)]
    return [checks.check_manifest(measures, facts, sha256_of(path), path.stat().st_size, missing)]


def _notes(measures: Measures, *, has_manifest: bool) -> list[str]:
    unsaid = [] if has_manifest else ["no manifest.json beside the file: nothing says where scores come from"]
    return unsaid + checks.field_notes(measures)


def main_verify(
    path: Path, given: Mapping[str, float | None], json: bool = False, benchmarks: Sequence[Path] = ()
) -> int:
    """Verify and print.

    Args:
        path: the file, the folder of a package or its manifest.
        given: as for `verify_file`.
        json: print JSON and not the checklist.
        benchmarks: as for `verify_file`.

    Returns:
        The exit code: 0 passed, 1 failed, 2 the file or a threshold cannot be used, with the reason on stderr.
    """
    errors = Console(stderr=True)
    folder = path.parent if path.name == MANIFEST else path
    verify = verify_package if folder.is_dir() else verify_file
    try:
        with errors.status("reading") if errors.is_terminal else nullcontext() as status:
            verification = verify(folder, given, status.update if status else None, benchmarks)
    except Phase0Error as error:
        print_report(f"phase0 verify: {spelled_out(str(error), 1_000)}", errors)
        return error.exit_code
    print_report(report_json(verification) if json else report_text(verification), Console(file=sys.stdout))
    return 0 if verification.passed else 1
