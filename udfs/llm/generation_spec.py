"""How one teacher, or the judge, is asked, and the request that asking some messages makes."""

from collections.abc import Sequence
from dataclasses import dataclass

from udfs.llm.cost import prompt_tokens_bound, worst_case
from udfs.llm.models import Endpoint
from udfs.llm.prompts import Message, messages_json
from udfs.llm.request import Request, request_id


@dataclass(frozen=True, kw_only=True)
class GenerationSpec:
    """Everything that shapes an answer but the texts."""

    endpoint: Endpoint
    max_tokens: int
    """Room for an answer."""
    max_tokens_cap: int
    """Room of the one retry of a cut answer."""
    temperature: float | None = None
    """Null: none is sent."""
    schema_json: str | None = None
    """JSON schema that the answer must follow; null: none is sent."""
    attempts: int = 1
    """Tries of one request that may be billed."""
    mode: str = "online"
    """online, batch, or auto: most of it by batch."""


def build_request(spec: GenerationSpec, messages: Sequence[Message], *, sample: int = 0, ask: int = 0) -> Request:
    """The request for an answer to these messages.

    Args:
        spec: of whom, and how.
        messages: the conversation, as `answer_messages` or `judge_messages` make it.
        sample: number of the sample, where several answers are wanted.
        ask: how often the question was asked anew on purpose.

    Returns:
        The request, with its worst case reserved: every attempt billed, with the longest answer there may be. A wave
        that reserves less replaces `reserved_usd`.
    """
    endpoint, rendered = spec.endpoint, messages_json(messages)
    bound = prompt_tokens_bound(rendered, spec.schema_json)
    longest = max(spec.max_tokens, spec.max_tokens_cap)
    return Request(
        request_id=request_id(
            provider=endpoint.provider,
            model=endpoint.model,
            messages_json=rendered,
            max_tokens=spec.max_tokens,
            temperature=spec.temperature,
            schema_json=spec.schema_json,
            extra_body=endpoint.profile.extra_body,
            sample=sample,
            ask=ask,
        ),
        provider=endpoint.provider,
        model=endpoint.model,
        messages_json=rendered,
        max_tokens=spec.max_tokens,
        max_tokens_cap=spec.max_tokens_cap,
        temperature=spec.temperature,
        schema_json=spec.schema_json,
        sample=sample,
        ask=ask,
        prompt_tokens_bound=bound,
        reserved_usd=spec.attempts * worst_case(bound, longest, endpoint.prices),
    )
