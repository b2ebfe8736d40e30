"""From names in a configuration to endpoints: `conf/providers.yaml`, changed by what the configuration says.

A model at a `base_url` needs no entry anywhere: it costs nothing and has no limits.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from jobs.config.calls import CallsConfig
from jobs.config.providers import LimitsConfig, ModelConfig, ProfileConfig, ProviderConfig
from jobs.config.settings import Settings
from jobs.config.teachers import ModelChoice
from udfs.llm.models import BatchApi, Endpoint, Prices, Profile, RateLimits

_FREE = Prices(input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(0))
_IN_FLIGHT = 64
_MINUTE = 60.0


@dataclass(frozen=True)
class Chosen:
    """One model that a configuration asks, and where it says so."""

    role: str
    """Such as `teacher gpt-4o`, or `judge`."""
    key: tuple[str | int, ...]
    """Its section of the configuration."""
    choice: ModelChoice
    is_judge: bool = False


def providers_file() -> Path:
    """The file of what is known of providers."""
    return Path(str(resources.files("conf").joinpath("providers.yaml")))


@cache
def _shipped() -> Mapping[str, Any]:
    data: Mapping[str, Any] = yaml.safe_load(resources.files("conf").joinpath("providers.yaml").read_text("utf-8"))
    return data


def known_providers(own: Mapping[str, ProviderConfig] | None = None) -> dict[str, ProviderConfig]:
    """All providers: the shipped ones, changed and added to by those of a configuration."""
    changes = {name: provider.model_dump(exclude_unset=True) for name, provider in (own or {}).items()}
    return {name: ProviderConfig.model_validate(data) for name, data in _merged(_shipped(), changes).items()}


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def chosen_models(settings: Settings) -> Iterator[Chosen]:
    """Every model the configuration asks: the teachers in order, then the judge."""
    for place, teacher in enumerate(settings.distill.teachers):
        if teacher.kind == "model":
            yield Chosen(f"teacher {teacher.name}", ("distill", "teachers", place), teacher)
    if settings.score.asks_judge:
        yield Chosen("judge", ("score",), settings.score, is_judge=True)


def known_model(choice: ModelChoice, providers: Mapping[str, ProviderConfig]) -> ModelConfig:
    """What is known of the model; nothing where it is at a `base_url`."""
    models = {} if choice.provider is None else providers[choice.provider].models
    return _entry(choice.model or "", models) or ModelConfig()


def _entry(name: str, models: Mapping[str, ModelConfig]) -> ModelConfig | None:
    """A model's entry; a router's `model:provider` is the model, whichever provider behind it is named."""
    return models.get(name) or models.get(name.rpartition(":")[0])


def endpoint_of(choice: ModelChoice, providers: Mapping[str, ProviderConfig], calls: CallsConfig) -> Endpoint:
    """Where and how to ask a model that `name_faults` has nothing against."""
    if choice.provider is None:
        # vLLM, Ollama, llama.cpp and their like follow a schema; the preflight sees whether this one does.
        name = urlsplit(choice.base_url or "").netloc
        provider = ProviderConfig(base_url=choice.base_url, structured_output=True)
    else:
        name, provider = choice.provider, providers[choice.provider]
    model = known_model(choice, providers)
    said = (choice.takes_schema, model.structured_output, provider.structured_output)
    return Endpoint(
        provider=name,
        model=choice.model or "",
        base_url=provider.base_url,
        api_key_env=provider.api_key_env,
        prices=_prices(model),
        limits=_limits(model, provider, calls),
        profile=_profile(model.profile or ProfileConfig()),
        timeout_seconds=calls.timeout_seconds,
        structured_output=next(takes for takes in said if takes is not None),
        batch=_batch(model, provider),
    )


def _prices(model: ModelConfig) -> Prices:
    prices = model.prices
    if prices is None:
        return _FREE
    return Prices(
        input_usd_per_mtok=prices.input,
        output_usd_per_mtok=prices.output,
        cached_input_usd_per_mtok=prices.cached_input,
        batch_discount=prices.batch_discount,
        read_on=prices.read_on.isoformat() if prices.read_on else None,
    )


def _limits(model: LimitsConfig, provider: LimitsConfig, calls: CallsConfig) -> RateLimits:
    rpm, tpm = model.rpm or provider.rpm, model.tpm or provider.tpm
    # The window holds a whole request at least.
    window = max(model.window_seconds or provider.window_seconds or _MINUTE, _MINUTE / (rpm or _MINUTE))
    return RateLimits(
        rpm=rpm and max(1, int(rpm * window / _MINUTE)),
        tpm=tpm and max(1, int(tpm * window / _MINUTE)),
        window_seconds=window,
        max_in_flight=calls.concurrency or model.max_in_flight or provider.max_in_flight or _IN_FLIGHT,
    )


def _batch(model: ModelConfig, provider: ProviderConfig) -> BatchApi | None:
    api = provider.batch
    if api is None or not model.batch:
        return None
    return BatchApi(
        shape=api.shape,
        max_requests=api.max_requests,
        max_bytes=int(api.max_file_mb * 1e6),
        window_hours=api.window_hours,
        queue_tokens=model.batch_queue_tokens,
    )


def _profile(profile: ProfileConfig) -> Profile:
    extra = tuple((name, json.dumps(value, sort_keys=True)) for name, value in sorted(profile.extra_body.items()))
    return Profile(
        max_tokens_field=profile.max_tokens_field, accepts_temperature=profile.accepts_temperature, extra_body=extra
    )


def name_faults(provider: str, model: str, providers: Mapping[str, ProviderConfig]) -> Iterator[str]:
    """What is wrong with the names of a provider and a model: nobody knows them, or nobody gave a price."""
    if provider not in providers:
        yield f"no provider {provider}{_known(provider, providers)}; add your own under `providers`"
        return
    models = providers[provider].models
    entry = _entry(model, models)
    if entry is None:
        yield (
            f"{provider} has no model {model}{_known(model, models)}; if it is new, describe it under "
            f"providers.{provider}.models, with its prices"
        )
    elif entry.prices is None and providers[provider].api_key_env is not None:
        yield f"no prices of {model} are known; set providers.{provider}.models.{model}.prices"


def money_faults(settings: Settings) -> Iterator[str]:
    """What keeps the models of a configuration from being asked or paid for, each with its key."""
    providers = known_providers(settings.providers)
    yield from (
        f"providers.{name}: needs a base_url" for name, provider in providers.items() if provider.base_url is None
    )
    models = [(chosen.role, known_model(chosen.choice, providers)) for chosen in chosen_models(settings)]
    priced = [role for role, model in models if any(_prices_of(model))]
    if priced and settings.budget.run_usd is None:
        yield (
            f"budget.run_usd: {', '.join(priced)} cost{'s' if len(priced) == 1 else ''} money, so say how much may be "
            "spent at most, such as budget: {run_usd: 10}"
        )


def _prices_of(model: ModelConfig) -> tuple[Decimal, ...]:
    return (model.prices.input, model.prices.output) if model.prices else ()


def _known(name: str, names: Iterable[str]) -> str:
    there = sorted(names)
    close = difflib.get_close_matches(name, there, n=1)
    return f", did you mean {close[0]}?" if close else f"; there is {', '.join(there) or 'none'}"
