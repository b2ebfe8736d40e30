"""When no call may start any more."""

import json
from pathlib import Path

import pytest

from udfs.llm.permission import Claim, Permission


def permission(tmp_path: Path, **changes) -> Permission:
    fields = {"claim": None, "lease_file": None, "epoch": 3, "stop_file": None}
    found = Permission(**{**fields, **changes}, clock=lambda: 100.0)
    found.refresh()
    return found


def lease(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "lease.json").write_text(text, "ascii")
    return {"lease_file": str(tmp_path / "lease.json")}


def test_without_a_lease_or_a_stop_file_calls_may_start(tmp_path):
    assert permission(tmp_path).refusal() is None


@pytest.mark.parametrize(
    ("epoch", "expires_at", "refusal"),
    [(3, 101.0, None), (3, 100.0, "lease_lost"), (4, 900.0, "lease_lost"), (2, 900.0, "lease_lost")],
)
def test_only_a_lease_of_this_epoch_that_has_not_expired_allows_calls(tmp_path, epoch, expires_at, refusal):
    held = lease(tmp_path, json.dumps({"epoch": epoch, "expires_at": expires_at, "holder": "me"}))
    assert permission(tmp_path, **held).refusal() == refusal


@pytest.mark.parametrize("text", ["", "{", "[]", '{"epoch": "x"}'])
def test_a_lease_that_was_never_readable_allows_nothing(tmp_path, text):
    assert permission(tmp_path, **lease(tmp_path, text)).refusal() == "lease_lost"


def test_a_half_written_lease_lasts_until_it_expires(tmp_path):
    held = permission(tmp_path, **lease(tmp_path, '{"epoch": 3, "expires_at": 101}'))
    lease(tmp_path, '{"epoch": 3, "exp')
    held.refresh()
    assert held.refusal() is None


def test_a_lease_that_was_lost_does_not_come_back(tmp_path):
    held = permission(tmp_path, **lease(tmp_path, '{"epoch": 4, "expires_at": 900}'))
    lease(tmp_path, '{"epoch": 3, "expires_at": 900}')
    held.refresh()
    assert held.refusal() == "lease_lost"


def test_a_lease_that_is_gone_is_lost(tmp_path):
    assert permission(tmp_path, lease_file=str(tmp_path / "none.json")).refusal() == "lease_lost"


def test_a_stop_file_stops(tmp_path):
    asked = permission(tmp_path, stop_file=str(tmp_path / "stop"))
    assert asked.refusal() is None
    (tmp_path / "stop").touch()
    asked.refresh()
    assert asked.refusal() == "stopped"


def test_a_later_attempt_of_a_task_supersedes_the_earlier_and_no_other_task(tmp_path):
    first, other = Claim(str(tmp_path), 1), Claim(str(tmp_path), 11)
    assert not first.is_retry
    second = Claim(str(tmp_path), 1)
    assert second.is_retry
    assert [claim.is_superseded() for claim in (first, second, other)] == [True, False, False]
    assert permission(tmp_path, claim=first).refusal() == "superseded"
