"""What went wrong with a call: whether to try again, whom it concerns, and whether it may have been billed.

| kind | what | then |
|---|---|---|
| `rate_limited` | 429 | again, without using up an attempt |
| `transient` | 408, 409, 425, 5xx, connection, timeout, an answer that cannot be read | again |
| `billing` | 402, 429 with a billing code | the provider is stopped |
| `auth` | 401, 403 | the provider is stopped |
| `not_found` | 404, 410, an unknown model, a wrong address | the model is stopped |
| `filtered` | the provider's content filter refused the prompt | final for this request |
| `rejected` | 400, 413, 422 and the like | final for this request |
| `unexpected` | an error of this program or its settings | the model is stopped |

A call may have been billed when it may have reached the model and no answer says otherwise. An error that the
model's own server states (429, 500, 503, 4xx) is not billed; one that a gateway states in its place (502, 504, 520,
524) may be. What the SDK raises without an HTTP status is classified in `udfs.llm.client`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from udfs.llm.retry_after import retry_after_seconds

Kind = Literal["rate_limited", "transient", "billing", "auth", "not_found", "filtered", "rejected", "unexpected"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_BILLING_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
    "credit_limit_exceeded",
    "access_terminated",
    "account_deactivated",
}
_MODEL_CODES = {"model_not_found", "model_not_available", "deployment_not_found", "invalid_model", "unknown_model"}
_FILTER_CODES = {"content_filter", "content_policy_violation", "responsibleaipolicyviolation", "moderation_blocked"}
_GATEWAY_LOST_THE_ANSWER = {502, 504, 520, 524}
_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Failure:
    """A call without an answer."""

    kind: Kind
    message: str
    billed: bool = False  # or may have been
    retry_after: float | None = None  # seconds the provider asks for

    @property
    def signature(self) -> str:
        """The message without its numbers: equal for failures of one cause."""
        return "".join(character for character in self.message if not character.isdigit())


def status_failure(status: int, body: object, headers: Mapping[str, str]) -> Failure:
    """Classify an error the provider states.

    Args:
        status: of HTTP.
        body: the `error` object of the response, or its text.
        headers: of the response.
    """
    fields: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    codes = {str(fields.get(name)).lower() for name in ("code", "type") if fields.get(name) is not None}
    said = fields.get("message") if fields else body
    message = short_message(" ".join(["HTTP", str(status), *sorted(codes), "-", str(said or "no message")]))
    kind = _kind(status, codes)
    retry_after = retry_after_seconds(headers) if kind in ("rate_limited", "transient") else None
    return Failure(kind, message, status in _GATEWAY_LOST_THE_ANSWER, retry_after)


def _kind(status: int, codes: set[str]) -> Kind:
    if status == 402 or (status in (403, 429) and codes & _BILLING_CODES):
        return "billing"
    if status == 429:
        return "rate_limited"
    if status in (401, 403):
        return "auth"
    if status in (404, 410) or codes & _MODEL_CODES:
        return "not_found"
    if status in (408, 409, 425) or status >= 500:
        return "transient"
    return "filtered" if codes & _FILTER_CODES else "rejected"


def short_message(message: str) -> str:
    """One line of at most 300 characters."""
    flat = without_lone_surrogates(" ".join(message.split())) or ""
    return flat if len(flat) <= _LONGEST_MESSAGE else flat[: _LONGEST_MESSAGE - 1] + "…"


def without_lone_surrogates(text: str | None) -> str | None:
    """What a provider wrote, fit for UTF-8: JSON may spell half a surrogate pair, which no file can hold."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
