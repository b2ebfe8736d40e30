"""Whole runs of batches against a provider on the loopback: what is paid is kept, what is missing is asked again."""

from collections import Counter
from decimal import Decimal

import pytest

from jobs.batch_book import batches_of, reserved_usd
from jobs.batches import fold_ended
from tests.batches.runs import (
    FakeClock,
    attempts,
    batch_endpoint,
    numbered,
    open_workspace,
    responses,
    run,
    spent,
    write_requests,
)
from udfs.llm.cost import Usage, cost_of


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
    assert {(row.mode, row.status, row.cost_basis, row.attempt_no) for row in rows} == {("batch", "answered", "usage", 1)}
    assert Counter(row.batch_id for row in rows) == {"batch_0": 10, "batch_1": 10, "batch_2": 5}
    online = [cost_of(Usage(row.prompt_tokens, row.completion_tokens, row.cached_tokens), to.prices) for row in rows]
    assert spent(runtime) == sum(online) / 2 > 0
    assert (sum(row.prompt_tokens for row in rows), sum(row.completion_tokens for row in rows)) == (
        seen["prompt_tokens"],
        seen["completion_tokens"],
    )
    assert reserved_usd(runtime) == 0
    assert {batch.state for batch in batches_of(runtime)} == {"folded"}
