"""One death of each kind; `make soak` is ten of each."""

import random

import pytest

from jobs.pipeline import run_stages, stages_between
from tests.kills import IN_FLIGHT, MASTERS, kill_and_go_on
from tests.paid import open_paid, prompts, write_config

pytestmark = pytest.mark.usefixtures("one_partition")


@pytest.fixture(scope="module")
def prepared(spark, provider_process, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    run_stages(
        open_paid(write_config(folder, provider_process, prompts(120))), stages_between(None, "deduplicate-prompts")
    )
    return folder


@pytest.mark.parametrize("kind", sorted(MASTERS))
def test_what_is_in_the_journal_is_not_paid_again_and_in_flight_at_most_once(kind, prepared, provider, tmp_path):
    kill = kill_and_go_on(kind, prepared, provider, tmp_path / "copy", random.Random(kind))

    assert 0 < kill.calls_before < 120, "it died on its way"
    assert kill.paid_again == 0
    assert kill.paid_twice <= IN_FLIGHT
