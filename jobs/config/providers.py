"""What is known of a provider and its models; `conf/providers.yaml` holds it, a configuration may change it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from jobs.config.addresses import Address
from jobs.config.section import Section


class PricesConfig(Section):
    """US dollars per million tokens."""

    input: Decimal = Field(ge=0, description="of a prompt")
    output: Decimal = Field(ge=0, description="of an answer, reasoning included")
    cached_input: Decimal | None = Field(None, ge=0, description="of the part of a prompt that the provider has cached")
    batch_discount: Decimal | None = Field(None, ge=0, le=1, description="share that the Batch API takes off")
    read_on: date | None = Field(None, description="when these prices were read; null: not established")


class ProfileConfig(Section):
    """How a model wants its parameters."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="what it calls the limit of an answer"
    )
    accepts_temperature: bool = Field(True, description="false: none is sent")
    extra_body: Mapping[str, Any] = Field(default_factory=dict, description="sent as it is with every request")


class BatchApiConfig(Section):
    """The provider's Batch API."""

    shape: Literal["openai", "together"] = Field("openai", description="whose way of files and batches it follows")
    max_requests: int = Field(50_000, ge=1, le=1_000_000, description="requests in one file")
    max_file_mb: float = Field(200.0, gt=0, description="MB (10^6 bytes) of one file")
    window_hours: float = Field(24.0, gt=0, description="after which a batch ends, whatever is answered")


class LimitsConfig(Section):
    """What a key may do; null: no limit is known, refusals are obeyed."""

    rpm: int | None = Field(None, ge=1, description="requests a minute")
    tpm: int | None = Field(None, ge=1, description="tokens a minute; prompt and max_tokens count")
    window_seconds: float | None = Field(
        None, gt=0.0, le=60.0, description="in which the limits are kept in proportion; null: a minute, and learned"
    )
    max_in_flight: int | None = Field(None, ge=1, le=10_000, description="requests at the same time; null: 64")


class ModelConfig(LimitsConfig):
    """One model of a provider."""

    prices: PricesConfig | None = Field(None, description="null: not known, so that no budget can be kept")
    profile: ProfileConfig | None = Field(None, description="how it wants its parameters")
    structured_output: bool | None = Field(None, description="takes a JSON schema; null: as the provider says")
    batch: bool = Field(True, description="false: the provider's Batch API does not take it")
    batch_queue_tokens: int | None = Field(
        None, ge=1, description="prompt tokens that its unfinished batches may hold together; null: found out"
    )
    listed: bool = Field(True, description="false: missing from the provider's catalogue when it was last read")
    shutdown_date: date | None = Field(None, description="when it leaves the API")
    replacement: str | None = Field(None, description="the model to use instead")
    note: str | None = Field(None, description="what else is known, or is not")


class ProviderConfig(LimitsConfig):
    """One OpenAI-compatible API."""

    base_url: Address | None = Field(None, description="address of the API, as far as /v1")
    api_key_env: str | None = Field(
        None, pattern=r"^[A-Za-z_]\w*$", description="environment variable with the key; null: no key is needed"
    )
    structured_output: bool = Field(False, description="takes a JSON schema that the answer must follow")
    batch: BatchApiConfig | None = Field(None, description="null: it has no Batch API")
    models: Mapping[str, ModelConfig] = Field(default_factory=dict, description="name of the model -> what is known")
