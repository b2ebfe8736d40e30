"""One connection to a provider from the driver, for single calls: `phase0 ask` and the preflight.

A key is read from the environment here and nowhere stored. A server that needs none is sent none, whatever else is in
the environment.
"""

from collections.abc import Mapping

from openai import APIConnectionError, APIError, AuthenticationError, OpenAI, PermissionDeniedError
from openai._types import Omit

from schemas.errors import ConfigError, ProviderError
from udfs.llm.client import failure_of
from udfs.llm.models import Endpoint
from udfs.llm.redaction import Redactor

# The SDK insists on a key; servers without one ignore it.
_NO_KEY = "none"
_OPENAI = "https://api.openai.com"


def open_client(endpoint: Endpoint, environment: Mapping[str, str], timeout_seconds: float | None = None) -> OpenAI:
    """A client for an endpoint that tries once.

    Raises:
        ConfigError: the key is not in the environment.
    """
    if missing := missing_key(endpoint, environment):
        raise ConfigError(f"{missing} is not set. Type: export {missing}=…")
    key = find_key(endpoint, environment)
    # Organisation and project of an OpenAI account are in the environment too, and are nobody else's business.
    is_openai = (endpoint.base_url or _OPENAI).startswith(_OPENAI)
    withheld = {} if is_openai else {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
    return OpenAI(
        api_key=key or _NO_KEY,
        base_url=endpoint.base_url,
        timeout=timeout_seconds or endpoint.timeout_seconds,
        max_retries=0,
        default_headers=withheld,  # type: ignore[arg-type]  # the SDK's own way to leave a header out
    )


def find_key(endpoint: Endpoint, environment: Mapping[str, str]) -> str | None:
    """The endpoint's key; null where it is not set or none is needed."""
    return environment.get(endpoint.api_key_env, "").strip() or None if endpoint.api_key_env else None


def missing_key(endpoint: Endpoint, environment: Mapping[str, str]) -> str | None:
    """Name of the key that the endpoint needs and the environment lacks; null: nothing is missing."""
    return endpoint.api_key_env if find_key(endpoint, environment) is None else None


def as_provider_error(error: APIError, endpoint: Endpoint, environment: Mapping[str, str]) -> ProviderError:
    """What went wrong, for the user, without a trace of the key."""
    name, redact = f"{endpoint.provider} ({endpoint.base_url})", redactor(endpoint, environment)
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        # Providers quote a part of the key in this message, so it is not repeated.
        which = f"the key in {endpoint.api_key_env}" if endpoint.api_key_env else "calls without a key"
        return ProviderError(f"{name} refuses {which} (HTTP {error.status_code})")
    if isinstance(error, APIConnectionError):
        return ProviderError(f"{name} cannot be reached: {redact(str(error.__cause__ or error))}")
    return ProviderError(f"{name} answers {failure_of(error, redact).message}")


def redactor(endpoint: Endpoint, environment: Mapping[str, str]) -> Redactor:
    """Blots out the endpoint's key; for every text that is stored or shown, before it is cut."""
    return Redactor([find_key(endpoint, environment) or ""])
