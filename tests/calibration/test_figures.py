"""Labels and scores become rows of the table; what has no score is left out and counted."""

from jobs.calibration.calibrate import _limited
from jobs.calibration.figures import Text, compare_with_labels, consistency_row, texts_of
from jobs.calibration.labels import Choice, Grade, Labels
from jobs.calibration.scorers import draw, text_id
from schemas.tables import CALIBRATIONS


def choice(number, better="right answer here", worse="wrong"):
    return Choice(f"question {number}", f"{better} {number}", f"{worse} {number}", "x", "y")


LABELS = Labels("pairs.json", "0" * 64, tuple(choice(number) for number in range(4)), ties=2)


def scores_of(labels, better, worse):
    return {
        **{Text(one.instruction, one.better): better for one in labels.choices},
        **{Text(one.instruction, one.worse): worse for one in labels.choices},
    }


def test_choices_are_counted_with_their_ties_and_without_what_has_no_score():
    scores = scores_of(LABELS, 80, 40)
    del scores[Text("question 3", "wrong 3")]

    (row,) = compare_with_labels(LABELS, scores, 70)

    assert set(row) <= set(CALIBRATIONS.schema.names)
    assert (row["rows"], row["unscored"], row["undecided"]) == (3, 1, 2)
    assert (row["value"], row["ties"], row["longer"]) == (1.0, 0, 1.0)
    assert [row[name] for name in ("kept_good", "kept_bad", "lost_good", "lost_bad")] == [3, 0, 0, 3]
    assert row["writer_means"] == {"x": 8.0, "y": 4.0}


def test_grades_are_good_from_the_middle_of_their_scale_on():
    graded = Labels("g.json", "1" * 64, grades=tuple(Grade(f"q{n}", f"a{n}", float(n)) for n in range(1, 6)))
    scores = {Text(f"q{n}", f"a{n}"): n * 20 for n in range(1, 6)}

    (row,) = compare_with_labels(graded, scores, 70)

    assert row["measure"] == "grades"
    assert row["value"] == 1.0
    assert [row[name] for name in ("kept_good", "kept_bad", "lost_good", "lost_bad")] == [2, 0, 1, 2]


def test_each_text_is_scored_once_however_often_it_is_compared():
    labels = LABELS._replace(choices=(choice(1), choice(1, worse="other")))

    assert len(texts_of(labels)) == 3


def test_an_id_is_of_the_texts_and_of_how_often_they_are_asked_about():
    text = Text("a", "b")

    assert len({text_id(text), text_id(text, 1), text_id(Text("ab", "")), text_id(Text("a", "b", "s"))}) == 4


def test_a_limit_takes_the_same_labels_whatever_their_order():
    turned = LABELS._replace(choices=LABELS.choices[::-1])

    assert set(_limited(LABELS, 2).choices) == set(_limited(turned, 2).choices)
    assert len(_limited(LABELS, 2).choices) == 2
    assert draw(texts_of(LABELS), 3) == draw(reversed(texts_of(LABELS)), 3)


def test_consistency_is_a_row_with_its_interval():
    row = consistency_row([[80, 60, 80], [80, 80, 80], [50]], 70)

    assert (row["rows"], row["unscored"], row["asks"], row["value"]) == (2, 1, 3, 0.5)
    assert row["low"] < 0.5 < row["high"]
    assert consistency_row([[80], []], 70) is None
