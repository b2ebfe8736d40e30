"""How much may be queued at a provider, from what it has refused."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from jobs.batches.pack import find_rooms, queue_limit
from jobs.ledger.batch_table import Batch
from tests.support.batch_runs import KEY, batch_endpoint
from udfs.llm.models import BatchApi

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
API = BatchApi(shape="openai")
OUT = Batch(
    batch_key="k",
    stage="distill",
    provider=KEY[0],
    model=KEY[1],
    state="created",
    requests=10,
    file_bytes=1_000,
    prompt_tokens=400,
    reserved_usd=Decimal(1),
    intent_at=NOW - timedelta(hours=1),
)
ENDED_AT = NOW - timedelta(minutes=50)
REFUSED = replace(
    OUT, state="folded", provider_state="failed", error="token_limit_exceeded - too much", ended_at=ENDED_AT
)
DONE = replace(OUT, state="folded", provider_state="completed", answered=10, ended_at=NOW)


def test_without_a_refusal_the_limit_is_the_configured_one():
    assert queue_limit(API, [OUT, DONE], NOW) is None
    assert queue_limit(replace(API, queue_tokens=70), [OUT], NOW) == 70


def test_after_a_refusal_it_is_half_of_what_was_refused_or_what_was_queued_beside_it():
    assert queue_limit(API, [REFUSED], NOW) == 200
    assert queue_limit(API, [REFUSED, OUT, OUT], NOW) == 800
    assert queue_limit(replace(API, queue_tokens=70), [REFUSED, OUT, OUT], NOW) == 70
    # What ended before the refusal says nothing about the queue at that time.
    assert queue_limit(API, [REFUSED, replace(DONE, ended_at=ENDED_AT - timedelta(minutes=1))], NOW) == 200


def test_the_last_refusal_counts_until_a_later_batch_shows_more_and_for_a_day():
    later = replace(REFUSED, prompt_tokens=100, intent_at=NOW - timedelta(minutes=30))
    assert queue_limit(API, [REFUSED, later], NOW) == 50
    shown = replace(DONE, prompt_tokens=60, intent_at=NOW - timedelta(minutes=20))
    assert queue_limit(API, [REFUSED, later, shown], NOW) == 60
    assert queue_limit(API, [REFUSED], NOW + timedelta(hours=24)) is None


def test_a_batch_that_failed_for_another_reason_is_no_refusal_of_the_queue():
    assert queue_limit(API, [replace(REFUSED, error="invalid_json_line - line 3")], NOW) is None


def test_what_is_out_takes_its_place_in_the_queue():
    to = batch_endpoint("http://x/v1", queue_tokens=1_000)
    assert find_rooms({KEY: to}, [OUT, OUT], NOW)[KEY].queue_tokens == 200
    assert find_rooms({KEY: to}, [OUT, OUT, OUT], NOW) == {}
    empty = find_rooms({KEY: to}, [DONE], NOW)[KEY]
    assert (empty.queue_tokens, empty.is_empty) == (1_000, True)
    assert find_rooms({KEY: replace(to, batch=None)}, [], NOW) == {}
