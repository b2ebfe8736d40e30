"""A model behind an OpenAI-compatible API as data: where it is, what it costs, what it allows.

Everything here travels to executors in a closure, so it holds the *name* of the variable with the key and never the
key. Prices, limits and profiles come from `conf/providers.yaml`.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Prices:
    """US dollars per million tokens; all zero for a local model."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_input_usd_per_mtok: Decimal | None = None
    """Null: cached tokens cost what others cost."""
    batch_discount: Decimal | None = None
    """Share taken off by the Batch API, 0.5 is half price."""
    read_on: str | None = None
    """Date the prices were read, YYYY-MM-DD."""


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """What the provider allows a key for this model, all tasks together; null: no limit."""

    rpm: int | None = None
    """Requests in any window."""
    tpm: int | None = None
    """Tokens in any window; prompt and max_tokens count when a request is admitted."""
    max_in_flight: int = 64
    window_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How this model wants its parameters."""

    max_tokens_field: str = "max_tokens"
    """Some models take only max_completion_tokens."""
    accepts_temperature: bool = True
    extra_body: tuple[tuple[str, str], ...] = ()
    """Name -> JSON value, sent as it is."""


@dataclass(frozen=True, kw_only=True)
class BatchApi:
    """What the provider's Batch API allows for this model."""

    shape: str
    """`openai` or `together`."""
    max_requests: int = 50_000
    """Of one file."""
    max_bytes: int = 200_000_000
    """Of one file."""
    window_hours: float = 24.0
    """After which a batch has ended, whatever is answered."""
    queue_tokens: int | None = None
    """Prompt tokens of all batches that have not ended; null: not known."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One model of one provider: the unit that limits, failures and stops belong to."""

    provider: str
    model: str
    base_url: str | None
    """Null: the SDK's default."""
    api_key_env: str | None
    """Null: no key is needed."""
    prices: Prices
    limits: RateLimits = RateLimits()
    profile: Profile = Profile()
    timeout_seconds: float = 120.0
    structured_output: bool = False
    """Takes response_format json_schema."""
    batch: BatchApi | None = None
    """Null: it has none."""

    @property
    def is_free(self) -> bool:
        """Whether a call costs nothing."""
        return not self.prices.input_usd_per_mtok and not self.prices.output_usd_per_mtok

    @property
    def key(self) -> tuple[str, str]:
        """What requests name it by."""
        return self.provider, self.model
