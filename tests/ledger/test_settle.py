"""The ledger: nothing is in it twice, and it tells what a limit has left."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from jobs.ledger.settle import append_new, recent_sends, settle_all, spent_by_stage, spent_usd
from schemas.calls import ATTEMPTS, REQUESTS, RESPONSES
from tests.support.paid import open_paid, prompts, write_config
from tests.support.waves import context, drive, endpoint, request
from udfs.llm.models import RateLimits

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
pytestmark = pytest.mark.usefixtures("one_partition")


@pytest.fixture
def runtime(spark, provider, tmp_path):
    return open_paid(write_config(tmp_path, provider, prompts(1)))


def rows(spark, table, *given):
    return spark.createDataFrame(
        [tuple(row.get(name) for name in table.schema.fieldNames()) for row in given], table.schema
    )


def attempt(name, seconds_ago, **changes):
    row = {
        "attempt_id": name,
        "request_id": name,
        "stage": "distill",
        "provider": "test",
        "model": "m",
        "mode": "online",
        "sent_at": NOW - timedelta(seconds=seconds_ago),
        "max_tokens": 100,
        "prompt_tokens": 30,
        "cost_usd": Decimal("0.5"),
    }
    return {**row, **changes}


def test_what_is_there_already_is_not_added_again(spark, runtime):
    append_new(runtime, ATTEMPTS, rows(spark, ATTEMPTS, attempt("a", 9), attempt("b", 8, stage="score")))
    append_new(runtime, ATTEMPTS, rows(spark, ATTEMPTS, attempt("a", 9), attempt("c", 7)))

    assert sorted(row["attempt_id"] for row in runtime.read(ATTEMPTS).collect()) == ["a", "b", "c"]
    assert spent_by_stage(runtime) == {"distill": Decimal(1), "score": Decimal("0.5")}
    assert spent_usd(runtime) == Decimal("1.5")


def test_a_journal_is_settled_once_and_then_gone(runtime, provider, tmp_path):
    journal = tmp_path / "workspace" / "journal" / "score-7-0001"
    drive([request(f"t{n}") for n in range(5)], context(tmp_path, [endpoint(provider.base_url)], journal=str(journal)))

    assert settle_all(runtime) == 1
    assert not journal.exists()
    assert settle_all(runtime) == 0
    assert runtime.read(ATTEMPTS).count() == runtime.read(RESPONSES).count() == 5
    assert set(spent_by_stage(runtime)) == {"score"}


def test_the_last_window_counts_whoever_sent_in_it(spark, runtime):
    limited = endpoint("http://x/v1", limits=RateLimits(rpm=10, window_seconds=60.0))
    free = endpoint("http://x/v1", model="n")
    assert recent_sends(runtime, [limited], NOW.timestamp()) == {}, "there is no ledger yet"
    append_new(runtime, REQUESTS, rows(spark, REQUESTS, {"request_id": "lost", "prompt_tokens_bound": 400}))
    sent = (
        attempt("old", 61),
        attempt("of another stage", 50, stage="score"),
        attempt("lost", 40, prompt_tokens=None),
        attempt("by batch", 30, mode="batch"),
        attempt("to another model", 20, model="n"),
        attempt("unknown", 10, prompt_tokens=None),
    )
    append_new(runtime, ATTEMPTS, rows(spark, ATTEMPTS, *sent))

    found = recent_sends(runtime, [limited, free], NOW.timestamp())

    ago = [(round(NOW.timestamp() - at), requests, tokens) for at, requests, tokens in found.pop(limited.key)]
    assert ago == [(50, 1.0, 130.0), (40, 1.0, 500.0), (10, 1.0, 100.0)]
    assert found == {}, "nobody counts what has no limit"
