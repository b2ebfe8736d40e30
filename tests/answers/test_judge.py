"""What is remembered of the questions to the judge."""

from jobs.answers.judge import with_judgements
from schemas.calls import JUDGEMENTS


def test_a_pair_that_is_asked_about_differently_loses_what_was_asked_after_it(spark):
    known = [("same", 0, "s0"), ("same", 1, "s1"), ("other", 0, "o0"), ("changed", 0, "c0"), ("changed", 1, "c1")]
    new = [("same", 0, "s0"), ("changed", 0, "n0"), ("fresh", 0, "f0")]
    frames = [spark.createDataFrame(rows, JUDGEMENTS.schema) for rows in (known, new)]

    found = sorted(tuple(row) for row in with_judgements(*frames, 0).collect())

    assert found == [("changed", 0, "n0"), ("fresh", 0, "f0"), ("other", 0, "o0"), ("same", 0, "s0"), ("same", 1, "s1")]


def test_what_was_asked_before_stays(spark):
    known = [("p", 0, "p0"), ("p", 1, "old")]
    frames = [spark.createDataFrame(rows, JUDGEMENTS.schema) for rows in (known, [("p", 1, "new")])]

    assert sorted(tuple(row) for row in with_judgements(*frames, 1).collect()) == [("p", 0, "p0"), ("p", 1, "new")]
