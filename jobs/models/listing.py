"""What a provider lists: one `GET /models`, which costs nothing and shows whether key, address and clock are right."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from openai import APIStatusError

from jobs.models.client import open_client
from udfs.llm.models import Endpoint

_TIMEOUT_SECONDS = 20.0
_NO_LISTING = (404, 405, 501)


@dataclass(frozen=True)
class ModelListing:
    """What a provider answered when asked for its models."""

    models: frozenset[str] | None
    """Null where it does not list them."""
    clock_ahead_seconds: float | None
    """How far this machine's clock is ahead of the provider's; null where it did not say its time."""

    def lacks(self, model: str) -> bool:
        """Whether models are listed and this is none of them.

        `name:tag` of Ollama and `name:provider` of a router count as the name.
        """
        if self.models is None:
            return False
        names = {name.partition(":")[0] for name in self.models}
        return model not in self.models and model not in names and model.partition(":")[0] not in self.models


def list_models(endpoint: Endpoint, environment: Mapping[str, str]) -> ModelListing:
    """Ask a provider for its models.

    Raises:
        ConfigError: the key is not in the environment.
        openai.APIError: it refuses, or cannot be reached.
    """
    client = open_client(endpoint, environment, _TIMEOUT_SECONDS)
    asked = datetime.now(timezone.utc)
    try:
        response = client.models.with_raw_response.list().http_response
    except APIStatusError as error:
        if error.status_code not in _NO_LISTING:
            raise
        return ModelListing(None, None)
    here = asked + (datetime.now(timezone.utc) - asked) / 2
    return ModelListing(_names(response.text), _seconds_ahead(here, response.headers.get("date")))


def _names(text: str) -> frozenset[str] | None:
    """Model names of a listing; most providers give `{data: [{id}]}`, Together the bare list."""
    try:
        data: Any = json.loads(text)
    except ValueError:
        return None
    models = data.get("data") if isinstance(data, dict) else data
    if not isinstance(models, list):
        return None
    return frozenset(str(model["id"]) for model in models if isinstance(model, dict) and "id" in model)


def _seconds_ahead(here: datetime, header: str | None) -> float | None:
    try:
        there = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return (here - there.replace(tzinfo=there.tzinfo or timezone.utc)).total_seconds()
