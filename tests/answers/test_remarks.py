"""What the report says of how requests ended."""

from jobs.answers.remarks import Ending, endings_of, remarks_on, without_answer
from schemas.calls import ATTEMPTS, RESPONSES

A = ("p", "gpt-4o")


def test_refusals_unknown_ends_other_models_and_odd_bills_are_told_with_their_counts():
    endings = [
        Ending(A, "answered", None, "gpt-4o-2024-08-06", 90),
        Ending(A, "answered", None, "gpt-4o-mini", 4),
        Ending(A, "failed", "HTTP 400 - prompt is too long", None, 3),
        Ending(A, "content_filtered", "HTTP 403 - flagged\x1b[2J", None, 2),
        Ending(A, "content_filtered", None, "gpt-4o", 1),
        Ending(A, "not_whole", "tool_calls", "gpt-4o", 2),
        Ending(A, "odd_usage", None, None, 5),
    ]
    assert remarks_on(endings, {A: "gpt"}) == (
        "gpt: 5 prompts are refused for good (3 × HTTP 400 - prompt is too long, 2 × HTTP 403 - flagged\ufffd[2J)",
        "gpt: 2 answers end in a way that no whole answer is known to (2 × tool_calls); they are not exported",
        "gpt: 4 answers are of another model than gpt-4o (4 × gpt-4o-mini)",
        "gpt: 5 answers state a usage that cannot be their own; they are charged at worst",
    )
    assert without_answer(endings) == (8, 102)


def test_whole_answers_need_no_remark():
    assert remarks_on([Ending(A, "answered", None, "gpt-4o", 9)], {}) == ()


def test_requests_are_counted_by_how_they_ended(spark):
    base = {"provider": "p", "model": "m", "attempt_id": "a"}
    responses = [
        {**base, "request_id": "1", "status": "answered", "served_model": "m"},
        {**base, "request_id": "2", "status": "answered", "served_model": "m"},
        {**base, "request_id": "3", "status": "failed", "error": "HTTP 400 - 12 tokens"},
        {**base, "request_id": "4", "status": "failed", "error": "HTTP 400 - 99 tokens"},
        {**base, "request_id": "5", "status": "not_whole"},
        {**base, "request_id": "6", "status": "answered"},  # not asked for any more
    ]
    attempts = [{**base, "request_id": "1", "note": "overlong"}, {**base, "request_id": "2"}]
    rows = endings_of(
        spark.createDataFrame(responses, RESPONSES.schema),
        spark.createDataFrame(attempts, ATTEMPTS.schema),
        spark.createDataFrame([(str(number),) for number in (1, 1, 2, 3, 4, 5)], "request_id string"),
    ).collect()
    assert sorted((row["status"], row["said"], row["served_model"], row["count"]) for row in rows) == [
        ("answered", None, "m", 2),
        ("failed", "HTTP 400 - 12 tokens", None, 2),
        ("not_whole", "none", None, 1),
        ("overlong", None, None, 1),
    ]
