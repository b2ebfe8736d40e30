"""What a provider's reply is taken for."""

import json

import pytest

from udfs.llm.answers import Answer, read_answer
from udfs.llm.cost import Usage
from udfs.llm.failures import Failure, status_failure


def body(message: dict | None = None, finish: str | None = "stop", **fields) -> bytes:
    message = {"role": "assistant", "content": "Yes.", **(message or {})}
    content = {"model": "m-1", "choices": [{"message": message, "finish_reason": finish}], **fields}
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("reply", "status", "text"),
    [
        (body(), "answered", "Yes."),
        (body(finish=None), "answered", "Yes."),
        (body(finish="length"), "truncated", "Yes."),
        (body(finish="content_filter"), "content_filtered", "Yes."),
        (body({"content": None, "refusal": "No."}), "refused", "No."),
        (body({"content": ""}), "empty", None),
        (body({"content": None}), "empty", None),
        (body({"content": " \n"}), "empty", " \n"),
        (body({"content": "", "reasoning": "hm"}, "length"), "truncated", None),
        (body({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}), "answered", "ab"),
        (body({"content": "half \ud83d of it"}), "answered", "half \ufffd of it"),
    ],
)
def test_an_answer_has_a_status_and_only_a_whole_one_is_answered(reply, status, text):
    answer = read_answer(reply)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text, answer.served_model) == (status, text, "m-1")


def test_usage_is_what_the_provider_says_or_nothing():
    said = read_answer(body(usage={"prompt_tokens": 3, "completion_tokens": 2}))
    assert isinstance(said, Answer)
    assert said.usage == Usage(3, 2)
    silent = read_answer(body(usage=None))
    assert isinstance(silent, Answer)
    assert silent.usage is None


@pytest.mark.parametrize(
    "reply", [b"", b"<html>", b"[]", b"null", b'{"choices": []}', b'{"choices": [{}]}', body()[:40]]
)
def test_a_reply_that_is_no_completion_was_billed_and_is_tried_again(reply):
    failure = read_answer(reply)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.billed) == ("transient", True)


def test_an_error_in_a_reply_of_status_200_is_that_error():
    failure = read_answer(b'{"error": {"code": 429, "message": "slow down"}}')
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.billed) == ("rate_limited", True)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, {"message": "slow down"}, "rate_limited"),
        (429, {"code": "insufficient_quota"}, "billing"),
        (429, {"type": "insufficient_quota"}, "billing"),
        (403, {"code": "billing_not_active"}, "billing"),
        (402, {}, "billing"),
        (401, {"code": "invalid_api_key"}, "auth"),
        (403, "forbidden", "auth"),
        (404, {"code": "model_not_found"}, "not_found"),
        (400, {"code": "model_not_available"}, "not_found"),
        (400, {"code": "content_filter"}, "filtered"),
        (400, {"message": "max_tokens is too large"}, "rejected"),
        (422, None, "rejected"),
        (408, None, "transient"),
        (409, None, "transient"),
        (500, "boom", "transient"),
        (529, {}, "transient"),
    ],
)
def test_an_error_says_whom_it_concerns(status, error, kind):
    assert status_failure(status, error, {}).kind == kind


@pytest.mark.parametrize(("status", "billed"), [(500, False), (503, False), (429, False), (502, True), (504, True)])
def test_only_a_gateway_that_lost_the_answer_may_have_been_billed(status, billed):
    assert status_failure(status, {}, {}).billed is billed


def test_a_message_is_one_short_line_with_what_was_said():
    failure = status_failure(400, {"code": "bad", "message": "line\none " + "x" * 1000}, {})
    assert failure.message.startswith("HTTP 400 bad - line one x")
    assert len(failure.message) == 300


def test_half_a_surrogate_pair_in_a_message_can_be_stored():
    assert "oh \ufffd no" in status_failure(400, {"message": "oh \ud83d no"}, {}).message
