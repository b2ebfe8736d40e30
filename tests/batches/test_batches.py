"""Whole runs of batches against a provider on the loopback: what is paid is kept, what is missing is asked again.

A run is some fifteen Spark jobs, so each test looks at much of what one run did.
"""

from collections import Counter
from decimal import Decimal

import pytest

from jobs.batches.run import collect_ended
from jobs.ledger.batch_table import batches_of
from tests.support.batch_runs import (
    FakeClock,
    attempts,
    batch_endpoint,
    numbered,
    open_workspace,
    reserved_usd,
    responses,
    run,
    spent,
    write_requests,
)
from udfs.llm.cost import Usage, cost_of

pytestmark = pytest.mark.usefixtures("one_partition")


@pytest.fixture
def runtime(spark, tmp_path):
    return open_workspace(tmp_path / "workspace")


def test_three_files_are_all_taken_in_at_half_the_price(runtime, batch_provider):
    write_requests(runtime, numbered(25))
    to = batch_endpoint(batch_provider.base_url, max_requests=10)

    ended = run(runtime, to)

    found, seen = responses(runtime), batch_provider.summary()
    assert (ended.is_out, dict(ended.faults)) == (False, {})
    assert [batch["requests"] for batch in seen["batches"]] == [10, 10, 5]
    assert sorted(found) == [f"t{number:04d}" for number in range(25)]
    assert all(row.status == "answered" and f"#{name}#" in row.text for name, row in found.items())
    rows = attempts(runtime)
    kinds = {(row.mode, row.status, row.cost_basis, row.attempt_no) for row in rows}
    assert kinds == {("batch", "answered", "usage", 1)}
    assert Counter(row.batch_id for row in rows) == {"batch_0": 10, "batch_1": 10, "batch_2": 5}
    online = [cost_of(Usage(row.prompt_tokens, row.completion_tokens, row.cached_tokens), to.prices) for row in rows]
    assert spent(runtime) == sum(online) / 2 > 0
    assert (sum(row.prompt_tokens for row in rows), sum(row.completion_tokens for row in rows)) == (
        seen["prompt_tokens"],
        seen["completion_tokens"],
    )
    assert reserved_usd(runtime) == 0
    assert {batch.state for batch in batches_of(runtime)} == {"folded"}
    assert spent(runtime) == sum(batch.cost_usd for batch in batches_of(runtime))


def test_whatever_a_batch_brings_is_kept_and_only_the_missing_are_asked_again(runtime, batch_provider):
    batch_provider.behave(expired_share=0.3, failed_share=0.1, rejected=["t0003"], cut=["t0001"], odd_lines=True)
    write_requests(runtime, numbered(60, max_tokens_cap=400))

    ended = run(runtime, batch_endpoint(batch_provider.base_url))

    seen, found, rows = batch_provider.summary(), responses(runtime), attempts(runtime)
    assert dict(ended.faults) == {} and len(found) == 60
    assert {name: row.status for name, row in found.items() if row.status != "answered"} == {"t0003": "failed"}
    assert "not to its liking" in found["t0003"].error
    # Paid twice is only the answer that was cut, and the second time it had all the room.
    assert seen["paid_twice"] in ([], ["t0001"])
    told = [(row.status, row.max_tokens) for row in rows if row.request_id == "t0001" and row.cost_usd > 0]
    assert told == [("truncated", 100), ("answered", 400)]
    first, second = seen["batches"][:2]
    by_status = Counter(row.status for row in rows)
    assert first["state"] == "expired" and 5 < by_status["expired"] < 35
    assert [row.status for row in rows if row.request_id == "t0003" and row.status != "expired"] == ["rejected"]
    assert by_status["transient"] > 0
    unpaid = [row for row in rows if row.status in ("expired", "transient", "rejected")]
    assert {(row.cost_usd, row.cost_basis) for row in unpaid} == {(0, "none")}
    again = [row for row in rows if row.batch_id == "batch_0" and row.status in ("expired", "transient", "truncated")]
    assert second["requests"] == len(again)
    paid = [row for row in rows if row.cost_basis == "usage"]
    assert sum(row.completion_tokens for row in paid) == seen["completion_tokens"]
    note = "1 lines without a custom_id; 1 custom_ids of no member; 1 lines that repeat a custom_id"
    assert batches_of(runtime)[0].note == note
    assert note in runtime.progress.console.export_text()


@pytest.mark.slow
def test_the_other_shape_and_a_creation_without_an_answer_are_not_asked_twice(runtime, batch_provider):
    batch_provider.behave(lost_creates=1, late_in_list=1, expired_share=0.3, failed_looks=2)
    write_requests(runtime, numbered(40))
    clock = FakeClock()

    run(runtime, batch_endpoint(batch_provider.together_url, shape="together"), clock=clock)

    seen = batch_provider.summary()
    assert set(seen["batches_of_a_file"].values()) == {1} and len(seen["batches_of_a_file"]) == 2
    assert (seen["paid"], seen["paid_by_batch"], seen["asked_again"]) == (40, 40, 0)
    # It was not in the list at first, so the wait was needed.
    assert clock.slept[0] == 120.0 and len(responses(runtime)) == 40
    assert {row.cost_basis for row in attempts(runtime) if row.status == "expired"} == {"none"}
    assert "1 could not be looked at" in runtime.progress.console.export_text()


