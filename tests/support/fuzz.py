"""Mutate what providers reply and what source files hold, and see every promise of their readers kept.

`python -m tests.support.fuzz --minutes 10`

Of a reply: the reader never raises; whatever it says can be stored; a key that is echoed is not; the bill is finite and
not below nothing; a decision follows. Of a file: nothing raises; chunk boundaries change no record; whatever is read
can be stored. A finding is printed with its seed, its input goes to `build/fuzz/`, and the exit code is 1.
"""

import argparse
import contextlib
import gzip
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from schemas.batches import RESULTS
from schemas.errors import SourceFormatError
from tests.support.waves import PRICES, request
from udfs.formats.detect import detect_format
from udfs.formats.draft import Parsed
from udfs.formats.parse import FORMATS, ParseOptions, parse_record, parse_tree
from udfs.llm.answers import Answer, read_answer
from udfs.llm.batch_results import result_of
from udfs.llm.classify import status_failure
from udfs.llm.failures import KINDS, Failure
from udfs.llm.journal_lines import read_line, sealed_line
from udfs.llm.journal_records import attempt_record, response_record, sent_record
from udfs.llm.redaction import Redactor
from udfs.llm.request_state import RequestState, Respond
from udfs.llm.retries import RetryPolicy
from udfs.records import _Held, open_file
from udfs.scoring.judge import read_reply

