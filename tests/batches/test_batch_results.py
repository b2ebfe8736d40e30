"""What lines of output and error files mean, and what a request looks like on its way out."""

import json
from decimal import Decimal

import pytest

from tests.support.batch_runs import PRICES, batch_endpoint
from udfs.llm.answers import Answer
from udfs.llm.batch_lines import Room, line_overhead, pack, request_line
from udfs.llm.batch_results import NotRun, read_result_line, result_of
from udfs.llm.cost import Usage, cost_of, worst_case

pytestmark = pytest.mark.usefixtures("one_partition")

MEMBER = {
    "batch_key": "k",
    "request_id": "r",
    "attempt_no": 1,
    "max_tokens": 100,
    "max_tokens_cap": 100,
    "was_cut": False,
    "prompt_tokens_bound": 200,
    "reserved_usd": Decimal("1"),
}
COMPLETION = {
    "model": "m-1",
    "choices": [{"message": {"content": "Seven."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3},
}


def said(**fields):
    return json.dumps({"custom_id": "r", **fields})


def test_an_answer_costs_half_and_is_final():
    row = result_of(said(response={"status_code": 200, "body": COMPLETION}, error=None), MEMBER, PRICES)
    assert (row["status"], row["response_status"]) == ("answered", "answered")
    assert (row["text"], row["served_model"]) == ("Seven.", "m-1")
    assert row["cost_usd"] == cost_of(Usage(12, 3), PRICES) / 2 and row["cost_basis"] == "usage"


def test_an_answer_without_usage_costs_what_was_reserved():
    body = {**COMPLETION, "usage": None}
    row = result_of(said(response={"status_code": 200, "body": body}), MEMBER, PRICES)
    assert (row["cost_usd"], row["cost_basis"]) == (worst_case(200, 100, PRICES, batch=True), "assumed")


@pytest.mark.parametrize(
    ("line", "kind", "billed"),
    [
        (said(response={"status_code": 400, "body": {"error": {"message": "no"}}}), "rejected", False),
        (said(response={"status_code": 500, "body": {"error": {"message": "no"}}}), "transient", False),
        (said(response={"status_code": 429, "body": {"error": {"code": "insufficient_quota"}}}), "billing", False),
        (said(response={"status_code": 504, "body": "gateway"}), "transient", True),
        (said(response={"status_code": 504, "body": "{gateway"}), "transient", True),
        (said(response={"status_code": "400", "body": '{"error": {"message": "no"}}'}), "rejected", False),
        (said(response=None, error={"code": "server_error", "message": "it broke"}), "transient", False),
        (said(error={"code": "invalid_request_error", "message": "no"}), "rejected", False),
        (said(error={"code": "422", "message": "no"}), "rejected", False),
        (said(error={"code": "invalid_model", "message": "no"}), "not_found", False),
        (said(error={"code": "something_new", "message": "who knows"}), "transient", False),
        (said(error="it broke"), "transient", False),
        (said(response={"status_code": 200, "body": {"choices": []}}), "no_answer", False),
        (said(response={"status_code": 200, "body": None}), "unreadable", True),
        ('{"custom_id": "r", "response": {"stat', "unreadable", True),
        ("[]", "unreadable", True),
    ],
)
def test_errors_of_both_shapes_are_classified_as_online(line, kind, billed):
    found = read_result_line(line)
    assert (found.kind, found.billed) == (kind, billed)
    row = result_of(line, MEMBER, PRICES)
    assert row["status"] == kind and row["cost_basis"] == ("assumed" if billed else "none")
    final = ("failed", True) if kind == "rejected" else (None, None)
    assert (row.get("response_status"), row.get("is_rejection")) == final


@pytest.mark.parametrize("code", ["batch_expired", "batch_cancelled"])
def test_what_was_not_run_is_not_final_and_costs_nothing(code):
    line = said(response=None, error={"code": code, "message": "not executed"})
    assert isinstance(read_result_line(line), NotRun)
    row = result_of(line, MEMBER, PRICES)
    assert (row["status"], row["cost_usd"], row.get("response_status")) == (code.removeprefix("batch_"), 0, None)


@pytest.mark.parametrize(
    "line",
    [
        said(response={}, error={"code": "batch_expired", "message": "not executed"}),
        said(response=None, error="This request could not be executed before the completion window expired."),
    ],
)
def test_a_batch_that_expired_says_so_in_several_ways(line):
    found = read_result_line(line)
    assert isinstance(found, NotRun) and found.status == "expired"


def test_a_status_may_be_a_number_of_either_kind():
    found = read_result_line(said(response={"status_code": 429.0, "body": {"error": {"message": "no"}}}))
    assert found.kind == "rate_limited"
    assert read_result_line(said(response={"status_code": float("inf"), "body": {}})).kind == "unreadable"


def test_a_body_without_a_response_around_it_is_read_too():
    assert isinstance(read_result_line(said(response=COMPLETION)), Answer)
    as_text = {"status_code": "200", "body": json.dumps(COMPLETION)}
    assert isinstance(read_result_line(said(response=as_text)), Answer)


def test_a_cut_answer_is_final_only_where_it_had_all_the_room():
    body = {**COMPLETION, "choices": [{"message": {"content": "Sev"}, "finish_reason": "length"}]}
    line = said(response={"status_code": 200, "body": body})
    more_room = {**MEMBER, "max_tokens_cap": 400}
    assert result_of(line, more_room, PRICES).get("response_status") is None
    assert result_of(line, MEMBER, PRICES)["response_status"] == "truncated"
    assert result_of(line, {**more_room, "max_tokens": 400, "was_cut": True}, PRICES)["response_status"] == "truncated"


@pytest.mark.parametrize("shape", ["openai", "together"])
def test_a_line_is_what_the_provider_wants_and_one_line_whatever_the_text(shape):
    text = 'a\nb\r\u2028c\u0085\u2029 "d" ünï'
    messages = json.dumps([{"role": "user", "content": text}], ensure_ascii=False)
    row = {
        "request_id": "id",
        "model": "m",
        "messages_json": messages,
        "max_tokens": 7,
        "temperature": 0.5,
        "schema_json": None,
    }
    to = batch_endpoint("http://x/v1", shape=shape)
    line = request_line(row, to)
    assert len(line.splitlines()) == 1
    sent = json.loads(line)
    assert sent.pop("body") == {
        "model": "m",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 7,
        "temperature": 0.5,
    }
    more = {"method": "POST", "url": "/v1/chat/completions"} if shape == "openai" else {}
    assert sent == {"custom_id": "id", **more}
    assert len(line.encode()) <= len(messages.encode()) + line_overhead(to)


def rows(count, **changes):
    base = {"provider": "test", "model": "m", "line_bytes": 100, "prompt_tokens_bound": 30, "max_tokens": 10}
    return [{"request_id": f"r{number}", **base, **changes} for number in range(count)]


def sizes(packed):
    numbers = [number for _, number, *_ in packed]
    return [numbers.count(number) for number in sorted(set(numbers))]


def room(**changes):
    fields = {"max_requests": 1000, "max_bytes": 10**6, "batch_tokens": None, "queue_tokens": None, "is_empty": True}
    return {("test", "m"): Room(endpoint=batch_endpoint("http://x/v1"), **{**fields, **changes})}


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({}, [10]),
        ({"max_requests": 4}, [4, 4, 2]),
        ({"max_bytes": 350}, [3, 3, 3, 1]),
        ({"batch_tokens": 55}, [5, 5]),
        ({"queue_tokens": 30}, [3]),
        ({"queue_tokens": 35, "batch_tokens": 20}, [2, 1]),
        ({"queue_tokens": 5, "is_empty": True}, [1]),  # tried alone: the estimate may be wrong
        ({"queue_tokens": 5, "is_empty": False}, []),
        ({"max_bytes": 99}, []),
    ],
)
def test_batches_are_filled_up_to_each_limit(limits, wanted):
    assert sizes(list(pack(rows(10), room(**limits), None))) == wanted


def test_the_budget_is_shared_by_all_endpoints_and_never_overdrawn():
    packed = list(pack(rows(10), room(), Decimal("0.0003")))
    assert packed and sum(one[-1] for one in packed) <= Decimal("0.0003")
    one = worst_case(30, 10, PRICES, batch=True)
    assert len(packed) == Decimal("0.0003") // one


def test_endpoints_have_batches_of_their_own():
    other = {**room(), ("test", "n"): room()["test", "m"]}
    mixed = [row for pair in zip(rows(3), rows(3, model="n"), strict=True) for row in pair]
    packed = list(pack(mixed, other, None))
    assert [number for _, number, *_ in packed] == [0, 1, 0, 1, 0, 1]
