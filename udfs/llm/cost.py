"""What a call costs, to the last digit, and what it can cost at worst.

Money is `Decimal` with 12 places, the scale of the ledger's `decimal(38,12)`: a price with up to 6 places per million
tokens gives an exact cost. Nothing here is an estimate; the worst case is a bound that no answer exceeds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from udfs.llm.models import Prices

_PLACES = Decimal("0.000000000001")
# Role, delimiters and the opening of the answer: chat templates use 3 to 8 tokens a message.
_TOKENS_PER_MESSAGE = 16
_TOKENS_PER_REQUEST = 16


@dataclass(frozen=True)
class Usage:
    """Tokens that a provider says it billed."""

    prompt_tokens: int
    completion_tokens: int  # with reasoning
    cached_tokens: int = 0  # of the prompt tokens


def parse_usage(usage: object) -> Usage | None:
    """Read the `usage` of an answer, or None where it is missing or makes no sense."""
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens") if isinstance(details, Mapping) else usage.get("cached_tokens"))
    return Usage(prompt, completion, min(cached or 0, prompt))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def cost_of(usage: Usage, prices: Prices, *, batch: bool = False) -> Decimal:
    """US dollars for a usage; cached prompt tokens at their own price, a batch with its discount."""
    cached_price = prices.input_usd_per_mtok
    if prices.cached_input_usd_per_mtok is not None:
        cached_price = prices.cached_input_usd_per_mtok
    per_million = (
        (usage.prompt_tokens - usage.cached_tokens) * prices.input_usd_per_mtok
        + usage.cached_tokens * cached_price
        + usage.completion_tokens * prices.output_usd_per_mtok
    )
    if batch and prices.batch_discount is not None:
        per_million *= 1 - prices.batch_discount
    return per_million.scaleb(-6).quantize(_PLACES, ROUND_CEILING)


def worst_case(prompt_tokens_bound: int, max_tokens: int, prices: Prices, *, batch: bool = False) -> Decimal:
    """The most that one attempt can cost: every prompt token at the dearer price, and an answer of full length."""
    dearest = max(prices.input_usd_per_mtok, prices.cached_input_usd_per_mtok or Decimal(0))
    full = Prices(
        input_usd_per_mtok=dearest,
        output_usd_per_mtok=prices.output_usd_per_mtok,
        batch_discount=prices.batch_discount,
    )
    return cost_of(Usage(prompt_tokens_bound, max_tokens), full, batch=batch)


def prompt_tokens_bound(messages_json: str, schema_json: str | None = None) -> int:
    """Prompt tokens that no tokenizer exceeds: byte-level BPE makes at most one token of a byte of UTF-8.

    Roles and delimiters are counted 16 tokens a message, and a schema in the prompt with its bytes.
    """
    messages = json.loads(messages_json)
    texts = [text for message in messages for text in _texts(message)]
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in [*texts, schema_json or ""])
    return size + _TOKENS_PER_MESSAGE * len(messages) + _TOKENS_PER_REQUEST


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return []
