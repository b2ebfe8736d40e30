"""Conversations that branch: a `mapping` of ids to nodes, each with a message, its parent and its children.

That is how ChatGPT stores what was said, edited and asked again, and in its wake DeepSeek. The path to `current_node`
is what the user saw in the end; where the export does not name one, the newest leaf ends it. What the user told about
himself once for all is a system prompt, a message to a tool is a call of it, and an answer that was stopped is none.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from udfs.formats.fields import Record, Refusal, is_nothing
from udfs.formats.messages import known_role, role_of

_THOUGHTS = ("thoughts", "reasoning_recap")
_STANDING = {
    "user_editable_context": ("user_profile", "user_instructions"),
    "model_editable_context": ("model_set_context",),
}
"""Kinds of content that stand above a conversation, with the keys of their texts."""
_UNFINISHED = ("in_progress", "finished_partial_completion")
_FRAGMENTS = {"REQUEST": "user", "RESPONSE": "assistant"}


def is_tree(record: Record) -> bool:
    """Whether a record holds its messages as a tree."""
    nodes = record.get("mapping")
    return isinstance(nodes, dict) and any(map(_is_node, nodes.values()))


def path_of(record: Record) -> list[Any]:
    """The messages of a tree from its root to its current node.

    Raises:
        Refusal: `missing_parent`, a node on the way is not there or comes twice.
    """
    nodes = {name: node for name, node in record["mapping"].items() if _is_node(node)}
    before = {child: name for name, node in nodes.items() for child in _children(node)}
    before.update({name: node["parent"] for name, node in nodes.items() if not is_nothing(node.get("parent"))})
    place = record.get("current_node")
    if is_nothing(place):
        parents = set(before.values())
        place = next((name for name in reversed(nodes) if name not in parents), None)
    way: dict[str, Any] = {}
    while not is_nothing(place):
        if not isinstance(place, str) or place not in nodes or place in way:
            raise Refusal("missing_parent")
        way[place] = nodes[place]
        place = before.get(place)
    return [message for node in reversed(way.values()) for message in _messages(node.get("message"))]


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and "message" in value and ("parent" in value or "children" in value)


def _children(node: Mapping[str, Any]) -> list[str]:
    children = node.get("children")
    return [child for child in children if isinstance(child, str)] if isinstance(children, list) else []


def _messages(message: Any) -> Iterator[Any]:
    """What a node says: nothing, a message, or one for each of its fragments."""
    if not isinstance(message, dict):
        if not is_nothing(message):
            yield message
    elif isinstance(message.get("fragments"), list):
        yield from filter(None, map(_of_fragment, message["fragments"]))
    elif (told := _of_message(message)) is not None:
        yield told


def _of_fragment(fragment: Any) -> Any:
    """A message of a fragment, which has a type and no role; null where a model thinks."""
    kind = fragment.get("type") if isinstance(fragment, dict) else None
    if not isinstance(kind, str):
        return fragment
    return None if kind == "THINK" else {"role": _FRAGMENTS.get(kind, "tool"), "content": fragment.get("content")}


def _of_message(message: Record) -> Any:
    """A message as it counts in the conversation, null where a model thinks."""
    held = message.get("content")
    content = held if isinstance(held, dict) else {}
    kind = content.get("content_type")
    if kind in _THOUGHTS:
        return None
    for standing, keys in _STANDING.items():
        if kind == standing:
            return {"role": "system", "content": [content[key] for key in keys if not is_nothing(content.get(key))]}
    if known_role(role_of(message)) == "assistant":
        if message.get("recipient", "all") not in ("all", None, ""):
            return {"role": "tool"}
        if message.get("status") in _UNFINISHED:
            return {"role": "assistant"}
    return message