def test_a_creation_that_did_not_work_is_done_after_the_wait(runtime, batch_provider):
    batch_provider.behave(failed_creates=2)
    write_requests(runtime, numbered(5))
    clock = FakeClock()

    run(runtime, batch_endpoint(batch_provider.base_url), clock=clock)

    assert clock.slept[:2] == [120.0, 120.0]
    assert list(batch_provider.summary()["batches_of_a_file"].values()) == [1] and len(responses(runtime)) == 5


def test_a_model_that_rejects_everything_is_left_alone_and_nothing_has_failed_for_good(runtime, batch_provider):
    batch_provider.behave(rejected=[f"t{number:04d}" for number in range(5)])
    write_requests(runtime, numbered(5))

    ended = run(runtime, batch_endpoint(batch_provider.base_url))

    assert "not to its liking" in ended.faults["test", "m"]
    assert responses(runtime) == {} and spent(runtime) == 0
    assert len(batch_provider.summary()["batches"]) == 1


@pytest.mark.slow
def test_answers_that_no_file_has_are_charged_at_worst_case_and_asked_again(runtime, batch_provider):
    batch_provider.behave(lost_lines=2)
    write_requests(runtime, numbered(6))

    run(runtime, batch_endpoint(batch_provider.base_url))

    assert len(responses(runtime)) == 6
    lost = [row for row in attempts(runtime) if row.status == "lost"]
    first = batches_of(runtime)[0]
    assert [(row.cost_basis, row.attempt_no) for row in lost] == [("assumed", 1)] * 2
    assert {row.cost_usd for row in lost} == {first.reserved_usd / 6}
    assert "2 members without a line" in first.note and "no file has those of all its requests" in first.note


def test_answers_that_were_deleted_are_charged_and_not_bought_again_at_once(runtime, batch_provider):
    batch_provider.behave(gone_files=True)
    write_requests(runtime, numbered(4))

    ended = run(runtime, batch_endpoint(batch_provider.base_url))

    assert "not there any more" in ended.faults["test", "m"]
    (batch,) = batches_of(runtime)
    assert responses(runtime) == {} and spent(runtime) == batch.reserved_usd > 0


@pytest.mark.slow
@pytest.mark.parametrize("parts", [2, 4])
def test_a_queue_for_a_part_of_the_work_holds_all_of_it_in_the_end(runtime, batch_provider, parts):
    batch_provider.behave(queue_tokens=60 * 17 // parts)  # 17 tokens a prompt, as the provider counts them
    write_requests(runtime, numbered(60))

    ended = run(runtime, batch_endpoint(batch_provider.base_url))

    seen = batch_provider.summary()
    assert dict(ended.faults) == {} and len(responses(runtime)) == 60
    assert {row.status for row in attempts(runtime)} == {"answered"}
    assert (seen["paid"], seen["paid_twice"]) == (60, [])
    refused = [batch for batch in seen["batches"] if batch["state"] == "failed"]
    assert refused and len(seen["batches"]) - len(refused) >= parts


def test_no_more_is_sent_than_the_budget_holds_at_worst(runtime, batch_provider):
    write_requests(runtime, numbered(3))
    cap = Decimal("0.0007")  # one at worst: some 100 tokens in and 100 out, at half the price

    ended = run(runtime, batch_endpoint(batch_provider.base_url), cap=cap)

    # Its answer has cost a fifth, but what is left is not sure to be enough for another.
    (batch,) = batches_of(runtime)
    assert (batch.requests, ended.is_out, dict(ended.faults)) == (1, False, {})
    assert 0 < spent(runtime) < batch.reserved_usd <= cap < spent(runtime) + batch.reserved_usd


def test_a_run_that_does_not_wait_is_taken_up_by_any_other(spark, tmp_path, batch_provider):
    settings = (f"providers.test.base_url={batch_provider.base_url}", "providers.test.models.m.prices.input=2.5")
    more = ("providers.test.models.m.prices.output=10", "providers.test.batch.shape=openai")
    runtime = open_workspace(tmp_path / "workspace", *settings, *more)
    write_requests(runtime, numbered(4))
    to = batch_endpoint(batch_provider.base_url)

    left = run(runtime, to, wait=False)

    assert left.is_out and responses(runtime) == {}
    assert reserved_usd(runtime) == reserved_usd(runtime, "distill") == batches_of(runtime)[0].reserved_usd > 0
    assert reserved_usd(runtime, "score") == 0
    assert run(runtime, to, wait=False).is_out  # nothing is sent twice
    (folded,) = collect_ended(runtime)
    assert folded.batch.answered == len(responses(runtime)) == 4
    assert len(batch_provider.summary()["batches"]) == 1 and reserved_usd(runtime) == 0
    assert collect_ended(runtime) == []
