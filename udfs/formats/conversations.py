"""Conversations in the many shapes of ShareGPT and OpenAI messages, cut into exchanges.

A message has `role`/`content` or `from`/`value`; its content is a text, a part or a list of parts whose text is under
`text` or `value`. Of keys that mean the same the first counts that holds something, because tables are padded with
nulls. A model's thinking, as a part or a message of its own, is no part of its answer. A conversation may also be a
list of texts that take turns, or any of this as a text of JSON, or a path in a tree of messages. An exchange is what
the user says and the assistant's answer to it; what came before is its history.

Preference pairs (`chosen` beside the conversation, as text, message or list of messages): the chosen answer is the
response of the last exchange, and `rejected` is never read. A `completion` of several messages follows its `prompt`,
and a `response` or `output` follows a conversation that ends with the user's question.
With the KTO label false the last response is marked `rejected_label`.

Tools: a conversation that declares tools is marked `tool_use` from its first exchange on, because even an answer
without a call depends on definitions that nobody else would be shown; one that does not, from its first call on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from udfs.formats.draft import Draft, Turn
from udfs.formats.fields import Record, Refusal, as_text, first_of, is_nothing
from udfs.formats.message_tree import is_tree, path_of
from udfs.formats.messages import Message, are_messages, as_list, as_message, known_role, role_of, turns_of

MAX_MESSAGES = 1_000
"""A longer conversation is refused as `too_long`: each exchange repeats the history before it."""

CONVERSATION_KEYS = ("conversations", "messages", "conversation")
OTHER_CONVERSATION_KEYS = (
    *("dialogue", "dialog", "turns", "contents", "data", "chat_messages", "chat"),
    *("chat_history", "items", "input", "request", "body"),
)
"""Names that may mean anything, to be believed where nothing else is known."""
_ANSWER_KEYS = ("response", "output", "choices", "ideal")
"""Under which the answer to a conversation may stand that ends with the user's question."""


_SYSTEM_KEYS = ("system", "system_instruction", "systemInstruction")


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
        Refusal: `wrong_format`, `unknown_role`, `not_text`, `too_long`, `missing_instruction`, `missing_parent` or
            `no_exchange`.
    """
    messages = _conversation(record)
    if len(messages) > MAX_MESSAGES:
        raise Refusal("too_long")
    system = first_of(record, _SYSTEM_KEYS)
    exchanges = _exchanges(messages, as_message({"content": system}, "system").text)
    if not exchanges:
        raise Refusal("missing_instruction" if any(message.role == "user" for message in messages) else "no_exchange")
    declares_tools = _declares(record.get("tools"))
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


def conversation_of(record: Record, keys: Sequence[str]) -> tuple[str, list[Any]] | None:
    """The first of the keys that holds a conversation, with its messages; null where none does.

    Only the messages are looked for; whether they can be read is for `drafts_of` to say.
    """
    for key in keys:
        messages = as_list(record.get(key))
        if isinstance(messages, list) and are_messages(messages):
            return key, turns_of(messages)
    return None


def answer_text(value: object) -> str | None:
    """The text of an answer that is given as a text, as a message, or as messages that end with it."""
    value = _choice_of(value)
    messages = as_list(value)
    if isinstance(messages, list) and (value is messages or are_messages(messages)):
        value = messages[-1] if messages else None
    return as_message(value, "assistant").text if isinstance(value, dict) else as_text(value)


def _choice_of(value: object) -> object:
    """The message of a model's reply as its API sends it, anything else as it is."""
    choices = value.get("choices") if isinstance(value, dict) else value
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) and "role" not in first else None
    return message if isinstance(message, dict) else value


def _declares(tools: object) -> bool:
    """Whether `tools` names any: neither nothing, nor what writes nothing as a text."""
    if isinstance(tools, str):
        return tools.strip().lower() not in ("", "[]", "{}", "null", "none", "nan")
    return not is_nothing(tools) and not (isinstance(tools, list) and all(map(is_nothing, tools)))


def _conversation(record: Record) -> list[Message]:
    """All messages of the record, the chosen answer as the last one where there is a choice."""
    chosen = first_of(record, ("chosen", "completion"))
    given = _given(record)
    answer = as_list(chosen)
    if isinstance(answer, list) and len(answer) > 1:
        # A whole conversation repeats the prompt; an answer of several messages follows it.
        is_whole = not _is_prompted(answer)
        if not is_whole and not isinstance(given, list):
            raise Refusal("wrong_format")
        given, chosen = answer if is_whole else [*given, *answer], None
    if not isinstance(given, list):
        raise Refusal("wrong_format")
    messages = [as_message(message) for message in turns_of(given[: MAX_MESSAGES + 1])]
    if chosen is None:
        # The answer to a conversation that ends with a question may stand beside it.
        chosen = first_of(record, _ANSWER_KEYS) if messages and messages[-1].role == "user" else None
    if chosen is None:
        return messages
    while messages and messages[-1].role == "assistant":
        messages.pop()
    return [*messages, Message("assistant", answer_text(chosen), calls_tool=False)]


def _given(record: Record) -> Any:
    """The conversation, or the prompt as one: the first key that holds a list, empty only where no other does."""
    keys = [key for key in CONVERSATION_KEYS if key in record]
    lists = [(key, as_list(record[key])) for key in keys]
    found = next((value for _, value in lists if isinstance(value, list) and value), None)
    if found is not None:
        return found if not isinstance(found[0], str) or are_messages(found) else None
    if any(isinstance(value, list) for _, value in lists):
        return []
    if is_tree(record):
        return path_of(record)
    for key in OTHER_CONVERSATION_KEYS:
        value = as_list(record.get(key))
        if isinstance(value, list) and are_messages(value):
            return value
    prompt = record.get("prompt")
    messages = as_list(prompt)
    if isinstance(prompt, str) and not (isinstance(messages, list) and are_messages(messages)):
        return [{"role": "user", "content": prompt}]
    return messages


def _is_prompted(answer: list[Any]) -> bool:
    """Whether an answer of several messages begins with the assistant's own."""
    first = answer[0]
    return isinstance(first, dict) and known_role(role_of(first)) in ("assistant", "tool")


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
