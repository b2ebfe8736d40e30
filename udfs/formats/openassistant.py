"""OpenAssistant conversation trees: nested (`prompt` with `replies`, or a bare message) or flat message rows.

Every prompter turn is a draft: its ancestors are the history, its best reply the response. The best reply has the
lowest rank, then the highest human quality, then the first message id; unranked ones come last. A message that is
deleted, failed its review (`review_result` false; null is not yet a verdict), or cannot be read takes what hangs below
it along: in a nested tree it is pruned, a flat row is refused and its descendants are `missing_parent`.

Labels become marks, the prompt's on the prompt and the reply's on the response: `low_quality` below 0.5, `spam`,
`fails_task`, `lang_mismatch` and `toxicity` from 0.5. For toxicity the label by people counts; the score by Detoxify, a
classifier, only where nobody labelled. `human_quality` is the reply's `quality`, without a reply the prompt's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from udfs.formats.conversations import MAX_MESSAGES
from udfs.formats.draft import Draft, Parsed, Turn
from udfs.formats.fields import Record, Refusal, text_of
from udfs.formats.json_object import load_object
from udfs.formats.table import language_code

NO_TREE_ID = "no-tree-id"

_HIGH_IS_BAD = ("spam", "fails_task", "lang_mismatch", "toxicity")
_ROLES = {"prompter": "user", "user": "user", "assistant": "assistant"}


@dataclass(slots=True, eq=False)
class _Message:
    message_id: str
    role: str
    text: str | None
    language: str | None
    rank: int | None
    labels: Mapping[str, float]
    reason: str | None
    children: "list[_Message]" = field(default_factory=list)
    draft: Draft | None = None
    is_reached: bool = False

    def marks(self) -> tuple[str, ...]:
        low = ("low_quality",) if self.labels.get("quality", 1.0) < 0.5 else ()
        return low + tuple(name for name in _HIGH_IS_BAD if self.labels.get(name, 0.0) >= 0.5)

    def preference(self) -> tuple[bool, int, float, str]:
        """Sorts the replies to one message, the best first."""
        return self.rank is None, self.rank or 0, -self.labels.get("quality", 0.0), self.message_id


def drafts_of(record: Record, max_chars: int) -> tuple[Draft, ...]:
    """The drafts of a nested tree, or of one flat row as a tree of its own.

    Raises:
        Refusal: `wrong_format`, or what the root message is refused for.
    """
    root_record = record["prompt"] if isinstance(record.get("prompt"), dict) else record
    root = _message(root_record)
    if root_record.get("parent_id") is not None:
        raise Refusal("missing_parent")
    messages = [root]
    pending = [(root, root_record)]
    while pending:
        parent, parent_record = pending.pop()
        replies = parent_record.get("replies")
        for reply in replies if isinstance(replies, list) else ():
            if isinstance(reply, dict):
                child = _message(reply)
                parent.children.append(child)
                messages.append(child)
                pending.append((child, reply))
    _answer([root], max_chars)
    if root.reason is not None:
        raise Refusal(root.reason)
    drafts = (message.draft for message in messages if message.draft is not None)
    return tuple(sorted(drafts, key=lambda draft: draft.turn))


def parse_message_rows(records: Sequence[bytes], max_chars: int) -> list[Parsed]:
    """Read flat message rows that belong together, in any order.

    Returns:
        For each row what became of it: a prompter row is used, an assistant row is absorbed whether or not it is the
        best reply, and so is a second row with the same message id. `turn` counts the prompter turns of the tree.
    """
    messages: dict[str, _Message] = {}
    parents: dict[str, object] = {}
    rows: list[_Message | Parsed] = []
    for record in records:
        try:
            fields = load_object(record)
            message = _message(fields)
        except Refusal as refusal:
            rows.append(Parsed(reason=refusal.reason))
            continue
        if not message.message_id:
            rows.append(Parsed(reason="wrong_format"))
            continue
        is_new = messages.setdefault(message.message_id, message) is message
        rows.append(message if is_new else Parsed())
        if is_new:
            parents[message.message_id] = fields.get("parent_id")
    roots = []
    for message_id, message in messages.items():
        parent_id = parents[message_id]
        parent = messages.get(parent_id) if isinstance(parent_id, str) else None
        if parent_id is None:
            roots.append(message)
        elif parent is not None:
            parent.children.append(message)
    _answer(roots, max_chars)
    return [row if isinstance(row, Parsed) else _outcome(row) for row in rows]


def tree_key(record: bytes) -> str | None:
    """What joins a flat message row with the rest of its tree; null for anything but such a row.

    It is `message_tree_id`. Rows without one cannot be told apart by themselves, so all of a file share one key:
    `parse_message_rows` follows their parents and takes any number of trees at once.
    """
    if b'"message_id"' not in record:
        return None
    try:
        fields = load_object(record)
    except Refusal:
        return None
    if "message_id" not in fields or "replies" in fields or isinstance(fields.get("prompt"), dict):
        return None
    tree_id = fields.get("message_tree_id")
    if not isinstance(tree_id, str) or not tree_id:
        return NO_TREE_ID
    return tree_id.encode("utf-8", "backslashreplace").decode()  # half of a surrogate pair is no text for a table


def _outcome(message: _Message) -> Parsed:
    if message.reason is not None:
        return Parsed(reason=message.reason)
    if not message.is_reached:
        return Parsed(reason="missing_parent")
    return Parsed(drafts=(message.draft,)) if message.draft is not None else Parsed()


def _answer(roots: Sequence[_Message], max_chars: int) -> None:
    """Walk the trees from their roots, give each prompter turn its draft and each message that is too long its reason.

    The order of the walk, and with it `turn`, depends on message ids only.
    """
    turn = 0
    pending: list[tuple[_Message, tuple[Turn, ...], int]] = []
    pending += [(root, (), 0) for root in sorted(roots, key=_place, reverse=True)]
    while pending:
        message, history, chars = pending.pop()
        message.is_reached = True
        if message.reason is not None or message.text is None:
            continue
        chars += len(message.text)
        if chars > max_chars or len(history) >= MAX_MESSAGES:
            message.reason = "too_long"
            continue
        if message.role == "user":
            message.draft = _draft(message, history, turn, max_chars - chars)
            turn += 1
        path = (*history, Turn(message.role, message.text))
        pending += [(child, path, chars) for child in sorted(message.children, key=_place, reverse=True)]


def _place(message: _Message) -> tuple[str, str]:
    return message.message_id, message.text or ""


def _draft(prompt: _Message, history: tuple[Turn, ...], turn: int, chars_left: int) -> Draft:
    replies = [
        child
        for child in prompt.children
        if child.role == "assistant" and child.reason is None and child.text and len(child.text) <= chars_left
    ]
    reply = min(replies, key=_Message.preference, default=None)
    return Draft(
        turn=turn,
        instruction=prompt.text or "",
        response=reply.text if reply else None,
        history=history,
        language=prompt.language,
        human_quality=(reply or prompt).labels.get("quality"),
        prompt_marks=prompt.marks(),
        response_marks=reply.marks() if reply else (),
    )


def _message(record: Record) -> _Message:
    """Read one message; what is wrong with it alone is its `reason`.

    Raises:
        Refusal: `wrong_format`, it is no message at all.
    """
    if "text" not in record or "role" not in record:
        raise Refusal("wrong_format")
    message_id = record.get("message_id")
    role = _ROLES.get(record["role"]) if isinstance(record["role"], str) else None
    rank = record.get("rank")
    text, reason = None, None
    try:
        text = text_of(record, "text")
    except Refusal as refusal:
        reason = refusal.reason
    if role is None:
        reason = "unknown_role"
    elif text is None and role == "user":
        reason = reason or "missing_instruction"
    if record.get("review_result") is False:
        reason = "not_reviewed"
    if record.get("deleted") is True:
        reason = "deleted"
    return _Message(
        message_id=message_id if isinstance(message_id, str) else "",
        role=role or "",
        text=text,
        language=language_code(record.get("lang")),
        rank=rank if type(rank) is int else None,
        labels=_labels(record),
        reason=reason,
    )


def _labels(record: Record) -> dict[str, float]:
    """Labels from 0.0 to 1.0 by name; given as `{name: value}`, `{name: {value}}` or as parallel lists."""
    given = record.get("labels")
    labels: dict[str, Any] = {}
    if isinstance(given, dict):
        names, values = given.get("name"), given.get("value")
        if isinstance(names, list) and isinstance(values, list):
            given = {name: value for name, value in zip(names, values, strict=False) if isinstance(name, str)}
        labels = {name: value.get("value") if isinstance(value, dict) else value for name, value in given.items()}
    detoxify = record.get("detoxify")
    if isinstance(detoxify, dict):
        labels.setdefault("toxicity", detoxify.get("toxicity"))
    return {name: float(value) for name, value in labels.items() if type(value) in (int, float) and 0 <= value <= 1}
