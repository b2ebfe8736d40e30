"""Whose trouble an error is: what providers were seen to answer, by status, code and words."""

import json
from pathlib import Path

import pytest

from udfs.llm.classify import status_failure

# What was seen of OpenAI, Azure, Anthropic, Gemini, OpenRouter, Hugging Face, vLLM and others, in words of our own.
CASES = [json.loads(line) for line in (Path(__file__).parent / "provider_errors.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_an_error_says_whose_trouble_it_is(case):
    status, body = case["status"], case["body"]
    sent = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    assert status_failure(status, sent.encode(), {}).kind == case["kind"]
    assert status_failure(status, body, {}).kind == case["kind"]  # of a batch's line, parsed already


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Not this way"}, "Not this way"),
        ({"detail": [{"loc": ["body"], "msg": "Field required"}, {"msg": "Too short"}]}, "Field required; Too short"),
        ({"errors": ["first", "second"]}, "first; second"),
        ({"message": ["first", "second"]}, "first; second"),
        ({"error": {"message": {"text": "x", "detail": "deep"}}}, "deep"),
        ({"error": "bare"}, "bare"),
        ({"error": {"message": "", "metadata": {"raw": '{"error": {"message": "inner"}}'}}}, "inner"),
        ({"title": "Bad", "detail": "Because"}, "Bad; Because"),
        ({"msg": "short"}, "short"),
        ("a line of a gateway", "a line of a gateway"),
        ({}, "no message"),
        (None, "no message"),
    ],
)
def test_what_an_error_says_is_shown_in_whatever_shape(body, said):
    assert status_failure(422, body, {}).message.endswith(f"- {said}")


def test_a_request_that_is_too_large_is_told_both_numbers_and_what_to_set():
    message = status_failure(
        429, {"error": {"message": "Request too large: Limit 30000, Requested 36055 tokens"}}, {}
    ).message
    assert "asked for 36,055 tokens of 30,000" in message
    assert "lower max_tokens" in message


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after": "7"}, "Please try again in 20s.", 7.0),
        ({}, "Rate limit reached. Please try again in 20s.", 20.0),
        ({}, "Rate limit reached. Please try again in 1m2.5s. Visit https://x", 62.5),
        ({}, "Rate limit reached. Please retry in 240ms", 0.24),
        ({}, "Rate limit reached", None),
    ],
)
def test_the_wait_is_what_the_headers_say_or_else_the_words(headers, message, seconds):
    assert status_failure(429, {"error": {"message": message}}, headers).retry_after == seconds


@pytest.mark.parametrize(("status", "billed"), [(500, False), (503, False), (429, False), (502, True), (504, True)])
def test_only_a_gateway_that_lost_the_answer_may_have_been_billed(status, billed):
    assert status_failure(status, {}, {}).billed is billed


def test_a_message_is_one_short_line_with_what_was_said():
    failure = status_failure(400, {"code": "bad", "message": "line\none " + "x" * 1000}, {})
    assert failure.message.startswith("HTTP 400 bad - line one x")
    assert len(failure.message) == 300


def test_half_a_surrogate_pair_in_a_message_can_be_stored():
    assert "oh \ufffd no" in status_failure(400, {"message": "oh \ud83d no"}, {}).message


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[" * 200_000, b"null", b"1e400", b'{"error":' * 5000, [[]] * 1000, 7, True]
)
def test_no_body_of_an_error_breaks_its_reader(body):
    assert status_failure(400, body, {}).kind == "rejected"
