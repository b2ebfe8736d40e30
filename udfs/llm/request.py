"""A request to a model and its id: the same question to the same model is the same request, and is paid for once."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import xxhash


@dataclass(frozen=True, kw_only=True)
class Request:
    """One answer that is wanted.

    A retry, also one with more room, is another attempt of the same request. What the attempts cost together never
    exceeds `reserved_usd`: an attempt whose worst case does not fit into what is left of it is not sent.
    """

    request_id: str
    provider: str
    model: str
    messages_json: str
    """The chat messages as a JSON array."""
    max_tokens: int
    max_tokens_cap: int
    """Of the one retry after an answer that was cut."""
    temperature: float | None
    schema_json: str | None
    """JSON schema the answer must follow."""
    sample: int = 0
    ask: int = 0
    prompt_tokens_bound: int
    """No tokenizer makes more of the messages; see `udfs.llm.cost`."""
    reserved_usd: Decimal
    """For all attempts of this wave."""
    attempts_before: int = 0
    """Made in earlier waves; numbering goes on from there."""
    was_cut: bool = False
    """An answer of an earlier wave was: the first attempt has all the room there is."""

    @property
    def endpoint_key(self) -> tuple[str, str]:
        """Provider and model."""
        return self.provider, self.model

    @property
    def most_tokens(self) -> int:
        """Room of the attempt after a cut answer."""
        return max(self.max_tokens, self.max_tokens_cap)


def request_id(
    *,
    provider: str,
    model: str,
    messages_json: str,
    max_tokens: int,
    temperature: float | None,
    schema_json: str | None = None,
    extra_body: Sequence[tuple[str, str]] = (),
    sample: int = 0,
    ask: int = 0,
) -> str:
    """Id of a request: xxh3-128 over everything that shapes the answer, as 26 characters of a-z and 2-7.

    It can be the `custom_id` of any Batch API (at most 64 of `[A-Za-z0-9_-]`). The cap of the retry after a cut
    answer is left out on purpose: raising it must not buy again what was never cut.

    Args:
        provider: name of the provider.
        model: name of the model there.
        messages_json: the messages as JSON; spacing and order of keys do not matter.
        max_tokens: room of the first attempt.
        temperature: null where none is sent.
        schema_json: JSON schema of the answer.
        extra_body: further parameters, name and JSON value.
        sample: number of the sample, where several answers to one prompt are wanted.
        ask: how often the question was asked anew on purpose.
    """
    canonical = json.dumps(
        [
            provider,
            model,
            json.loads(messages_json),
            max_tokens,
            temperature,
            json.loads(schema_json) if schema_json else None,
            sorted((name, json.loads(value)) for name, value in extra_body),
            sample,
            ask,
        ],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    digest = xxhash.xxh3_128_digest(canonical.encode("utf-8", "surrogatepass"))
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()
