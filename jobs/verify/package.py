"""Verify a package: every file, every row of every format, and that validation is not in train.

The bare rows are held against the same thresholds as a single JSONL. Nothing of the pipeline is used: what a row, a
conversation and a shingle are is said here and in the modules beside.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jobs.verify import checks
from jobs.verify.checks import Check, Verification
from jobs.verify.contamination import Searching
from jobs.verify.lines import MalformedLineError, row_of
from jobs.verify.measures import LISTED_MALFORMED, Malformed, Measuring
from jobs.verify.messages import read_conversation
from jobs.verify.shards import PackageRows, file_faults, read_package
from jobs.verify.split import SplitTexts
from jobs.verify.thresholds import resolve_thresholds

Splits = Mapping[str, Mapping[str, int]]
"""Configuration -> split -> rows."""


def verify_package(
    folder: Path,
    given: Mapping[str, float | None] | None = None,
    step: Callable[[str], None] | None = None,
    benchmarks: Sequence[Path] = (),
) -> Verification:
    """Check a package against its manifest, its targets and the given thresholds.

    Args:
        folder: of the package.
        given: as for `jobs.verify.file.verify_file`; for the bare rows of all splits together.
        step: told now and then what is being done.
        benchmarks: as for `jobs.verify.file.verify_file`; the bare rows are searched.

    Raises:
        ConfigError: the folder is no package, a file cannot be read, or a threshold is out of range.
        DataRefusedError: it was a package, and its manifest is damaged.
    """
    given, step = given or {}, step or (lambda text: None)
    manifest = read_package(folder)
    wanted = resolve_thresholds(manifest, given)
    step("comparing files")
    faults = list(file_faults(folder, manifest))
    rows = PackageRows(folder, manifest, step)
    measuring = Measuring(wanted.min_score)
    texts = SplitTexts(measuring.sets)
    searching = Searching(benchmarks) if benchmarks else None
    _read_bare(rows, measuring, texts, searching)
    contamination = searching.summed_up() if searching else None
    step("looking for near-duplicates")
    measures = measuring.summed_up(wanted.jaccard)
    malformed = _read_messages(rows, texts)
    faults += rows.faults + _split_faults(manifest.splits, rows.counts)
    sides = {split for splits in rows.counts.values() for split in splits}
    if len(sides) > 1:
        step("comparing validation with train")
    split = texts.compare(manifest.split.jaccard or wanted.jaccard) if len(sides) > 1 else None
    results: list[Check] = [checks.check_files(list(manifest.files), faults)]
    results += checks.measured_checks(measures, wanted, manifest, rows.place, given)
    results += checks.check_benchmarks(contamination)
    if "messages" in rows.counts:
        results.append(checks.check_messages(sum(rows.counts["messages"].values()), malformed.count))
    if split:
        results.append(checks.check_split(split, list(rows.counts)))
    return Verification(
        path=folder,
        thresholds=wanted,
        measures=measures,
        quality=checks.quality_of(measures, manifest),
        scorer=manifest.scorer.name,
        calibrations=manifest.scorer.calibrations,
        predictions=manifest.scorer.predictions,
        findings=manifest.scorer.rows_by_finding,
        checks=results,
        notes=checks.field_notes(measures),
        place=rows.place,
        contamination=contamination,
        splits=rows.counts,
        split=split,
        malformed_messages=malformed.first,
    )


def _split_faults(said: Splits | None, found: Splits) -> list[str]:
    """Splits that have other rows than the manifest says; an older one does not say."""
    if said is None:
        return []
    wanted, there = _flat(said), _flat(found)
    return [
        f"{name} has {there.get(name, 0):,} rows, not {wanted.get(name, 0):,}"
        for name in sorted({*wanted, *there})
        if wanted.get(name) != there.get(name)
    ]


def _flat(splits: Splits) -> dict[str, int]:
    return {f"{config} {split}": rows for config, of_config in splits.items() for split, rows in of_config.items()}


class _MalformedRows:
    """Rows that are no conversation, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[Malformed] = []

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        if self.count <= LISTED_MALFORMED:
            self.first.append(Malformed(line, reason))


def _read_bare(rows: PackageRows, measuring: Measuring, texts: SplitTexts, searching: Searching | None) -> None:
    for line, split, record in rows.read("default"):
        try:
            row = row_of(_sound(record))
        except MalformedLineError as error:
            measuring.add_malformed(str(error))
        else:
            measuring.add(row)
            texts.add(line, split, row.instruction, row.instruction, None)
            if searching:
                searching.add(line, row.source or "", row.instruction, row.response)


def _read_messages(rows: PackageRows, texts: SplitTexts) -> _MalformedRows:
    malformed = _MalformedRows()
    for line, split, record in rows.read("messages"):
        try:
            chat = read_conversation(_sound(record))
        except MalformedLineError as error:
            malformed.add(line, str(error))
        else:
            texts.add(line, split, chat.opening, chat.prompt, chat.pair)
    return malformed


def _sound(record: dict[str, object] | MalformedLineError) -> dict[str, object]:
    if isinstance(record, MalformedLineError):
        raise record
    return record
