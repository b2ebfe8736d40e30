"""What went wrong with a call: whose trouble it is, whether it may have been billed, whether it is asked again.

| kind | whose | then |
|---|---|---|
| `rate_limited` | the endpoint's | again, without using up an attempt |
| `transient` | the endpoint's | again |
| `broken_off` | the endpoint's: an answer that ended in its middle | again |
| `unreadable` | the endpoint's: HTTP 200 with a body that is no answer | again; three in a row stop the model |
| `billing` | the account's | the provider is stopped |
| `auth` | the account's | the provider is stopped |
| `forbidden` | not known: a 403 that does not say why | kept until the endpoint answers a later call, or stops |
| `not_found` | the model's | the model is stopped |
| `filtered` | this prompt's: a content filter | final for this request |
| `no_answer` | probably this prompt's: HTTP 200 without an answer or an error | again once, then as `filtered` |
| `too_large` | this request's size | final for this request |
| `truncated` | this request's room, used up before the answer | once more with more room, then final |
| `rejected` | this request's, as far as is known | kept until the endpoint answers a later call, then final |
| `odd_answer` | this request's: an answer that breaks its reader | final for this request |
| `unexpected` | this program's or its settings' | the model is stopped |

A call may have been billed when it may have reached the model and no answer says otherwise. An error that the model's
own server states (429, 500, 503, 4xx) is not billed, inside HTTP 200 neither unless a usage stands beside it; one that
a gateway states in its place (502, 504, 520, 524) may be. `udfs.llm.classify` decides; what the SDK raises without an
HTTP status is classified in `udfs.llm.client`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from udfs.llm.cost import Usage

Kind = Literal[
    "rate_limited",
    "transient",
    "broken_off",
    "unreadable",
    "billing",
    "auth",
    "forbidden",
    "not_found",
    "filtered",
    "no_answer",
    "too_large",
    "truncated",
    "rejected",
    "odd_answer",
    "unexpected",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
AGAIN: frozenset[Kind] = frozenset({"transient", "broken_off", "unreadable"})
"""What is asked again, and counts as an attempt."""
COUNTED: frozenset[Kind] = AGAIN | {"no_answer"}
"""What brought nothing and is asked again, `calls.attempts` times in a run."""
HELD: frozenset[Kind] = frozenset({"rejected", "forbidden"})
"""What is the request's fault only if the endpoint answers others afterwards."""
_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Failure:
    """A call without an answer."""

    kind: Kind
    message: str
    billed: bool = False
    """It was billed, or may have been."""
    retry_after: float | None = None
    """Seconds the provider asks for."""
    usage: Usage | None = None
    """Tokens that it says it billed all the same."""

    @property
    def signature(self) -> str:
        """The message without its numbers: equal for failures of one cause."""
        return "".join(character for character in self.message if not character.isdigit())


def short_message(message: str) -> str:
    """One line of at most 300 characters. A key has to be blotted out before: half a key is not found any more."""
    flat = without_lone_surrogates(" ".join(message.replace("\0", " ").split())) or ""
    return flat if len(flat) <= _LONGEST_MESSAGE else flat[: _LONGEST_MESSAGE - 1] + "…"


def without_lone_surrogates(text: str | None) -> str | None:
    """What a provider wrote, fit for UTF-8: JSON may spell half a surrogate pair, which no file can hold."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
