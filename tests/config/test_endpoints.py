"""Providers and models as data: what ships, what a configuration changes, and what cannot be asked."""

from decimal import Decimal

import pytest
import yaml

from jobs.answers.specs import judge_spec, teacher_specs
from jobs.config.calls import CallsConfig
from jobs.config.endpoints import chosen_models, endpoint_of, known_providers, name_faults
from jobs.config.load import load_settings
from jobs.config.providers import ProviderConfig
from jobs.config.teachers import ModelChoice, ScorerConfig

SOURCES = [{"name": "a", "path": "a.jsonl", "licence": "MIT"}]
NO_LIMITS = CallsConfig()


def settings_with(tmp_path, **sections):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump({"sources": SOURCES, **sections}))
    return load_settings(str(path))


@pytest.mark.parametrize("name", ["reference", "current"])
def test_each_price_of_a_shipped_configuration_is_known_and_dated_or_says_that_it_is_not(name):
    providers = known_providers()
    chosen = list(chosen_models(load_settings(name)))
    assert len(chosen) == 4 and [one.is_judge for one in chosen] == [False, False, False, True]
    for one in chosen:
        model = providers[one.choice.provider].models[one.choice.model]
        assert model.prices is not None and model.prices.input > 0
        assert model.prices.read_on is not None or "date" in model.note


def test_the_reference_is_the_mission():
    settings = load_settings("reference")
    assert {teacher.name: teacher.share for teacher in settings.distill.models} == {
        "llama-3.1-405b": 0.40,
        "gpt-4o": 0.35,
        "qwen3-coder-480b": 0.25,
    }
    assert settings.score.model == "gpt-4o-mini" and settings.budget.run_usd == 150


def test_no_key_is_in_what_travels_to_executors(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    settings = load_settings("current")
    specs = [*teacher_specs(settings).values(), judge_spec(settings)]
    assert "OPENAI_API_KEY" in repr(specs) and "sk-secret" not in repr(specs)


def test_a_configuration_changes_one_number_and_keeps_the_rest():
    own = {"openai": ProviderConfig.model_validate({"models": {"gpt-4o": {"rpm": 9}}})}

    endpoint = endpoint_of(ModelChoice(provider="openai", model="gpt-4o"), known_providers(own), NO_LIMITS)

    assert endpoint.limits.rpm == 9 and endpoint.limits.tpm == 30_000
    assert endpoint.prices.output_usd_per_mtok == Decimal("10.00") and endpoint.api_key_env == "OPENAI_API_KEY"


@pytest.mark.parametrize(
    ("limits", "rpm", "tpm", "seconds"),
    [
        ({"rpm": 600, "tpm": 60_000, "window_seconds": 10}, 100, 10_000, 10.0),
        ({"rpm": 7, "window_seconds": 1}, 1, None, 60 / 7),
        ({"rpm": 600}, 600, None, 60.0),
    ],
    ids=["in proportion", "a whole request", "a minute"],
)
def test_limits_are_kept_in_the_window_that_is_named(limits, rpm, tpm, seconds):
    own = {"mine": ProviderConfig.model_validate({"base_url": "http://gpu:8000/v1", "models": {"qwen": {}}, **limits})}

    found = endpoint_of(ModelChoice(provider="mine", model="qwen"), known_providers(own), NO_LIMITS).limits

    assert (found.rpm, found.tpm, found.window_seconds) == (rpm, tpm, pytest.approx(seconds))


def test_a_server_of_ones_own_needs_nothing_but_a_model():
    endpoint = endpoint_of(ModelChoice(base_url="http://gpu:8000/v1", model="qwen"), known_providers(), NO_LIMITS)
    assert endpoint.key == ("gpu:8000", "qwen") and endpoint.api_key_env is None and endpoint.is_free
    assert endpoint.limits.rpm is None and endpoint.structured_output


@pytest.mark.parametrize(("said", "takes"), [(None, True), (False, False), (True, True)])
def test_whether_the_judge_takes_a_schema_can_be_said(said, takes):
    choice = ScorerConfig(kind="judge", base_url="http://x/v1", model="m", structured_output=said)
    assert endpoint_of(choice, known_providers(), NO_LIMITS).structured_output is takes


def test_what_a_model_wants_shapes_what_it_is_asked():
    spec = teacher_specs(load_settings("current"))["gpt-6-sol"]
    profile = spec.endpoint.profile
    assert spec.temperature is None and profile.max_tokens_field == "max_completion_tokens"
    assert dict(profile.extra_body)["reasoning_effort"] == '"none"'


def test_a_router_s_choice_of_provider_is_the_same_model():
    known = known_providers()
    pinned = "Qwen/Qwen3.6-35B-A3B:novita"
    assert not list(name_faults("huggingface", pinned, known))
    assert (
        endpoint_of(ModelChoice(provider="huggingface", model=pinned), known, NO_LIMITS).prices.input_usd_per_mtok > 0
    )


@pytest.mark.parametrize(
    ("provider", "model", "message"),
    [
        ("opnai", "gpt-4o", "no provider opnai, did you mean openai?"),
        ("acme", "x", "there is huggingface, openai, together; add your own under `providers`"),
        ("openai", "gpt-4o-mni", "openai has no model gpt-4o-mni, did you mean gpt-4o-mini?"),
    ],
)
def test_a_name_that_nobody_knows_gets_a_suggestion(provider, model, message):
    assert message in "\n".join(name_faults(provider, model, known_providers()))


def test_a_paid_model_without_a_price_is_refused_and_a_free_server_needs_none():
    own = {
        "paid": ProviderConfig.model_validate({"base_url": "https://p/v1", "api_key_env": "K", "models": {"m": {}}}),
        "free": ProviderConfig.model_validate({"base_url": "http://f/v1", "models": {"m": {}}}),
    }
    known = known_providers(own)
    assert list(name_faults("paid", "m", known)) == ["no prices of m are known; set providers.paid.models.m.prices"]
    assert not list(name_faults("free", "m", known))
