"""What the ledger says of each model: every request in one state, every dollar in one place."""

from decimal import Decimal

import pytest

from jobs.ledger.usage import CallLedger, ModelLedger, read_call_ledger
from tests.support.demo import open_quietly
from tests.support.paid_tables import paid_config, paid_workspace


@pytest.fixture(scope="module")
def ledger(spark, tmp_path_factory):
    return read_call_ledger(paid_workspace(tmp_path_factory.mktemp("ledger")))


def test_requests_calls_tokens_and_cost_are_added_up_by_stage_and_model(ledger):
    assert ledger.models == (
        ModelLedger(
            stage="distill",
            provider="test",
            model="gone",
            calls=1,
            prompt_tokens=10,
            completion_tokens=30,
            cost_usd=Decimal("0.01"),
        ),
        ModelLedger(
            stage="distill",
            provider="test",
            model="model-a",
            answered=2,
            failed={"truncated": 1},
            pending=1,
            calls=5,
            faults={"lost": 1, "rate_limited": 1},
            prompt_tokens=30,
            cached_tokens=4,
            completion_tokens=90,
            cost_usd=Decimal("1.00"),
            assumed_usd=Decimal("0.50"),
        ),
        ModelLedger(stage="distill", provider="test", model="model-b", pending=1),
        ModelLedger(
            stage="score",
            provider="test",
            model="judge",
            answered=1,
            calls=1,
            prompt_tokens=10,
            completion_tokens=30,
            cost_usd=Decimal("0.05"),
        ),
    )


def test_the_sums_are_those_of_the_whole_workspace_whatever_is_asked_now(ledger):
    assert (ledger.spent_usd(), ledger.spent_usd("distill"), ledger.spent_usd("score")) == (
        Decimal("1.06"),
        Decimal("1.01"),
        Decimal("0.05"),
    )
    assert ledger.assumed_usd() == Decimal("0.50")
    assert [one.model for one in ledger.of("score")] == ["judge"]
    assert ledger.models[1].ended == 3 and ledger.models[1].tokens == 120


def test_where_nobody_was_asked_there_is_nothing(spark, tmp_path):
    empty = read_call_ledger(open_quietly(paid_config(tmp_path)))
    assert empty == CallLedger() and empty.spent_usd() == 0 and not (tmp_path / "workspace" / "tables").exists()
