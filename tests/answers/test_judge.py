"""What is remembered of the questions to the judge, and which of its replies counts."""

import json

from jobs.answers.judge import read_scores, scores_of, with_judgements
from schemas.calls import JUDGEMENTS, RESPONSES


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


def reply(rating):
    return json.dumps(dict.fromkeys(("accuracy", "helpfulness", "completeness", "clarity"), rating) | {"reason": "r"})


def test_of_two_replies_the_first_that_gives_a_score_counts_and_none_gives_none(spark):
    said = {
        ("at once", 0): reply(9),
        ("again", 0): "I would say nine.",
        ("again", 1): reply(8),
        ("both", 0): reply(7),  # kept of an earlier run; the second ask was needless
        ("both", 1): reply(2),
        ("never", 0): "Nine!",
        ("never", 1): json.dumps({"accuracy": 9}),
        ("cut", 0): reply(6),
        ("bribed", 0): reply(10),
        ("bribed", 2): reply(3),
        ("lesson", 0): reply(8),
        ("lesson", 2): reply(9),
        ("silenced", 0): reply(10),
        ("silenced", 2): "I rate it ten.",
        ("cleared", 0): "Ten!",
        ("cleared", 1): "Ten!!",
        ("cleared", 2): reply(4),
        ("unanswered", 0): reply(10),
    }
    judgements = [(pair, ask, f"{pair}-{ask}") for pair, ask in said] + [
        ("open", 0, "nobody has answered"),
        ("unanswered", 2, "nor this"),
    ]
    responses = [
        {"request_id": f"{pair}-{ask}", "status": "truncated" if pair == "cut" else "answered", "text": text}
        for (pair, ask), text in said.items()
    ]
    columns = RESPONSES.schema.names
    frames = (
        spark.createDataFrame(judgements, JUDGEMENTS.schema),
        spark.createDataFrame([tuple(row.get(name) for name in columns) for row in responses], RESPONSES.schema),
    )

    read = read_scores(*frames, (1, 1, 1, 1)).collect()

    assert {row["pair_id"]: (row["quality_tenths"], row["ask"], row["fault"]) for row in read} == {
        "at once": (90, 0, None),
        "again": (80, 1, None),
        "both": (70, 0, None),
        "never": (None, 1, "missing_dimension"),
        "bribed": (30, 2, None),
        "lesson": (80, 0, None),
        "silenced": (None, 2, "no_json"),
        "cleared": (40, 2, None),
        "unanswered": (None, 2, "no_json"),
    }
    stored = {row["pair_id"]: row for row in scores_of(read_scores(*frames, (1, 0, 0, 0))).collect()}
    scored = {"at once", "again", "both", "bribed", "lesson", "cleared"}
    assert set(stored) == scored, "what has no score is no row"
    assert stored["again"]["dimensions"]["clarity"] == 8 and stored["again"]["scorer"] == "judge"
