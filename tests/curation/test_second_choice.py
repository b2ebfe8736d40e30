"""Where a kept row is not exported after all, the row that fell to it takes its place, and nobody is paid twice."""

import json
from collections import Counter

import pytest
import yaml

from jobs.curation.reviews import ReviewVerdict, record_verdicts
from jobs.pipeline import STAGES, build_data_set
from schemas.tables import DUPLICATES, EXAMPLES, FATES, PAIRS
from tests.support.demo import open_quietly
from tests.support.paid import own_response

pytestmark = pytest.mark.usefixtures("one_partition")

PRICES = {"input": 2.5, "output": 10}
# Token -> rating of the judge. Odd ones come from the source that goes first, and the next one is their twin.
RATINGS = {"t1": 3, "t2": 9, "t3": 3, "t4": 4, "t5": 9, "t6": 8}
SUBJECTS = ("the tides of the northern sea", "the bark of old birches", "the clocks of small towns")


def record(number: int) -> dict[str, str]:
    subject = SUBJECTS[(number - 1) // 2]
    asked = (
        f"Explain #t{number}# in your own words and without a list what a patient observer learns about {subject} in "
        f"the course of one long winter, which tools help most with {subject}, and what a beginner should not even try."
    )
    return {"instruction": asked, "input": "", "output": own_response(number)}


@pytest.fixture
def config(provider, tmp_path):
    """Two sources of twins, their own answers, and a judge that is asked about them."""
    for name, numbers in (("first", (1, 3, 5)), ("second", (2, 4, 6))):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in numbers))
    source = {"format": "alpaca", "licence": "MIT", "category": "general", "language": "en"}
    provider.behave(ratings=RATINGS)
    settings = {
        "workspace": str(tmp_path / "workspace"),
        "sources": [
            {"name": name, "path": f"{name}.jsonl", "priority": priority, **source}
            for priority, name in enumerate(("first", "second"))
        ],
        "providers": {"test": {"base_url": provider.base_url, "models": {"judge-1": {"prices": PRICES}}}},
        "score": {"kind": "judge", "provider": "test", "model": "judge-1"},
        "budget": {"run_usd": 10},
        "calls": {"max_wait_seconds": 5, "lease_seconds": 4, "grace_seconds": 2},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "c.yaml"


def run(config, *overrides):
    """Run to the end: the runtime, and whether there was nothing to do."""
    runtime = open_quietly(config, *overrides)
    results = build_data_set(runtime, STAGES, approve=lambda _: None)
    return runtime, {result.status for result in results} == {"up to date"}


def told(runtime):
    """Token -> its fate, and the token that it fell to."""
    tokens = {row["example_id"]: row["instruction"].split("#")[1] for row in runtime.read(EXAMPLES).collect()}
    twins = {row["id"]: row["duplicate_of"] for row in runtime.read(DUPLICATES).where("pass = 'prompt'").collect()}
    return {
        tokens[row["example_id"]]: (row["reason"], tokens.get(twins.get(row["example_id"])))
        for row in runtime.read(FATES).collect()
    }


def judged(provider):
    return Counter(call.token for call in provider.calls())


def test_what_fell_to_a_row_that_is_not_exported_comes_back_until_nothing_changes(spark, config, provider):
    runtime, _ = run(config)

    assert told(runtime) == {
        "t1": ("duplicate_prompt", "t2"),
        "t2": ("selected", None),
        "t3": ("duplicate_prompt", "t4"),
        "t4": ("low_score", None),
        "t5": ("selected", None),
        "t6": ("duplicate_prompt", "t5"),
    }
    assert judged(provider) == dict.fromkeys(("t1", "t2", "t3", "t4", "t5"), 1)
    assert run(config)[1] and judged(provider).total() == 5, "the same again has nothing to do"

    fate = runtime.read(PAIRS).where("instruction like '%#t5#%'").collect()[0]
    record_verdicts(runtime, [ReviewVerdict(fate["pair_id"], "drop", "wrong", "row 1")], "ana")
    runtime, _ = run(config)

    assert told(runtime)["t6"] == ("selected", None) and told(runtime)["t5"] == ("duplicate_prompt", "t6")
    assert judged(provider) == dict.fromkeys(RATINGS, 1)


def test_it_can_be_switched_off(spark, config):
    runtime, _ = run(config, "deduplicate.second_choice=false")

    assert told(runtime)["t1"] == ("low_score", None) and told(runtime)["t2"] == ("duplicate_prompt", "t1")
