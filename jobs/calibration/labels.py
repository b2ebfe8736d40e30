"""What people say of answers, read from files: which of two they prefer, or how good they find one.

Shapes, told by their keys: LLMBar and its processed MT-Bench and FairEval (`output_1`, `output_2`, `label`), AlpacaEval
(`preference`), PandaLM (`response1`, `response2`, `annotator1` ...), MT-bench and Chatbot Arena (`conversation_a`,
`winner`), pairs of `chosen` and `rejected`, OpenAssistant's messages with the label `quality`, any record with an
answer and a `quality`, `score`, `rating` or `grade`, and a filled-in review sheet (CSV).
"""

import gzip
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from jobs.curation.review_sheet import sheet_rows
from schemas.errors import ConfigError

_GRADES = ("quality", "score", "rating", "grade", "verdict")
_ANSWERS = ("output", "response", "answer", "completion")
_PROMPTS = ("instruction", "prompt", "question", "input")
_VERDICTS: Mapping[str, float] = {"keep": 1.0, "drop": 0.0}
_LISTED = 3


class Choice(NamedTuple):
    """Two answers to one prompt, of which people prefer one."""

    instruction: str
    better: str
    worse: str
    better_by: str | None = None
    """Who wrote it, where the file says so."""
    worse_by: str | None = None
    system: str | None = None


class Grade(NamedTuple):
    """One answer and how good people find it, on the file's own scale."""

    instruction: str
    response: str
    grade: float
    written_by: str | None = None
    system: str | None = None


class Labels(NamedTuple):
    """One file of labels."""

    name: str
    sha256: str
    choices: tuple[Choice, ...] = ()
    grades: tuple[Grade, ...] = ()
    ties: int = 0
    """Pairs that people find equally good; nothing can be right or wrong there."""
    skipped: Mapping[str, int] = {}
    """Why records were left out -> how many."""

    @property
    def good_from(self) -> float:
        """The middle of the grades' scale, from which an answer counts as good."""
        grades = [one.grade for one in self.grades]
        # A scale that begins at 1 has no 0; the range of what was given is a guess where neither is used.
        return (max(grades) + min(grades)) / 2 if grades else 0.0


class _Tie(NamedTuple):
    """People find both alike."""


class _Skipped(NamedTuple):
    reason: str


_Label = Choice | Grade | _Tie | _Skipped