KEY = "sk-proj-ZqhvTgxWinLkmRbYcpHd"
"""Without digits: a flipped bit makes a control character of one, whose printed escape ends with that digit again."""
SLOWEST_SECONDS = 5.0
_SHOWN = 8
_FOUND = Path("build/fuzz")
_RESULTS = to_arrow_schema(RESULTS)
_ERRORS = Path(__file__).parents[1] / "udfs/llm/provider_errors.jsonl"
_ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        10**22,
        -(10**22),
        0.5,
        1e308,
        "",
        " ",
        "\0",
        "\ud83d",
        "\u202e",
        "null",
        "NaN",
        "error",
    ),
    *([], {}, [[]], [None], {"": None}, "x" * 3_000, "a " * 2_000, "é😀" * 100, KEY, f"Bearer {KEY}", KEY[:12], "2026"),
    *("429", 429, "stop", "SAFETY", "content_filter", "length", "<think>", "</think>", "```json", "{", "]", "data: {}"),
)
_COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "An answer."}}],
    "usage": {
        "prompt_tokens": 30,
        "completion_tokens": 25,
        "total_tokens": 55,
        "completion_tokens_details": {"reasoning_tokens": 5},
    },
}
_REPLIES: tuple[Any, ...] = (
    _COMPLETION,
    {**_COMPLETION, "choices": [], "error": {"code": 402, "message": "Insufficient credits"}},
    {**_COMPLETION, "choices": None, "error": {"code": 429, "message": "limit reached (33/32)"}},
    {"choices": [{"finish_reason": "error", "message": {"content": "Half", "reasoning_content": "<think>so"}}]},
    {
        "choices": [
            {"finish_reason": "stop", "message": {"content": [{"type": "text", "text": "a"}, {"type": "thinking"}]}}
        ]
    },
    {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
    {"detail": [{"loc": ["body"], "msg": f"the key {KEY} is wrong"}]},
    {"promptFeedback": {"blockReason": "SAFETY"}, "candidates": []},
    '{"accuracy": 9, "relevance": 8, "clarity": 9, "completeness": 7, "reason": "It is \\"so\\"."}',
)
_FILES: tuple[tuple[str, bytes], ...] = (
    (
        "a.jsonl",
        b'{"instruction": "Why?", "input": "", "output": "So."}\n{"instruction": "\xc3\xa9", "output": "x"}\n' * 3,
    ),
    ("b.json", b'[{"instruction": "Why?", "output": "So."},\n {"instruction": "How?", "output": "Thus."}]'),
    (
        "c.json",
        b'{\n "prompt": "Why?",\n "completion": "So."\n}\n{"prompt": "How?", "completion": [{"role": "assistant"}]}',
    ),
    ("d.csv", b'instruction,output\n"Why, so?","So ""it"" is\nhere"\nHow?,Thus\n'),
    ("e.csv", b"sep=;\rprompt;response\rWhy?;So.\rHow?;Thus.\r"),
    ("f.jsonl", b'{"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]}\n' * 2),
    ("g.jsonl", b'{"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}], "id": 7}\n'),
    (
        "h.jsonl",
        b'{"chosen": "\\n\\nHuman: Why?\\n\\nAssistant: So.", "rejected": "\\n\\nHuman: Why?\\n\\nAssistant: No."}\n',
    ),
    (
        "i.jsonl",
        b'{"message_id": "1", "parent_id": null, "text": "Why?", "role": "prompter", "message_tree_id": "1"}\n'
        b'{"message_id": "2", "parent_id": "1", "text": "So.", "role": "assistant", "message_tree_id": "1"}\n',
    ),
    ("j.json", b'{"columns": ["prompt", "response"], "data": [["Why?", "So."], ["How?", "Thus."]]}'),
    ("k.tsv", "prompt\tresponse\nWhy?\tSo.\n".encode("utf-16")),
)


@dataclass
class Findings:
    """What was tried, and what came of it."""

    inputs: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Content with a few bytes flipped, cut, doubled, or taken from elsewhere in it."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        at, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        what = chance.randrange(8)
        if what == 0 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        elif what == 1:
            del data[at : min(end, at + 20)]
        elif what == 2:
            data[at:at] = data[at : min(end, at + 200)] * chance.choice((1, 2, 20))
        elif what == 3:
            data[at:at] = chance.choice(
                (b"\0", b"\r", b"\n", b'"', b"\\", b"\\u", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 999, b"\xe2\x80\xa8")
            )
        elif what == 4:
            data[at:at] = chance.randbytes(chance.randrange(9))
        elif what == 5:
            del data[end:]
        elif what == 6:
            data[at:at] = json.dumps(chance.choice(_ODD)).encode()
        else:
            data[at:at] = str(chance.choice((KEY, 10**40, -0.0, "1e999", "NaN", "true"))).encode()
        del data[200_000:]
    return bytes(data)


def remade(value: Any, chance: random.Random, odds: float = 0.12) -> Any:
    """A JSON value of which some parts are replaced, left out, renamed, wrapped or doubled."""
    if chance.random() < odds:
        what = chance.randrange(5)
        if what == 0:
            return [value]
        if what == 1:
            return {"message": value, "error": chance.choice(_ODD)}
        if what == 2:
            return json.dumps(value)
        return chance.choice(_ODD)
    if isinstance(value, dict):
        made = {}
        for name, part in value.items():
            if chance.random() < odds / 2:
                continue
            own = chance.choice(_NAMES) if chance.random() < odds / 2 else name
            made[own] = remade(part, chance, odds)
        if chance.random() < odds:
            made[chance.choice(_NAMES)] = chance.choice(_ODD)
        return made
    if isinstance(value, list):
        return [remade(part, chance, odds) for part in value] * (2 if chance.random() < odds / 2 else 1)
    return value


_NAMES = (
    *("error", "message", "choices", "usage", "content", "finish_reason", "code", "type", "detail", "model", "refusal"),
    *("total_tokens", "prompt_tokens", "completion_tokens", "reasoning", "text", "status", "innererror", "base_resp"),
)


def check_reply(body: bytes, status: int) -> None:
    """Every promise about what a provider sends.

    Raises:
        AssertionError: one was broken; anything else: a reader raised it.
    """
    redact = Redactor([KEY])
    work = RequestState(request("r"), PRICES, attempts=1)
    most = work.worst_usd
    headers = {"retry-after": body[:20].decode("latin-1")}
    found = read_answer(body, redact) if status == 200 else status_failure(status, body, headers, redact)
    charge = work.charge(found)
    assert charge.cost_usd.is_finite() and charge.cost_usd >= 0, charge
    assert charge.basis != "assumed" or charge.cost_usd >= most, "what is assumed is assumed at its worst"
    step = work.decide(found, RetryPolicy(), is_proven=True)
    sent = sent_record(work, "a", 1.0, 1.0)
    records = [attempt_record(sent, found, charge, 0.1)]
    if isinstance(step, Respond):
        records.append(response_record(work, "a", step, 2.0))
    for record in records:
        assert read_line(sealed_line(record).encode("ascii").rstrip(b"\n")) == json.loads(json.dumps(record))
        _require_storable(record)
    if isinstance(found, Failure):
        assert found.kind in KINDS and len(found.message) <= 300 and "\n" not in found.message
    elif found.status == "answered":
        assert found.text and found.text.strip(), "an answer has a text"
    _require_no_key(repr((found, records)))
    if isinstance(found, Answer):
        verdict = read_reply(found.text).verdict
        assert verdict is None or all(1 <= rating <= 10 for rating in verdict.dimensions)


def check_batch_line(line: str) -> None:
    """What is read of a batch's line is a row of its table."""
    member = {
        "batch_key": "b",
        "request_id": "r",
        "attempt_no": 1,
        "max_tokens": 100,
        "max_tokens_cap": 100,
        "prompt_tokens_bound": 50,
        "reserved_usd": Decimal("0.01"),
        "was_cut": False,
    }
    row = result_of(line, member, PRICES, None, Redactor([KEY]))
    _require_storable(row)
    _require_no_key(repr(row))
    pa.RecordBatch.from_pylist([row], schema=_RESULTS)


def check_file(content: bytes, name: str, chance: random.Random) -> None:
    """Every promise about what a source file holds."""
    whole = list(open_file(_Held(memoryview(content)), name).records)
    chunk = chance.choice((997, 1_000, 4_096))
    assert list(open_file(_Held(memoryview(content)), name, chunk).records) == whole, f"chunks of {chunk} change it"
    sound = [record.record for record in whole if record.reason is None]
    with contextlib.suppress(SourceFormatError):  # says what is wrong
        detect_format(sound[:20])
    for form in FORMATS:
        options = ParseOptions(format=form, fields={"instruction": "prompt", "response": "response"})
        for record in sound[:50]:
            _require_parsed(parse_record(record, options))
    for parsed in parse_tree(sound[:50], ParseOptions(format="openassistant")):
        _require_parsed(parsed)


def _require_parsed(parsed: Parsed) -> None:
    assert (parsed.reason is None) or not parsed.drafts
    for draft in parsed.drafts:
        for text in (draft.instruction, draft.response, draft.system, *(turn.content for turn in draft.history)):
            assert text is None or ("\0" not in text and text.encode("utf-8") is not None)


def _require_storable(record: dict[str, Any]) -> None:
    for name, value in record.items():
        if isinstance(value, str):
            value.encode("utf-8")
            assert "\0" not in value, f"{name} holds NUL"
        elif isinstance(value, int) and not isinstance(value, bool):
            assert abs(value) < 1 << 63, f"{name} is too large"


def _require_no_key(text: str) -> None:
    shown = [KEY[at : at + _SHOWN] for at in range(len(KEY) - _SHOWN + 1) if KEY[at : at + _SHOWN] in text]
    assert not shown, f"a part of the key is stored: {shown[0]}"


def _cases(chance: random.Random) -> Iterator[tuple[str, bytes, Callable[[], None]]]:
    errors = [json.loads(line)["body"] for line in _ERRORS.read_text("utf-8").splitlines()]
    while True:
        what = chance.random()
        if what < 0.5:
            seed = chance.choice(_REPLIES if chance.random() < 0.6 else errors)
            value = remade(seed, chance)
            body = (value if isinstance(value, str) else json.dumps(value, ensure_ascii=chance.random() < 0.5)).encode(
                "utf-8", "surrogatepass"
            )
            if chance.random() < 0.15:
                body = b"".join(b"data: " + body + b"\n\n" for _ in range(chance.randrange(1, 4))) + b"data: [DONE]\n"
            if chance.random() < 0.5:
                body = mutated(body, chance)
            status = chance.choice((200, 200, 200, 400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503))
            yield "reply", body, lambda body=body, status=status: check_reply(body, status)  # type: ignore[misc]
        elif what < 0.6:
            inner = remade(chance.choice(_REPLIES), chance)
            line = json.dumps(
                remade({"custom_id": "r", "response": {"status_code": 200, "body": inner}, "error": None}, chance)
            )
            sent = mutated(line.encode(), chance).decode("utf-8", "replace") if chance.random() < 0.4 else line
            yield "batch line", sent.encode("utf-8", "surrogatepass"), lambda sent=sent: check_batch_line(sent)  # type: ignore[misc]
        else:
            name, seed = chance.choice(_FILES)
            content = mutated(seed * chance.choice((1, 1, 5, 40)), chance)
            if chance.random() < 0.1:
                content, name = gzip.compress(content), f"{name}.gz"
                content = mutated(content, chance) if chance.random() < 0.5 else content
            yield f"file {name}", content, lambda content=content, name=name: check_file(content, name, chance)  # type: ignore[misc]


def fuzz(seed: int, *, seconds: float = 1e9, inputs: int = 10**12) -> Findings:
    """Try inputs for so long, or so many."""
    found, chance, until = Findings(), random.Random(seed), time.monotonic() + seconds
    for number, (what, content, check) in enumerate(_cases(chance)):
        if number >= inputs or time.monotonic() > until:
            return found
        began = time.process_time()
        try:
            check()
        except Exception as error:
            found.faults.append(f"{what}: {type(error).__name__} {str(error)[:300]} (seed {seed}, input {number})")
            _FOUND.mkdir(parents=True, exist_ok=True)
            (_FOUND / f"{seed}-{number}").write_bytes(content)
        spent = time.process_time() - began
        found.slowest = max(found.slowest, (spent, f"{what}, input {number}"))
        if spent > SLOWEST_SECONDS:
            found.faults.append(f"{what}: took {spent:.1f} s (seed {seed}, input {number})")
            _FOUND.mkdir(parents=True, exist_ok=True)
            (_FOUND / f"{seed}-{number}").write_bytes(content)
        found.inputs[what.split(" ")[0]] += 1
    return found


def main() -> None:
    """`make soak`: for so many minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began = time.process_time()
    found = fuzz(asked.seed, seconds=60 * asked.minutes)
    for fault in found.faults:
        print(fault)
    print(
        f"{found.inputs.total():,} inputs ({', '.join(f'{count:,} {what}' for what, count in found.inputs.items())}), "
        f"{time.process_time() - began:.0f} s of CPU, slowest {found.slowest[0]:.2f} s ({found.slowest[1]}), "
        f"{len(found.faults)} findings"
    )
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
