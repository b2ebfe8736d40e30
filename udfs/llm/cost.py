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


_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_REASONING = ("reasoning_tokens", "thinking_tokens", "thoughts_tokens", "thoughts_token_count")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")
# No model reads or writes as many; what is said above it is no count of tokens, and would not fit a ledger.
_MOST_TOKENS = 20_000_000


@dataclass(frozen=True)
class Usage:
    """Tokens that a provider says it billed."""

    prompt_tokens: int
    completion_tokens: int
    """With reasoning, wherever the provider counts it."""
    cached_tokens: int = 0
    """Of the prompt tokens."""
    reasoning_tokens: int | None = None
    """Of the completion tokens, into which they are counted where they stood beside them; null: the provider did not
    say."""


def parse_usage(usage: object) -> Usage | None:
    """Read the `usage` of an answer, or None where it is missing or cannot be true.

    Output is the larger of what the fields say, since some providers count reasoning in `total_tokens` alone. More
    reasoning than output was not counted in it, whatever the total says, and is billed beside it. A count is an integer
    that is not negative and that some model could reach; anything else makes the whole usage void.
    """
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = (
        _first(usage, "prompt_tokens", "input_tokens"),
        _first(usage, "completion_tokens", "output_tokens"),
    )
    if prompt is None or completion is None or not prompt:
        return None
    if "prompt_tokens" not in usage:  # Anthropic's own names leave out what is read from or written to a cache
        prompt += sum(_first(usage, f"cache_{name}_input_tokens") or 0 for name in ("read", "creation"))
    total = usage.get("total_tokens")
    thoughts = (_detail(usage, _OUTPUT_DETAILS, name) for name in _REASONING)
    reasoning = next((count for count in thoughts if count is not None), None)
    if total is not None:
        total = _count(total)
        if total is None:
            return None
        completion = max(completion, total - prompt)
    if reasoning is not None and reasoning > completion:
        completion += reasoning
    cached = _detail(usage, _INPUT_DETAILS, "cached_tokens")
    cached = _first(usage, "prompt_cache_hit_tokens", "cache_read_input_tokens") if cached is None else cached
    return Usage(prompt, completion, min(cached or 0, prompt), reasoning)


def _detail(usage: Mapping[str, object], parents: tuple[str, ...], name: str) -> int | None:
    for parent in parents:
        details = usage.get(parent)
        if isinstance(details, Mapping) and (found := _count(details.get(name))) is not None:
            return found
    return _count(usage.get(name))


def _first(usage: Mapping[str, object], *names: str) -> int | None:
    """The count under the first of these names that there is."""
    return next((_count(usage[name]) for name in names if usage.get(name) is not None), None)


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    return value if is_count and isinstance(value, int) else None


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


def cached_saving(tokens: int, prices: Prices) -> Decimal:
    """What tokens of a prompt cost less from the provider's cache; nothing where it has no price of its own."""
    if prices.cached_input_usd_per_mtok is None:
        return Decimal(0)
    return tokens * (prices.input_usd_per_mtok - prices.cached_input_usd_per_mtok) / 1_000_000


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
