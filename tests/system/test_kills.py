"""One death of each kind; `make soak` is ten of each."""

import random

import pytest

from tests.support.kills import IN_FLIGHT, MASTERS, kill_and_go_on
from tests.support.paid import prepare, prompts

pytestmark = pytest.mark.usefixtures("one_partition")


@pytest.fixture(scope="module")
def prepared(spark, provider_process, tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("kills"), provider_process, prompts(120))


@pytest.mark.parametrize("kind", sorted(MASTERS))
def test_what_is_in_the_journal_is_not_paid_again_and_in_flight_at_most_once(kind, prepared, provider, tmp_path):
    kill = kill_and_go_on(kind, prepared, provider, tmp_path / "copy", random.Random(kind))

    assert 0 < kill.calls_before < 120, "it died on its way"
    assert kill.paid_again == 0
    assert kill.paid_twice <= IN_FLIGHT
