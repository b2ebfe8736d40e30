"""Conversations in the many shapes of ShareGPT and OpenAI messages, cut into exchanges.

A message has `role`/`content` or `from`/`value`; its content is a text or a list of parts whose text is under `text`
or `value`. An exchange is what the user says and the assistant's answer to it; what came before is its history.

Preference pairs (`chosen` beside the conversation, as text, message or list of messages): the chosen answer is the
response of the last exchange, and `rejected` is never read. With the KTO label false the last response is marked
`rejected_label`.

Tools: a conversation that declares tools is marked `tool_use` from its first exchange on, because even an answer
without a call depends on definitions that nobody else would be shown; one that does not, from its first call on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from udfs.formats.draft import Draft, Turn
from udfs.formats.fields import Record, Refusal, as_text, text_of

MAX_MESSAGES = 1_000
"""A longer conversation is refused as `too_long`: each exchange repeats the history before it."""

CONVERSATION_KEYS = ("conversations", "messages", "conversation")
_ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "model", "bot", "bard", "bing", "claude"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(
        ("tool", "tools", "function", "function_call", "observation", "tool_call", "tool_response", "ipython"), "tool"
    ),
}


class Message(NamedTuple):
    """One message, its role in our words: `user`, `assistant`, `system` or `tool`."""

    role: str
    text: str | None
    calls_tool: bool


@dataclass(slots=True)
class _Exchange:
    instruction: str
    history: tuple[Turn, ...]
    system: str | None
    uses_tool: bool
    response: str | None = None


def drafts_of(record: Record) -> tuple[Draft, ...]:
    """The exchanges of a record as drafts, in order.

    Raises:
        Refusal: `wrong_format`, `unknown_role`, `not_text`, `too_long`, `missing_instruction` or `no_exchange`.
    """
    messages = _conversation(record)
    if len(messages) > MAX_MESSAGES:
        raise Refusal("too_long")
    exchanges = _exchanges(messages, text_of(record, "system"))
    if not exchanges:
        raise Refusal("missing_instruction" if any(message.role == "user" for message in messages) else "no_exchange")
    declares_tools = record.get("tools") not in (None, "", "[]", "{}", [], {})
    drafts = [
        Draft(
            turn=turn,
            instruction=exchange.instruction,
            response=exchange.response,
            system=exchange.system,
            history=exchange.history,
            prompt_marks=("tool_use",) if declares_tools or exchange.uses_tool else (),
        )
        for turn, exchange in enumerate(exchanges)
    ]
    if record.get("label") is False or record.get("kto_tag") is False:
        drafts[-1] = replace(drafts[-1], response_marks=("rejected_label",))
    return tuple(drafts)


def answer_text(value: object) -> str | None:
    """The text of an answer that is given as a text, as a message, or as messages that end with it."""
    if isinstance(value, list):
        value = value[-1] if value else None
    return as_message(value, "assistant").text if isinstance(value, dict) else as_text(value)


def as_message(value: object, default_role: str = "") -> Message:
    """Read one message.

    Raises:
        Refusal: `wrong_format`, `unknown_role` or `not_text`.
    """
    if not isinstance(value, dict):
        raise Refusal("wrong_format")
    role = value.get("role", value.get("from", default_role))
    known = _ROLES.get(role.strip().lower()) if isinstance(role, str) else None
    if known is None:
        raise Refusal("wrong_format" if role == "" else "unknown_role")
    content = next((value[key] for key in ("content", "value", "text") if key in value), None)
    calls_tool = known == "tool" or bool(value.get("tool_calls") or value.get("function_call"))
    if isinstance(content, list):
        text, has_tool_part = _joined_parts(content)
        return Message(known, text, calls_tool or has_tool_part)
    return Message(known, None if known == "tool" else as_text(content), calls_tool)


def _joined_parts(parts: list[Any]) -> tuple[str | None, bool]:
    texts = []
    has_tool_part = False
    for part in parts:
        kind = part.get("type", "text") if isinstance(part, dict) else "text"
        if isinstance(kind, str) and ("tool" in kind or "function" in kind):
            has_tool_part = True
        elif kind == "text":
            given = part.get("text", part.get("value")) if isinstance(part, dict) else part
            texts.append(as_text(given))
        else:
            raise Refusal("not_text")  # an image, a sound: the text alone would be another prompt
    return "\n".join(text for text in texts if text) or None, has_tool_part


def _conversation(record: Record) -> list[Message]:
    """All messages of the record, the chosen answer as the last one where there is a choice."""
    chosen = record.get("chosen", record.get("completion"))
    prompt = record.get("prompt")
    given = next((record[key] for key in CONVERSATION_KEYS if key in record), prompt)
    if isinstance(given, str) and given is prompt:
        given = [{"role": "user", "content": given}]
    if isinstance(chosen, list) and len(chosen) > 1:
        given, chosen = chosen, None  # the whole conversation, prompt included
    if not isinstance(given, list):
        raise Refusal("wrong_format")
    messages = [as_message(message) for message in given[: MAX_MESSAGES + 1]]
    if chosen is None:
        return messages
    while messages and messages[-1].role == "assistant":
        messages.pop()
    return [*messages, Message("assistant", answer_text(chosen), calls_tool=False)]


def _exchanges(messages: Sequence[Message], system: str | None) -> list[_Exchange]:
    """Cut a conversation into exchanges.

    Messages of one side in a row are one message, joined by a blank line. The conversation ends for us where a side
    says nothing (white space only), because what follows has no history that makes sense.
    """
    exchanges: list[_Exchange] = []
    history: list[Turn] = []
    uses_tool = False
    open_exchange: _Exchange | None = None
    for message in messages:
        uses_tool = uses_tool or message.calls_tool
        if message.role == "system":
            system = _joined(system, message.text)
        elif message.role == "user":
            if message.text is None:
                break
            if open_exchange is not None and open_exchange.response is None:
                open_exchange.instruction = _joined(open_exchange.instruction, message.text) or ""
                continue
            if open_exchange is not None:
                history += [Turn("user", open_exchange.instruction), Turn("assistant", open_exchange.response or "")]
            open_exchange = _Exchange(message.text, tuple(history), system, uses_tool)
            exchanges.append(open_exchange)
        elif message.role == "assistant" and message.text is not None:
            if open_exchange is None:
                history.append(Turn("assistant", message.text))
            else:
                open_exchange.response = _joined(open_exchange.response, message.text)
        elif message.role == "assistant" and not message.calls_tool:
            break
        if open_exchange is not None and uses_tool:
            open_exchange.uses_tool = True
    return exchanges


def _joined(first: str | None, second: str | None) -> str | None:
    return f"{first}\n\n{second}" if first and second else first or second
