"""A verification as text for people and as JSON for programs.

What is printed comes from files of strangers: control characters are shown as escapes, and nothing is markup.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from jobs.verify.checks import Quality, Verification
from jobs.verify.measures import BANDS, CLEAN_BAND, Malformed, Measures
from udfs.printable import spelled_out
from udfs.scoring.calibration import NOT_CALIBRATED

_LISTED_NAMES = 20
_NAME_CHARS = 60
_LABEL_CHARS = 16


def report_text(verification: Verification) -> str:
    """The report; its last two lines are the status and the readiness."""
    return "\n".join(_lines(verification))


def _lines(verification: Verification) -> Iterator[str]:
    measures = verification.measures
    yield f"Verification of {spelled_out(str(verification.path), 1_000)}"
    yield ""
    yield _row("Lines", f"{measures.lines:,}")
    yield _row("Valid rows", f"{measures.rows:,}")
    yield _row("Malformed lines", f"{measures.malformed:,}")
    yield from _malformed(verification, measures.malformed_first)
    if measures.malformed > len(measures.malformed_first):
        yield f"  and {measures.malformed - len(measures.malformed_first):,} more"
    yield from _splits(verification)
    yield from _quality(verification)
    yield from _duplicates(verification, measures, verification.thresholds.jaccard)
    yield from _contamination(verification)
    yield ""
    yield "Lengths in tokens, min / mean / max (a token is a word, number or deciding symbol; a CJK character is one)"
    yield from (_row(f"  {name}", f"{n.min:,} / {n.mean:,.1f} / {n.max:,}") for name, n in measures.lengths.items())
    yield from _names("Categories", measures.categories, measures.rows)
    yield from _names("Sources", measures.sources, measures.rows)
    if verification.notes:
        yield ""
        yield "Notes"
        yield from (f"  {spelled_out(note, 500)}" for note in verification.notes)
    yield ""
    yield "Checklist"
    for check in verification.checks:
        measured, wanted = spelled_out(check.measured, 500), spelled_out(check.wanted, 100)
        yield f"  {check.verdict.value:<13} {check.name:<{_LABEL_CHARS}} {measured}; wanted: {wanted}"
    yield ""
    yield f"Validation Status: {verification.status}"
    yield f"Dataset Ready for Training: {verification.readiness}"


def _malformed(verification: Verification, faults: Sequence[Malformed]) -> Iterator[str]:
    yield from (f"  {verification.place(fault.line)}: {spelled_out(fault.reason, 500)}" for fault in faults)


def _splits(verification: Verification) -> Iterator[str]:
    if verification.splits:
        yield ""
        yield "Splits"
        for config, splits in verification.splits.items():
            yield _row(f"  {config}", ", ".join(f"{name} {rows:,}" for name, rows in splits.items()))
    yield from _malformed(verification, verification.malformed_messages)
    if verification.split is None:
        return
    place = verification.place
    for pair in verification.split.first:
        yield f"  {place(pair.line)} ~ {place(pair.twin_line)}: {pair.jaccard:.4f} by {pair.text}"


def _quality(verification: Verification) -> Iterator[str]:
    scores, quality = verification.measures.scores, verification.quality
    yield ""
    yield f"Quality: {quality.value}"
    if verification.scorer:
        yield _row("  scored by", spelled_out(verification.scorer, _NAME_CHARS))
    if quality is Quality.NONE:
        return
    if quality is Quality.SCREENED:  # rules say whether they found something; a mean of that would rank nothing
        clean = scores.bands[CLEAN_BAND]
        yield _row("  nothing found", _share(clean, scores.rows))
        yield _row("  with remarks", _share(scores.rows - clean, scores.rows))
        yield from _findings(verification.findings)
        yield from (_row("  calibrated", spelled_out(line, 500)) for line in verification.calibrations)
        return
    yield _row("  mean score", f"{scores.mean:.6g} of {scores.rows:,} rows")
    for line in verification.predictions:
        yield _row("  predicted", spelled_out(line, 500))
    for line in verification.calibrations or (NOT_CALIBRATED,):
        yield _row("  calibrated", spelled_out(line, 500))
    for place, (name, _) in enumerate(BANDS):
        upper = "" if name.startswith("below") else " (including 10)" if place == 0 else f" (below {name[-1]})"
        yield _row(f"  {name}", _share(scores.bands[name], scores.rows) + upper)


def _findings(findings: Mapping[str, int]) -> Iterator[str]:
    """Each finding with its rows, as the run that made the file counted them."""
    if findings:
        yield "  the gravest finding of each row, as the manifest says"
    rows = sum(findings.values())
    listed = [(finding, count) for finding, count in findings.items() if count]
    yield from (f"    {spelled_out(finding, 200)} {_share(count, rows)}" for finding, count in listed[:_LISTED_NAMES])
    if len(listed) > _LISTED_NAMES:
        yield f"    and {len(listed) - _LISTED_NAMES:,} more"


def _duplicates(verification: Verification, measures: Measures, jaccard: float) -> Iterator[str]:
    found, place = measures.duplicates, verification.place
    yield ""
    yield f"Duplicates of an earlier, kept row (Jaccard >= {jaccard:g} over triples of words)"
    yield _row("  exact", _share(found.exact, measures.rows))
    yield _row("  near", _share(found.near, measures.rows))
    for pair in found.first:
        yield f"  {place(pair.line)} ~ {place(pair.twin_line)}: {'exact' if pair.exact else f'{pair.jaccard:.4f}'}"
    if found.exact + found.near > len(found.first):
        yield f"  and {found.exact + found.near - len(found.first):,} more"


def _contamination(verification: Verification) -> Iterator[str]:
    found, place = verification.contamination, verification.place
    if found is None:
        return
    yield ""
    yield "Rows that hold an item of a benchmark"
    for name, items in found.benchmarks.items():
        yield _row(f"  {spelled_out(name, _NAME_CHARS)}", f"{found.by_benchmark[name]:,} rows, of {items:,} items")
    for one in found.first:
        item = spelled_out(f"{one.benchmark} item {one.item}", 2 * _NAME_CHARS)
        size = f"{one.tokens:,} of {one.item_tokens:,} tokens"
        yield f"  {place(one.line)}: the {one.side} holds {size} of {item}, {one.field}"
        yield f"    benchmark: {spelled_out(one.item_text, 300)}"
        yield f"    this row:  {spelled_out(one.span, 300)}"


def _names(title: str, counts: Mapping[str, int], rows: int) -> Iterator[str]:
    yield ""
    yield title
    for name, count in list(counts.items())[:_LISTED_NAMES]:
        yield _row(f"  {spelled_out(name, _NAME_CHARS)}", _share(count, rows))
    if len(counts) > _LISTED_NAMES:
        yield f"  and {len(counts) - _LISTED_NAMES:,} more"


def _row(label: str, value: str) -> str:
    return f"{label:<{_LABEL_CHARS + 2}} {value}"


def _share(count: int, rows: int) -> str:
    return f"{count:,} ({count / rows * 100 if rows else 0:.2f} %)"


def report_json(verification: Verification) -> str:
    """The same as one JSON object, in ASCII."""
    content = {
        "file": str(verification.path),
        "status": verification.status,
        "ready_for_training": verification.passed,
        "reservation": verification.reservation,
        "quality": verification.quality.value,
        "scorer": verification.scorer,
        "calibrations": list(verification.calibrations),
        "predictions": list(verification.predictions),
        "findings": dict(verification.findings),
        "checks": [asdict(check) for check in verification.checks],
        "thresholds": verification.thresholds.model_dump(),
        "measures": asdict(verification.measures),
        "notes": verification.notes,
        **({"contamination": asdict(verification.contamination)} if verification.contamination else {}),
        **_package_json(verification),
    }
    # DEL is the one control character that JSON leaves as it is.
    return json.dumps(content, indent=2).replace("\x7f", "\\u007f")


def _package_json(verification: Verification) -> dict[str, object]:
    if not verification.splits:
        return {}
    return {
        "splits": verification.splits,
        "split": asdict(verification.split) if verification.split else None,
        "malformed_messages": [asdict(fault) for fault in verification.malformed_messages],
        "files": verification.place.files(),
    }


def print_report(text: str, console: Console) -> None:
    """Print, with colours where it is a terminal, whatever characters its encoding lacks."""
    safe = text.encode(console.encoding, "backslashreplace").decode(console.encoding)
    coloured = Text(safe)
    coloured.highlight_regex(r"(?m)^  PASS\b|PASSED$|: YES", "green")
    coloured.highlight_regex(r"(?m)^  FAIL\b|FAILED$|: NO$", "bold red")
    coloured.highlight_regex(r"(?m)^  NOT ASSESSED", "yellow")
    console.print(coloured, soft_wrap=True)
