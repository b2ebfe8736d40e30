"""`phase0 preflight`: is every model that a configuration asks there, and may it be asked? Before a cent is spent.

Each fault says which line of which file to change.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from openai import APIConnectionError, APIError, AuthenticationError, PermissionDeniedError
from rich.console import Console

from jobs.config.endpoints import Chosen, chosen_models, endpoint_of, known_model, known_providers, providers_file
from jobs.config.providers import ModelConfig
from jobs.config.settings import Settings
from jobs.config.yaml_lines import Place, place_of
from jobs.models.client import as_provider_error, missing_key
from jobs.models.listing import ModelListing, list_models
from jobs.models.schema_probe import probe_schema
from jobs.rendering.terminal import say
from udfs.llm.models import Endpoint

NOTICE_DAYS = 30
"""A model that leaves within so many days is not started with: a data set takes weeks, and a resumed run needs it."""
CLOCK_SECONDS = 60.0
"""More than this apart, and waits until a date and leases are wrong."""


@dataclass(frozen=True)
class PreflightFinding:
    """One thing that was looked at."""

    subject: str
    found: str
    fix: str | None = None
    """What to change or type; null where nothing needs to be."""
    is_note: bool = False
    """Worth knowing, and no fault."""

    def __str__(self) -> str:
        """The line for the terminal."""
        mark = "FIX" if self.fix else "note" if self.is_note else "ok"
        return f"{mark:<4} {self.subject}: {self.found}" + (f". {self.fix}" if self.fix else "")


def preflight(
    settings: Settings, file: Path | None, environment: Mapping[str, str], today: date | None = None
) -> list[PreflightFinding]:
    """Look at every provider and model that a configuration names.

    Args:
        settings: the configuration.
        file: where it was read from; null: it is not known, and settings are named without a line.
        environment: holds the keys.
        today: date in UTC, to compare with shutdown dates.
    """
    providers = known_providers(settings.providers)
    places = _Places(settings, file)
    day = today or datetime.now(timezone.utc).date()
    by_server: dict[str | None, list[tuple[Chosen, Endpoint]]] = {}
    for chosen in chosen_models(settings):
        endpoint = endpoint_of(chosen.choice, providers, settings.calls)
        by_server.setdefault(endpoint.base_url, []).append((chosen, endpoint))
    findings: list[PreflightFinding] = []
    for asked in by_server.values():
        listing, found = _look_at_server(*asked[0], places, environment)
        findings += found
        for chosen, endpoint in asked:
            known = known_model(chosen.choice, providers)
            models = list(_check_model(chosen, endpoint, known, listing, places, day))
            findings += models
            findings += _check_batch(chosen, endpoint, places)
            if chosen.is_judge and not any(one.fix for one in models):
                findings += _check_schema(endpoint, listing, places.schema(chosen), environment)
    return findings


def keys_not_set(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """Names of the keys that a configuration needs and the environment lacks."""
    providers = known_providers(settings.providers)
    endpoints = [endpoint_of(chosen.choice, providers, settings.calls) for chosen in chosen_models(settings)]
    return sorted({missing for one in endpoints if (missing := missing_key(one, environment))})


def print_findings(console: Console, findings: Sequence[PreflightFinding]) -> int:
    """Print what was found.

    Returns:
        Exit code: 2 where something has to be changed.
    """
    for one in findings:
        style = "bold red" if one.fix else "yellow" if one.is_note else ""
        say(console, str(one), style)
    faults = sum(one.fix is not None for one in findings)
    text = f"{faults} thing{'s' if faults > 1 else ''} to fix" if faults else "all models are ready"
    console.print(text if findings else "this configuration asks no model: nothing to check", highlight=False)
    return 2 if faults else 0


@dataclass(frozen=True)
class _Places:
    """Which line of which file says what."""

    settings: Settings
    file: Path | None

    def model(self, chosen: Chosen) -> Place | str:
        return self._find((*chosen.key, "model"))

    def schema(self, chosen: Chosen) -> Place | str:
        return self._find((*chosen.key, "structured_output"), (*chosen.key, "model"))

    def mode(self, chosen: Chosen) -> Place | str:
        return self._find((*chosen.key, "mode"), (*chosen.key, "model"))

    def _find(self, *keys: tuple[str | int, ...]) -> Place | str:
        return place_of(self.file, *keys) if self.file else ".".join(map(str, keys[0]))

    def provider(self, chosen: Chosen, option: str) -> Place | str:
        """Where that option of the provider is set: in the configuration if it is there, else in the shipped file."""
        name = chosen.choice.provider
        if name is None:
            return self._find((*chosen.key, "base_url"))
        own = self.settings.providers.get(name)
        if own is not None and option in own.model_fields_set:
            return self._find(("providers", name, option))
        return place_of(providers_file(), (name, option))


def _look_at_server(
    chosen: Chosen, endpoint: Endpoint, places: _Places, environment: Mapping[str, str]
) -> tuple[ModelListing | None, list[PreflightFinding]]:
    name, key = endpoint.provider, endpoint.api_key_env
    if missing := missing_key(endpoint, environment):
        place = places.provider(chosen, "api_key_env")
        return None, [PreflightFinding(name, f"{missing} is not set", f"Type: export {missing}=… ({place} names it)")]
    try:
        listing = list_models(endpoint, environment)
    except APIError as error:
        said = str(as_provider_error(error, endpoint, environment))
        return None, [PreflightFinding(name, said, _advice(error, chosen, key, places))]
    accepted = f"the key in {key} is accepted" if key else "it answers, no key is sent"
    count = "it does not list its models" if listing.models is None else f"models listed: {len(listing.models):,}"
    return listing, [PreflightFinding(name, f"{accepted}, {count}"), *_check_clock(name, listing.clock_ahead_seconds)]


def _advice(error: APIError, chosen: Chosen, key: str | None, places: _Places) -> str:
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        how = f"Set {key} to a valid key" if key else "Describe it under `providers` with its api_key_env"
        return f"{how} ({places.provider(chosen, 'api_key_env')})"
    question = "Is it running? If so, c" if isinstance(error, APIConnectionError) else "C"
    return f"{question}heck base_url ({places.provider(chosen, 'base_url')})"


def _check_clock(name: str, ahead: float | None) -> Iterator[PreflightFinding]:
    if ahead is not None and abs(ahead) > CLOCK_SECONDS:
        way = "ahead of" if ahead > 0 else "behind"
        found = f"this machine is {abs(ahead):,.0f} s {way} {name}"
        yield PreflightFinding("clock", found, "Set it. Type: sudo timedatectl set-ntp true")


def _check_model(
    chosen: Chosen, endpoint: Endpoint, known: ModelConfig, listing: ModelListing | None, places: _Places, today: date
) -> Iterator[PreflightFinding]:
    fault = _model_fault(endpoint, known, listing, today)
    if fault is not None:
        instead = known.replacement or _nearest(endpoint.model, listing)
        override = ".".join(map(str, (*chosen.key, "model")))
        advice = f"{places.model(chosen)}: write model: {instead} (or add --set {override}={instead})"
        yield PreflightFinding(chosen.role, fault, advice)
        return
    if listing is not None:
        yield PreflightFinding(
            chosen.role, endpoint.model + (" is listed" if listing.models is not None else " is not checked")
        )
    if known.shutdown_date is not None:
        days = (known.shutdown_date - today).days
        leaves = f"{endpoint.model} leaves on {known.shutdown_date}, in {days} days; then use {known.replacement}"
        yield PreflightFinding(chosen.role, leaves, is_note=True)


def _check_batch(chosen: Chosen, endpoint: Endpoint, places: _Places) -> Iterator[PreflightFinding]:
    """Whether what is to go by batches can, and is cheaper that way."""
    if chosen.choice.mode == "online":
        return
    place = places.mode(chosen)
    if endpoint.batch is None:
        found = f"{endpoint.provider} has no Batch API for {endpoint.model}, and mode is {chosen.choice.mode}"
        override = ".".join(map(str, (*chosen.key, "mode")))
        yield PreflightFinding(chosen.role, found, f"{place}: write mode: online (or add --set {override}=online)")
    elif endpoint.prices.batch_discount is None and not endpoint.is_free:
        found = f"no discount of batches is known for {endpoint.model}: they are counted, and reserved, at full price"
        yield PreflightFinding(chosen.role, found, is_note=True)
    else:
        yield PreflightFinding(chosen.role, f"{endpoint.provider} takes {endpoint.model} in batches")


def _check_schema(
    endpoint: Endpoint, listing: ModelListing | None, place: Place | str, environment: Mapping[str, str]
) -> Iterator[PreflightFinding]:
    """Whether the judge follows a JSON schema: tried where a call costs nothing, else believed."""
    if not endpoint.structured_output:
        tolerant = (
            "takes no JSON schema, so its replies are read tolerantly, and asked for once more where that fails; if it "
            f"does take one, write structured_output: true ({place})"
        )
        yield PreflightFinding("judge", f"{endpoint.model} {tolerant}", is_note=True)
    elif listing is not None and endpoint.is_free:
        fault = probe_schema(endpoint, environment)
        if fault is None:
            yield PreflightFinding("judge", f"{endpoint.model} follows a JSON schema")
        else:
            advice = f"{place}: write structured_output: false; its replies are then read tolerantly"
            yield PreflightFinding("judge", f"{endpoint.model} does not follow a JSON schema: {fault}", advice)


def _model_fault(endpoint: Endpoint, known: ModelConfig, listing: ModelListing | None, today: date) -> str | None:
    leaves = known.shutdown_date
    if leaves is not None and leaves <= today + timedelta(days=NOTICE_DAYS):
        return f"{endpoint.model} {'left' if leaves <= today else 'leaves'} {endpoint.provider} on {leaves}"
    if listing is None and not known.listed:
        return f"{endpoint.model} was missing from the catalogue of {endpoint.provider} when it was last read"
    if listing is not None and listing.lacks(endpoint.model):
        return f"{endpoint.provider} does not list {endpoint.model}"
    return None


def _nearest(model: str, listing: ModelListing | None) -> str:
    names = sorted(listing.models or ()) if listing else []
    near = difflib.get_close_matches(model, names, n=1) or names[:1]
    return near[0] if near else "another model"
