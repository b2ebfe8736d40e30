"""`phase0 ask`: one question to one teacher, its answer, its tokens and its cost."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from openai import APIError
from pydantic import ValidationError
from rich.console import Console

from jobs.config.calls import CallsConfig
from jobs.config.endpoints import endpoint_of, known_providers, name_faults
from jobs.config.load import find_config, load_settings
from jobs.config.prompt_files import load_answer_prompt
from jobs.config.settings import Settings
from jobs.config.teachers import TeacherConfig
from jobs.models.client import as_provider_error, open_client, redactor
from jobs.rendering.terminal import say
from schemas.errors import ConfigError, ProviderError
from udfs.llm.answers import read_answer
from udfs.llm.cost import Usage, cost_of
from udfs.llm.failures import Failure
from udfs.llm.models import Endpoint
from udfs.llm.prompts import AnswerPrompt, answer_messages
from udfs.printable import printable


@dataclass(frozen=True)
class Teacher:
    """Who is asked, and how."""

    endpoint: Endpoint
    config: TeacherConfig
    prompt: AnswerPrompt


@dataclass(frozen=True)
class ModelReply:
    """What came back."""

    text: str
    finish_reason: str
    """`stop`, `length` where it was cut, `content_filter`, or what the provider calls it."""
    served_model: str
    usage: Usage | None
    cost_usd: Decimal | None
    """Null where the provider does not say what it counted."""
    seconds: float


def find_teacher(name: str, config: str, overrides: Sequence[str], *, is_default: bool) -> Teacher:
    """A teacher of the configuration, or a model of `conf/providers.yaml`, alone or as `provider/model`.

    Args:
        name: what the user typed.
        config: the configuration.
        overrides: of its settings.
        is_default: whether the user named no configuration, so that there need not be one.

    Raises:
        ConfigError: there is no such teacher; names those there are.
    """
    settings = None if is_default and not Path(config).is_file() else load_settings(config, overrides)
    if settings is not None:
        for teacher in settings.distill.models:
            if teacher.name == name:
                return _teacher(teacher, settings)
    known = known_providers(settings.providers if settings else None)
    served_by = [provider for provider, about in known.items() if name in about.models]
    provider, slash, model = (served_by[0], "/", name) if len(served_by) == 1 else name.partition("/")
    if slash and provider in known:
        if faults := list(name_faults(provider, model, known)):
            raise ConfigError("\n".join(faults))
        return _teacher(TeacherConfig(name="asked", kind="model", provider=provider, model=model), settings)
    raise ConfigError(f"no teacher {name}; {_choices(settings, config, known)}")


def local_teacher(base_url: str, model: str) -> Teacher:
    """A model at an address that needs no key.

    Raises:
        ConfigError: the address is none.
    """
    try:
        return _teacher(TeacherConfig(name="asked", kind="model", base_url=base_url, model=model), None)
    except ValidationError:
        # What was given is not shown: it may hold a password.
        raise ConfigError("--base-url: write an address such as http://127.0.0.1:8000/v1, without a password") from None


def _teacher(config: TeacherConfig, settings: Settings | None) -> Teacher:
    providers = known_providers(settings.providers if settings else None)
    endpoint = endpoint_of(config, providers, settings.calls if settings else CallsConfig())
    prompt = load_answer_prompt(settings.distill.prompt) if settings else AnswerPrompt()
    return Teacher(endpoint, config, prompt)


def _choices(settings: Settings | None, config: str, known: Mapping[str, Any]) -> str:
    models = [teacher.name for teacher in settings.distill.models] if settings else []
    here = f"{find_config(config).name} has {', '.join(models) or 'no model teacher'}; " if settings else ""
    listed = [f"{name}/{model}" for name, provider in known.items() for model in provider.models]
    return f"{here}without a configuration: {', '.join(listed)}, or a model of your own server with --base-url URL"


def ask(
    teacher: Teacher,
    instruction: str,
    environment: Mapping[str, str],
    *,
    system: str | None = None,
    max_tokens: int | None = None,
) -> ModelReply:
    """Ask once. What it costs is billed by the provider and is in no ledger.

    Raises:
        ConfigError: the key is not in the environment.
        ProviderError: there is no answer; says why.
    """
    endpoint, profile = teacher.endpoint, teacher.endpoint.profile
    messages = answer_messages(teacher.prompt, system=system, history=(), instruction=instruction)
    temperature = teacher.config.temperature if profile.accepts_temperature else None
    body = {
        "model": endpoint.model,
        "messages": [dict(message) for message in messages],
        profile.max_tokens_field: max_tokens or teacher.config.max_tokens,
        **({} if temperature is None else {"temperature": temperature}),
        **{name: json.loads(value) for name, value in profile.extra_body},
    }
    client, started = open_client(endpoint, environment), time.monotonic()
    try:
        response = client.post("/chat/completions", cast_to=httpx2.Response, body=body)
    except APIError as error:
        raise as_provider_error(error, endpoint, environment) from None
    seconds = time.monotonic() - started
    found = read_answer(response.content, redactor(endpoint, environment))
    if isinstance(found, Failure):
        if found.kind in ("unreadable", "no_answer"):
            raise ProviderError(
                f"{endpoint.base_url} answers, but not as the OpenAI API does; does the address end in /v1?"
            )
        raise ProviderError(f"{endpoint.provider} ({endpoint.base_url}) answers {found.message}")
    return ModelReply(
        text=found.text or "",
        finish_reason=found.finish_reason or "not said",
        served_model=found.served_model or endpoint.model,
        usage=found.usage,
        cost_usd=None if found.usage is None else cost_of(found.usage, endpoint.prices),
        seconds=seconds,
    )


def show_answer(console: Console, teacher: Teacher, answer: ModelReply) -> None:
    """Print the answer as it is, and below it what it took."""
    say(console, answer.text)
    tokens = (
        f"{answer.usage.prompt_tokens:,} + {answer.usage.completion_tokens:,} tokens"
        if answer.usage
        else "tokens not said"
    )
    cost = (
        "no price, $0"
        if teacher.endpoint.is_free
        else f"${answer.cost_usd:.6f}"
        if answer.cost_usd is not None
        else "cost not known"
    )
    cut = ", cut: --max-tokens gives it more room" if answer.finish_reason == "length" else ""
    facts = (answer.served_model, tokens, cost, f"{answer.seconds:.1f} s", answer.finish_reason + cut)
    line = "-- " + " · ".join(printable(fact) for fact in facts)
    say(console, line, "dim")
