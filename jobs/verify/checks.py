"""From measures and thresholds to verdicts: PASS, FAIL, or NOT ASSESSED with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from jobs.verify.contamination import Contamination
from jobs.verify.lines import LineNames
from jobs.verify.measures import OTHERS, UNNAMED, Malformed, Measures
from jobs.verify.split import SplitMeasures
from jobs.verify.thresholds import FileFacts, Manifest, Thresholds

_LISTED = 5
_LISTED_FIELDS = 10


class CheckOutcome(str, Enum):
    """The outcome of one check."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    NOT_ASSESSED = "NOT ASSESSED"


class Quality(str, Enum):
    """What the scores of a file are worth, as far as is known."""

    JUDGED = "JUDGED"
    PREDICTED = "JUDGED IN PART, PREDICTED IN PART"
    SCREENED = "SCREENED, NOT JUDGED"
    UNKNOWN = "SCORES OF UNKNOWN ORIGIN"
    NONE = "NO SCORES"


@dataclass(frozen=True)
class Check:
    """One line of the checklist."""

    name: str
    verdict: CheckOutcome
    measured: str
    wanted: str


@dataclass(frozen=True)
class Verification:
    """The result: what was measured, what was wanted, and what follows."""

    path: Path
    thresholds: Thresholds
    measures: Measures
    quality: Quality
    scorer: str | None
    checks: list[Check]
    notes: list[str]
    calibrations: Sequence[str] = ()
    """How the scorer compares with people, as the manifest says."""
    predictions: Sequence[str] = ()
    """How many scores were predicted and what that is worth, as the manifest says."""
    findings: Mapping[str, int] = field(default_factory=dict)
    """What rules found -> rows, as the manifest says."""
    contamination: Contamination | None = None
    """Null where no benchmark was given: nothing was looked for."""
    place: LineNames = field(default_factory=LineNames)
    """What a line is called."""
    splits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of a package: configuration -> split -> rows."""
    split: SplitMeasures | None = None
    """Of a package with a validation split."""
    malformed_messages: list[Malformed] = field(default_factory=list)
    """Of a package with chat messages, the first of them."""

    @property
    def passed(self) -> bool:
        """No check failed."""
        return all(check.verdict is not CheckOutcome.FAIL for check in self.checks)

    @property
    def status(self) -> str:
        """One word for all checks."""
        return "PASSED" if self.passed else "FAILED"

    @property
    def readiness(self) -> str:
        """Whether to train on it, with the reservation there may be."""
        if not self.passed:
            return "NO"
        return f"YES ({self.reservation})" if self.reservation else "YES"

    @property
    def reservation(self) -> str | None:
        """What readiness does not say, in plain words; null where all was assessed."""
        if self.quality is Quality.SCREENED:
            return "format, duplicates and screen; quality not judged"
        if self.quality is Quality.PREDICTED:
            return "part of the scores are predicted from a judge's"
        if self.quality is Quality.UNKNOWN:
            return "format and duplicates; scores of unknown origin"
        if self.quality is Quality.NONE:
            return "format and duplicates; no quality scores"
        open_checks = [check.name.lower() for check in self.checks if check.verdict is CheckOutcome.NOT_ASSESSED]
        return f"not assessed: {', '.join(open_checks)}" if open_checks else None


def quality_of(measures: Measures, manifest: Manifest | None) -> Quality:
    """Rules screen, a model judges; without a word of the manifest nobody knows."""
    if not measures.scores.rows:
        return Quality.NONE
    kinds = {"heuristic": Quality.SCREENED, "judge": Quality.JUDGED, "distilled": Quality.PREDICTED}
    return kinds.get(manifest.scorer.kind or "", Quality.UNKNOWN) if manifest else Quality.UNKNOWN


def measured_checks(
    measures: Measures, wanted: Thresholds, manifest: Manifest | None, place: LineNames, given: Mapping[str, object]
) -> list[Check]:
    """What is checked of rows, wherever they are; `given` are the thresholds that the user set."""
    quality = quality_of(measures, manifest)
    return [
        check_rows(measures, wanted),
        check_format(measures, wanted),
        check_scores(measures, wanted, place),
        check_mean_quality(measures, wanted, quality),
        check_duplicates(measures, wanted),
        check_teachers(measures, wanted, quality, manifest, asked_for="min_teachers" in given),
    ]


def check_rows(measures: Measures, wanted: Thresholds) -> Check:
    """Enough valid rows; an empty file never passes."""
    least = max(1, wanted.min_rows or 0)
    return _check("Rows", measures.rows >= least, f"{measures.rows:,}", f">= {least:,}")


def check_format(measures: Measures, wanted: Thresholds) -> Check:
    """Enough of the lines are valid rows."""
    share = measures.rows / measures.lines if measures.lines else 0.0
    measured = f"{_percent(share)} ({measures.rows:,} of {measures.lines:,} lines)"
    if wanted.min_valid_share is None:
        return _not_assessed("Valid format", measured)
    least = wanted.min_valid_share
    return _check("Valid format", measures.lines > 0 and share >= least, measured, f">= {_percent(least)}")


def check_scores(measures: Measures, wanted: Thresholds, place: LineNames) -> Check:
    """Every score is above the least one."""
    scores = measures.scores
    if scores.not_above is None:
        return _not_assessed("Every score", f"{scores.rows:,} scores")
    above = f"> {wanted.min_score:g}"
    if scores.not_above:
        lines = place.of_all(scores.not_above_lines) + (", ..." if scores.not_above > 10 else "")
        return Check("Every score", CheckOutcome.FAIL, f"{scores.not_above:,} not above ({lines})", above)
    if scores.rows < measures.rows or not scores.rows:
        return Check(
            "Every score", CheckOutcome.NOT_ASSESSED, f"{measures.rows - scores.rows:,} rows without a score", above
        )
    return Check("Every score", CheckOutcome.PASS, f"{scores.rows:,} above", above)


def check_mean_quality(measures: Measures, wanted: Thresholds, quality: Quality) -> Check:
    """The mean score is high enough, where the scores are a judgement or may be one."""
    mean = measures.scores.mean
    measured = "no scores" if mean is None else f"{mean:.6g}"
    least = "no target" if wanted.min_mean_quality is None else f">= {wanted.min_mean_quality:.6g}"
    if quality is Quality.SCREENED:
        return Check("Mean quality", CheckOutcome.NOT_ASSESSED, "by rules, which judge nothing", least)
    if wanted.min_mean_quality is None:
        return _not_assessed("Mean quality", measured)
    if mean is None or measures.scores.rows < measures.rows:
        without = measures.rows - measures.scores.rows
        return Check("Mean quality", CheckOutcome.NOT_ASSESSED, f"{measured}; {without:,} rows without a score", least)
    return _check("Mean quality", mean >= wanted.min_mean_quality, measured, least)


def check_duplicates(measures: Measures, wanted: Thresholds) -> Check:
    """Fewer rows than allowed resemble an earlier one; where none is allowed there must be none."""
    found = measures.duplicates
    measured = f"{_percent(found.share)} ({found.exact:,} exact, {found.near:,} near)"
    if wanted.max_duplicate_share is None:
        return _not_assessed("Duplicates", measured)
    most = wanted.max_duplicate_share
    passed = found.share < most or found.share == 0
    return _check("Duplicates", passed, measured, f"< {_percent(most)}" if most else "none")


_NO_MODEL = {True: "no row is a model's", False: "no model; the sources' own responses"}
"""Where no model wrote a row, by whether any was to."""


def check_teachers(
    measures: Measures, wanted: Thresholds, quality: Quality, manifest: Manifest | None, *, asked_for: bool
) -> Check:
    """Enough different models wrote the answers.

    Args:
        measures: what was measured.
        wanted: the thresholds.
        quality: what the scores are worth; a file that was only screened makes no claim about teachers.
        manifest: says which sources are models, where there is one.
        asked_for: the user set the threshold, so that without a manifest each source counts as a teacher.
    """
    sources = [name for name in measures.sources if name not in (UNNAMED, OTHERS)]
    models = manifest.model_teachers() if manifest else None
    if models is None:
        measured, count = f"{len(sources)} different sources", len(sources)
    else:
        wrote = [name for name in models if name in measures.sources]
        measured, count = f"{len(wrote)} ({', '.join(wrote)})" if wrote else _NO_MODEL[bool(models)], len(wrote)
    if wanted.min_teachers is None:
        return _not_assessed("Teachers", measured)
    least = f">= {wanted.min_teachers}"
    if quality is Quality.SCREENED:
        return Check("Teachers", CheckOutcome.NOT_ASSESSED, f"{measured}; answers of public data sets, screened", least)
    if models is None and not asked_for:
        return Check("Teachers", CheckOutcome.NOT_ASSESSED, f"{measured}; no manifest says which are models", least)
    return _check("Teachers", count >= wanted.min_teachers, measured, least)


def check_benchmarks(found: Contamination | None) -> list[Check]:
    """No row holds an item of the benchmarks that were given; no check where none was."""
    if found is None:
        return []
    named = ", ".join(f"{name} {rows:,}" for name, rows in found.by_benchmark.items())
    noted = f"; {found.noted:,} more with forms of words only" if found.noted else ""
    return [_check("Benchmarks", not found.rows, f"{found.rows:,} rows hold an item ({named}){noted}", "none")]


def check_manifest(measures: Measures, facts: FileFacts, sha256: str, size: int, missing: Sequence[str]) -> Check:
    """The file is the one that the manifest speaks of, and the others it speaks of are there.

    Args:
        measures: what was measured.
        facts: what the manifest says of the file.
        sha256: of the file as it lies on disk.
        size: of the file, in bytes.
        missing: files that the manifest names and that are not there.
    """
    faults = [f"{name} is missing" for name in missing[:_LISTED]]
    if len(missing) > _LISTED:
        faults.append(f"{len(missing) - _LISTED:,} more files are missing")
    if facts.rows is not None and facts.rows != measures.lines:
        faults.append(f"{measures.lines:,} lines, not {facts.rows:,}")
    if facts.bytes is not None and facts.bytes != size:
        faults.append(f"{size:,} bytes, not {facts.bytes:,}")
    if facts.sha256 is not None and facts.sha256.lower() != sha256:
        faults.append(f"sha256 is {sha256}, not {facts.sha256}")
    said = {"sha256": facts.sha256, "rows": facts.rows, "bytes": facts.bytes}
    agreeing = [name for name, value in said.items() if value is not None]
    if not faults and facts.sha256 is None:
        measured = f"{_and(agreeing)} agree, but no sha256 is said" if agreeing else "it says nothing of this file"
        return Check("Manifest", CheckOutcome.NOT_ASSESSED, measured, "the same file")
    return _check("Manifest", not faults, "; ".join(faults) or f"{_and(agreeing)} agree", "the same file")


def check_files(names: Sequence[str], faults: Sequence[str]) -> Check:
    """The files of a package are those that its manifest speaks of."""
    more = f"; and {len(faults) - _LISTED:,} more" if len(faults) > _LISTED else ""
    measured = "; ".join(faults[:_LISTED]) + more or f"{len(names)} files, sha256, bytes and rows agree"
    return _check("Files", not faults, measured, "the same files")


def check_messages(rows: int, malformed: int) -> Check:
    """Every row of chat messages is a conversation."""
    return _check("Messages", not malformed, f"{rows - malformed:,} of {rows:,} rows are conversations", "all")


def check_split(found: SplitMeasures, configs: Sequence[str]) -> Check:
    """No row of validation is known from train, as whichever configuration."""
    rows = "validation rows" + (f" ({' and '.join(configs)})" if len(configs) > 1 else "")
    measured = f"{found.resembling:,} of {found.validation_rows:,} {rows} resemble one of train"
    if found.continued:
        measured += f", {found.continued:,} open like a conversation of train"
    wanted = f"none, by prompt or pair, at Jaccard >= {found.jaccard:g}"
    return _check("Split", not found.resembling and not found.continued, measured, wanted)


def field_notes(measures: Measures) -> list[str]:
    """Fields that no format knows, as notes."""
    fields = list(measures.unknown_fields.items())
    notes = [f"unknown field {name} in {count:,} rows" for name, count in fields[:_LISTED_FIELDS]]
    if len(fields) > _LISTED_FIELDS:
        notes.append(f"{len(fields) - _LISTED_FIELDS:,} more unknown fields")
    return notes


def _check(name: str, passed: bool, measured: str, wanted: str) -> Check:
    return Check(name, CheckOutcome.PASS if passed else CheckOutcome.FAIL, measured, wanted)


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _not_assessed(name: str, measured: str) -> Check:
    return Check(name, CheckOutcome.NOT_ASSESSED, measured, "no target")


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"
