"""What the paid part of a configuration refuses: everything that does not fit together, at once."""

import re

import pytest
import yaml

from jobs.config.addresses import secret_in
from jobs.config.load import load_settings
from schemas.errors import ConfigError
from tests.support.paths import ROOT

SOURCES = [{"name": "a", "path": "a.jsonl", "licence": "MIT"}]
PUBLIC = {"name": "public", "kind": "public"}
LOCAL = {"name": "local", "kind": "model", "base_url": "http://127.0.0.1:1/v1", "model": "m"}


def faults_of(tmp_path, **sections) -> str:
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump({"sources": SOURCES, **sections}))
    with pytest.raises(ConfigError) as caught:
        load_settings(str(path))
    return str(caught.value)


def test_all_faults_of_teachers_judge_and_budget_come_at_once(tmp_path):
    said = faults_of(
        tmp_path,
        distill={
            "samples_per_prompt": 2,
            "teachers": [
                PUBLIC,
                {"name": "one", "kind": "model", "provider": "opnai", "model": "gpt-4o", "temperature": 0},
                {"name": "two", "kind": "model", "fallbacks": ["two", "three"], "weights": {"code": 0}, "weight": 0},
                {"name": "one", "kind": "model", "provider": "openai", "model": "gpt-4o", "weights": {"code": 0}},
                {"name": "four", "model": "m"},
            ],
        },
        score={"kind": "judge", "weights": [0, 0, 0, 0]},
        budget={"run_usd": 5, "score_usd": 6},
    )

    for fault in (
        "distill: the teacher one is named twice",
        "one: no provider opnai, did you mean openai?",
        "two: needs a model",
        "two: needs a provider, or the base_url of a server that wants no key",
        "the teacher two is its own fallback",
        "the fallback three of two names no model teacher; there is one",
        "four: a teacher of kind public is called public; a model needs `kind: model`",
        "four: kind public asks no model; say `kind: model`",
        "one at temperature 0 gives the same answer 2 times",
        "score: needs a model",
        "weights [0, 0, 0, 0]: none may be negative, one must be positive",
        "score_usd 6 is above run_usd 5",
    ):
        assert fault in said


@pytest.mark.parametrize(
    ("distill", "fault"),
    [
        ({"teachers": [LOCAL]}, "`when: missing` uses public responses"),
        ({"teachers": [PUBLIC, LOCAL], "when": "always"}, "leaves the teacher public nothing to do"),
        ({"teachers": [PUBLIC, {**LOCAL, "weights": {"code": 0}}]}, "no teacher has a weight for code"),
        ({"teachers": [PUBLIC, {**LOCAL, "share": 0.5}]}, "the shares of the models sum to 0.5, wanted 1"),
        ({"teachers": [PUBLIC, {**LOCAL, "provider": "openai"}]}, "give a provider or a base_url, not both"),
        ({"teachers": [PUBLIC, {**LOCAL, "max_tokens": 9, "max_tokens_cap": 8}]}, "cap 8 is below max_tokens 9"),
        ({"teachers": [PUBLIC, {**LOCAL, "name": "public"}]}, "a model may not be called public"),
        (
            {"teachers": [PUBLIC, LOCAL, {**LOCAL, "name": "two", "mode": "batch"}]},
            "local and two are the same model, which is asked in one mode: local says online and two batch",
        ),
        ({"prompt": "answer.v9"}, "distill.prompt: no prompt answer.v9; give a YAML file or one of answer.v1"),
        ({"prompt": "judge.v1"}, "distill.prompt: judge.v1: rubric: Extra inputs are not permitted"),
    ],
)
def test_teachers_that_do_not_fit_are_refused_with_the_reason(tmp_path, distill, fault):
    assert fault in faults_of(tmp_path, distill=distill)


def test_the_example_of_the_docs_is_valid(tmp_path):
    readme = ROOT.joinpath("docs/PAID_RUNS.md").read_text("utf-8")
    (example,) = [block for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "teachers:" in block]
    (tmp_path / "my.yaml").write_text(example + yaml.safe_dump({"sources": SOURCES}))
    assert [teacher.name for teacher in load_settings(str(tmp_path / "my.yaml")).distill.models] == ["talks", "codes"]


def test_models_that_cost_money_need_a_budget(tmp_path):
    said = faults_of(tmp_path, score={"kind": "judge", "provider": "openai", "model": "gpt-4o-mini"})
    assert "budget.run_usd: judge costs money, so say how much may be spent at most" in said


def test_a_key_in_the_wrong_place_is_refused_and_not_shown(tmp_path):
    said = faults_of(tmp_path, providers={"mine": {"base_url": "http://x/v1", "api_key_env": "sk-secret-key"}})
    assert "providers.mine.api_key_env" in said and "a key belongs in an environment variable" in said
    assert "secret" not in said


def test_a_provider_without_an_address_is_refused(tmp_path):
    assert "providers.mine: needs a base_url" in faults_of(tmp_path, providers={"mine": {"rpm": 5}})


def test_an_unknown_key_of_a_provider_names_the_known_ones(tmp_path):
    said = faults_of(tmp_path, providers={"openai": {"models": {"gpt-4o": {"price": 3}}}})
    assert "providers.openai.models.gpt-4o.price: unknown key, perhaps prices; known here are rpm, tpm" in said


def test_a_user_s_own_template_is_read_and_its_faults_are_named(tmp_path):
    own = tmp_path / "judge.yaml"
    own.write_text("rubric: r\npair: '{{ answer }}'\nagain: a\n")
    assert "pair is no template: 'answer' is undefined" in faults_of(tmp_path, score={"prompt": str(own)})


@pytest.mark.parametrize(
    "address",
    [
        "https://user:secret-of-mine@x/v1",
        "https://x/v1?api_key=secret-of-mine",
        "https://x/v1?API-Key=secret-of-mine&api-version=2024-10-21",
        "https://x/v1?a=1&access_token=secret-of-mine",
        "https://x/v1?sig=secret-of-mine",
        "https://x/v1#token=secret-of-mine",
        "https://x/sk-proj-secretofmine12345678/v1",
        "https://x/v1?x=sk%2Dor-v1-secretofmine12345678",
    ],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(tmp_path, address):
    for settings in (
        {"providers": {"mine": {"base_url": address}}},
        {"distill": {"teachers": [{**LOCAL, "base_url": address}]}},
    ):
        said = faults_of(tmp_path, **settings)
        assert "base_url" in said
        assert "secret-of-mine" not in said
        assert "secretofmine" not in said


@pytest.mark.parametrize(
    "address",
    ["https://x/openai/v1?api-version=2024-10-21", "http://task-runner-of-the-long-name:8000/v1", "http://[::1]:1/v1"],
)
def test_an_address_without_a_secret_is_taken(address):
    assert secret_in(address) is None