def read_labels(path: Path) -> Labels:
    """Read a file of labels.

    Raises:
        ConfigError: there is no such file, or no record of it is a label of a known shape.
    """
    content = _content(path)
    records = _records(content, path)
    if any("message_id" in record for record in records[:10]):
        found = list(_openassistant(records))
    else:
        found = [_label(record) for record in records]
    choices = tuple(one for one in found if isinstance(one, Choice))
    grades = tuple(one for one in found if isinstance(one, Grade))
    skipped = Counter(one.reason for one in found if isinstance(one, _Skipped))
    if not choices and not grades:
        why = ", ".join(f"{reason} {count:,}" for reason, count in skipped.most_common(_LISTED)) or "it has no records"
        raise ConfigError(
            f"{path}: no label of people that is known here ({why}); `phase0 calibrate --help` lists shapes"
        )
    ties = sum(isinstance(one, _Tie) for one in found)
    return Labels(path.name, sha256(content).hexdigest(), choices, grades, ties, dict(skipped))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, EOFError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _records(content: bytes, path: Path) -> list[Mapping[str, Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8") from None
    if path.suffix == ".csv":
        return list(sheet_rows(text, path))
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text)
        else:
            found = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is neither a JSON array nor JSON lines nor a .csv: {error}") from None
    return [record if isinstance(record, Mapping) else {} for record in found]


def _label(record: Mapping[str, Any]) -> _Label:
    if "conversation_a" in record:
        return _arena(record)
    if "chosen" in record and "rejected" in record:
        return _chosen(record)
    pairs = (("output_1", "output_2"), ("response1", "response2"))
    names = next((names for names in pairs if all(name in record for name in names)), None)
    return _graded(record) if names is None else _preferred(record, *names)


def _preferred(record: Mapping[str, Any], first: str, second: str) -> _Label:
    instruction = _prompt(record)
    answers = _text(record[first]), _text(record[second])
    if instruction is None or not all(answers):
        return _Skipped("no text")
    side = _side(record)
    if side is None:
        return _Skipped("no preference")
    return _choice(instruction, (answers[0] or "", answers[1] or ""), side, _writers(record))


def _choice(
    instruction: str,
    answers: tuple[str, str],
    side: int,
    writers: tuple[str | None, str | None],
    system: str | None = None,
) -> _Label:
    """A choice of side 1 or 2; 0 is a tie."""
    if side == 0 or answers[0] == answers[1]:
        return _Tie()
    best, other = side - 1, 2 - side
    return Choice(instruction, answers[best], answers[other], writers[best], writers[other], system)


def _side(record: Mapping[str, Any]) -> int | None:
    """1 or 2, 0 for a tie, null where nobody says so. Several annotators are counted."""
    votes = [record[name] for name in sorted(record) if name.startswith("annotator") and name[9:].isdigit()]
    if votes:
        counted = Counter(_number(vote) for vote in votes).most_common(2)
        side = counted[0][0]
        is_split = len(counted) > 1 and counted[0][1] == counted[1][1]
        return 0 if is_split else None if side is None else int(side)
    given = _number(record["label"] if "label" in record else record.get("preference"))
    if given is None or not 0 <= given <= 2:
        return None
    return 0 if given in (0, 1.5) else 1 if given < 1.5 else 2


def _writers(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    compared = record.get("cmp_key")  # PandaLM: "bloom-7b_llama-7b"
    if isinstance(compared, str) and compared.count("_") == 1:
        first, second = compared.split("_")
        return first, second
    return _text(record.get("generator_1")), _text(record.get("generator_2"))


def _arena(record: Mapping[str, Any]) -> _Label:
    turns = record["conversation_a"], record.get("conversation_b")
    if record.get("turn", 1) != 1:
        return _Skipped("a later turn")
    texts = [_first_exchange(side) for side in turns]
    if texts[0] is None or texts[1] is None or texts[0][0] != texts[1][0]:
        return _Skipped("no text")
    winner = str(record.get("winner", "")).lower()
    side = 1 if winner == "model_a" else 2 if winner == "model_b" else 0 if winner.startswith("tie") else None
    if side is None:
        return _Skipped("no preference")
    writers = _text(record.get("model_a")), _text(record.get("model_b"))
    return _choice(texts[0][0], (texts[0][1], texts[1][1]), side, writers)


def _first_exchange(turns: object) -> tuple[str, str] | None:
    """The first question and its answer."""
    if not isinstance(turns, Sequence) or len(turns) < 2:
        return None
    said = [_text(turn.get("content")) if isinstance(turn, Mapping) else None for turn in turns[:2]]
    return (said[0], said[1]) if said[0] and said[1] else None


def _chosen(record: Mapping[str, Any]) -> _Label:
    answers = _said(record["chosen"]), _said(record["rejected"])
    turns = record.get("conversations") or record.get("messages")
    instruction = _said(turns[0]) if isinstance(turns, list) and len(turns) == 1 else _prompt(record)
    if instruction is None or answers[0] is None or answers[1] is None:
        return _Skipped("no text, or several turns")
    return _choice(instruction, (answers[0], answers[1]), 1, (None, None), _text(record.get("system")))


def _said(value: object) -> str | None:
    if isinstance(value, Mapping):
        return _text(value.get("value") or value.get("content"))
    return _text(value)


def _graded(record: Mapping[str, Any]) -> _Label:
    instruction, response = _prompt(record), _first_text(record, _ANSWERS)
    if instruction is None or response is None:
        return _Skipped("no prompt and answer")
    for name in _GRADES:
        if name in record:
            grade = _VERDICTS.get(str(record[name]).strip().lower(), _number(record[name]))
            if grade is not None:
                return Grade(instruction, response, grade, _text(record.get("source")), _text(record.get("system")))
    return _Skipped("no grade")


def _openassistant(messages: Sequence[Mapping[str, Any]]) -> Iterator[_Label]:
    by_id = {message.get("message_id"): message for message in messages}
    for reply in messages:
        prompt, response = by_id.get(reply.get("parent_id")), _text(reply.get("text"))
        if reply.get("role") != "assistant" or prompt is None or response is None or not _text(prompt.get("text")):
            continue
        grade = _number(_label_values(reply.get("labels")).get("quality"))
        # What was asked in an earlier turn is not shown to the scorer, as it was not to the offline rules.
        yield _Skipped("no label quality") if grade is None else Grade(prompt["text"], response, grade)


def _label_values(labels: object) -> dict[str, Any]:
    """Labels as parallel lists, or as a mapping of name -> value or {value}."""
    if not isinstance(labels, Mapping):
        return {}
    if isinstance(labels.get("name"), list) and isinstance(labels.get("value"), list):
        return dict(zip(labels["name"], labels["value"], strict=False))
    return {name: value.get("value") if isinstance(value, Mapping) else value for name, value in labels.items()}


def _prompt(record: Mapping[str, Any]) -> str | None:
    found = _first_text(record, _PROMPTS)
    added = _text(record.get("input"))
    return f"{found}\n\n{added}" if found and added and added != found else found


def _first_text(record: Mapping[str, Any], names: Iterable[str]) -> str | None:
    return next((text for name in names if (text := _text(record.get(name)))), None)


def _text(value: object) -> str | None:
    """A text with something in it; NaN stands for an empty cell in files that pandas wrote."""
    return value if isinstance(value, str) and value.strip() else None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
