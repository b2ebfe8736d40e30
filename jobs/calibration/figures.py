"""From labels and scores to rows of the table `calibrations`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jobs.calibration.labels import Choice, Grade, Labels
from udfs.scoring.calibration import confusion, consistency, means, pair_accuracy, spearman, wilson
from udfs.shingles import words

SELF_CONSISTENCY = "self-consistency"
"""In the place of a file of labels, where a scorer is compared with itself."""

Row = dict[str, Any]


class Text(NamedTuple):
    """What is scored."""

    instruction: str
    response: str
    system: str | None = None


Scores = Mapping[Text, int]
"""Text -> tenths; a text that got no valid score is not in it."""


def texts_of(labels: Labels) -> list[Text]:
    """Every text of a file that must be scored, once, in the order of the file."""
    found = [text for choice in labels.choices for text in _sides(choice)]
    found += [Text(one.instruction, one.response, one.system) for one in labels.grades]
    return list(dict.fromkeys(found))


def compare_with_labels(labels: Labels, scores: Scores, threshold_tenths: int) -> list[Row]:
    """Compare scores with labels.

    Args:
        labels: of one file.
        scores: of its texts.
        threshold_tenths: `select.min_score`; above it is kept.

    Returns:
        A row for its choices and one for its grades, as far as there are any: columns of `CALIBRATIONS` but for those
        that name the scorer and the time.
    """
    rows = []
    if labels.choices:
        rows.append(_of_choices(labels, scores, threshold_tenths))
    if labels.grades:
        rows.append(_of_grades(labels, scores, threshold_tenths))
    named = {"labels": labels.name, "labels_sha256": labels.sha256, "threshold_tenths": threshold_tenths}
    return [{**named, **row} for row in rows]


def _of_choices(labels: Labels, scores: Scores, threshold: int) -> Row:
    scored = [one for one in labels.choices if all(text in scores for text in _sides(one))]
    sides = [_sides(choice) for choice in scored]
    better, worse = ([scores[pair[place]] for pair in sides] for place in (0, 1))
    lengths = [[_length(pair[place]) for pair in sides] for place in (0, 1)]
    agreed, ties = pair_accuracy(better, worse)
    both = [*better, *worse]
    writers = [*(one.better_by for one in scored), *(one.worse_by for one in scored)]
    kept = confusion(both, [True] * len(better) + [False] * len(worse), threshold)
    return {
        "measure": "choices",
        "rows": len(scored),
        "unscored": len(labels.choices) - len(scored),
        "undecided": labels.ties,
        **agreed._asdict(),
        "ties": ties,
        "longer": pair_accuracy(lengths[0], lengths[1])[0].value,
        "length_correlation": _value(both, [*lengths[0], *lengths[1]]),
        **kept._asdict(),
        "writer_means": _points(means(both, writers)),
    }


def _of_grades(labels: Labels, scores: Scores, threshold: int) -> Row:
    scored = [one for one in labels.grades if _text(one) in scores]
    tenths, grades = [scores[_text(one)] for one in scored], [one.grade for one in scored]
    lengths = [_length(_text(one)) for one in scored]
    rho = spearman(tenths, grades)
    kept = confusion(tenths, [grade >= labels.good_from for grade in grades], threshold)
    return {
        "measure": "grades",
        "rows": len(scored),
        "unscored": len(labels.grades) - len(scored),
        "undecided": 0,
        **(rho._asdict() if rho else dict.fromkeys(("value", "low", "high"))),
        "longer": _value(lengths, grades),
        "length_correlation": _value(tenths, lengths),
        **kept._asdict(),
        "writer_means": _points(means(tenths, [one.written_by for one in scored])),
    }


def consistency_row(replies: Sequence[Sequence[int]], threshold_tenths: int) -> Row | None:
    """How far replies to the same questions differ; null where no question has two valid replies.

    Args:
        replies: of each question, the tenths of those that are valid.
        threshold_tenths: `select.min_score`.
    """
    found = consistency([[tenths / 10 for tenths in one] for one in replies], threshold_tenths / 10)
    if found is None:
        return None
    crossing = wilson(round(found.crossing * found.rows), found.rows)
    return {
        "labels": SELF_CONSISTENCY,
        "measure": "consistency",
        "rows": found.rows,
        "unscored": len(replies) - found.rows,
        "threshold_tenths": threshold_tenths,
        **crossing._asdict(),
        "asks": found.asks,
        "deviation": found.deviation,
    }


def _sides(choice: Choice) -> tuple[Text, Text]:
    asked, system = choice.instruction, choice.system
    return Text(asked, choice.better, system), Text(asked, choice.worse, system)


def _text(grade: Grade) -> Text:
    return Text(grade.instruction, grade.response, grade.system)


def _length(text: Text) -> int:
    return len(words(text.response))


def _value(left: Sequence[float], right: Sequence[float]) -> float | None:
    found = spearman(left, right)
    return found.value if found else None


def _points(tenths: Mapping[str, float]) -> dict[str, float]:
    return {name: value / 10 for name, value in tenths.items()}
