"""What may be sent: never more than the budget has room for if every call costs its worst."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from jobs.ledger.reservations import (
    measure_backlog,
    pending_requests,
    reserve,
    to_endpoints,
    with_attempts,
    with_worst_case,
)
from schemas.calls import ATTEMPTS, REQUESTS, RESPONSES, WAVE
from tests.support.waves import PRICES, endpoint
from udfs.llm.cost import worst_case

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
ENDPOINTS = {("test", "m"): endpoint("http://x/v1"), ("test", "n"): endpoint("http://x/v1", model="n")}
ONE = worst_case(200, 100, PRICES)
CUT = worst_case(200, 300, PRICES)
TRIES = 4
LEAST = Decimal("0.000000000001")


def request(name, **changes):
    row = {
        "request_id": name,
        "provider": "test",
        "model": "m",
        "messages_json": "[]",
        "max_tokens": 100,
        "max_tokens_cap": 300,
        "temperature": None,
        "schema_json": None,
        "sample": 0,
        "ask": 0,
        "prompt_tokens_bound": 200,
    }
    return {**row, **changes}


def frame(spark, table, rows):
    return spark.createDataFrame(
        [tuple(row.get(name) for name in table.schema.fieldNames()) for row in rows], table.schema
    )


def attempt(name, number, status, at=NOW):
    return {
        "attempt_id": f"{name}.{number}",
        "request_id": name,
        "status": status,
        "sent_at": at,
        "cost_usd": Decimal("0.001"),
    }


@pytest.fixture(scope="module")
def pending(spark):
    """Ten open requests of two models: c was cut, f has failed four times now, o has failed four times long ago."""
    names = ["a", "b", "c", "d", "e", "f", "o", "answered", "not asked"]
    requests = [request(name) for name in names] + [request(name, model="n") for name in ("x", "y", "z")]
    attempts = [attempt("c", 1, "truncated")]
    attempts += [attempt("f", number, "transient") for number in range(TRIES)]
    attempts += [attempt("o", number, "lost", NOW - timedelta(days=1)) for number in range(TRIES)]
    asked = spark.createDataFrame(
        [(r["request_id"],) for r in requests if r["request_id"] != "not asked"], "request_id string"
    )
    responses = frame(spark, RESPONSES, [{"request_id": "answered", "status": "answered"}])
    found = pending_requests(frame(spark, REQUESTS, requests), asked.union(asked), responses)
    known = with_attempts(found, frame(spark, ATTEMPTS, attempts), NOW - timedelta(hours=1))
    return with_worst_case(known, ENDPOINTS, TRIES)


def test_open_is_what_was_asked_and_not_answered(pending):
    rows = {row["request_id"]: row for row in pending.collect()}

    assert sorted(rows) == ["a", "b", "c", "d", "e", "f", "o", "x", "y", "z"]
    assert (rows["c"]["was_cut"], rows["c"]["attempts_before"]) == (True, 1)
    assert (rows["a"]["was_cut"], rows["a"]["attempts_before"]) == (False, 0)
    assert (rows["a"]["one_usd"], rows["c"]["one_usd"]) == (ONE, CUT)
    assert rows["a"]["all_usd"] == TRIES * CUT


def test_it_is_counted_with_what_failed_too_often_in_this_run_apart(pending):
    found = measure_backlog(pending, TRIES)

    assert found.counts == {("test", "m"): 6, ("test", "n"): 3}
    assert found.exhausted == {("test", "m"): 1}
    assert found.all_counts == {("test", "m"): 7, ("test", "n"): 3}
    assert found.attempts == 1 + TRIES + TRIES
    assert found.one_usd[("test", "m")] == 5 * ONE + CUT
    assert found.largest_tokens == {("test", "m"): 500, ("test", "n"): 500}


@pytest.mark.parametrize(
    ("left", "reserved"),
    [
        (None, {TRIES * CUT: 9}),
        (9 * TRIES * CUT, {TRIES * CUT: 9}),
        (9 * TRIES * CUT - LEAST, {ONE: 8, CUT: 1}),  # not all attempts of all: one of each
        (8 * ONE + CUT, {ONE: 8, CUT: 1}),
        (3 * ONE, {ONE: 3}),  # the first three by the hash of their ids; c is not among them
        (3 * ONE - LEAST, {ONE: 2}),
        (ONE - LEAST, {}),
    ],
)
def test_the_reservations_fit_into_what_is_left(pending, left, reserved):
    sendable = pending.where(f"failed < {TRIES}")

    fits = reserve(sendable, measure_backlog(pending, TRIES), list(ENDPOINTS), left)

    assert Counter(row["reserved_usd"] for row in fits.rows.collect()) == reserved
    assert left is None or sum(usd * rows for usd, rows in reserved.items()) <= left
    assert fits.is_all is (sum(reserved.values()) == 9)
    assert set(fits.rows.columns) == set(WAVE.schema.fieldNames()) - {"task"}


def test_endpoints_that_are_down_take_nothing_of_the_budget(pending):
    found, up = measure_backlog(pending, TRIES), [("test", "n")]

    fits = reserve(to_endpoints(pending, up), found, up, 3 * TRIES * CUT)

    assert {row["request_id"]: row["reserved_usd"] for row in fits.rows.collect()} == dict.fromkeys("xyz", TRIES * CUT)
    assert to_endpoints(pending, []).count() == 0
