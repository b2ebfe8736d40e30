"""When a text counts as contaminated by a benchmark: what of an item it holds, and whether that tells anything.

A *question* counts where one run of tokens covers `share` of it, or all of it where it is short. An *answer* counts
where a run covers `answer_share` of it and it is not short: short answers, and the idioms of code, are everywhere.
What counts this way and is short may still be a form of words, "who is the president"; how often a source says it
decides, which only the whole of the data can tell (`jobs.decontaminate`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import xxhash

from udfs.arrow_groups import ArrowBatches
from udfs.benchmark_items import ItemText
from udfs.item_index import ItemIndex, Run, build_index
from udfs.shingles import words

LEAST_EMBEDDED = 4
"""Tokens of an item that is looked for inside longer texts; a shorter one must be the whole prompt."""

FORM_PROMPTS = 4
"""Different prompts of one source that hold a short item, from which on it is a form of words."""

EXCERPT_CHARS = 2_000

CANDIDATE = (
    "example_id string, source string, benchmark string, item string, field string, side string, part string, "
    "first_token int, tokens int, item_tokens int, share double, span string, item_text string, "
    "is_short boolean, is_whole_prompt boolean, prompt_key bigint"
)
"""Columns of `find_contamination`: those of the table `contamination`, and what the last step needs to know."""

_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("example_id", "source", "benchmark", "item", "field", "side", "part")),
        *((name, pa.int32()) for name in ("first_token", "tokens", "item_tokens")),
        ("share", pa.float64()),
        *((name, pa.string()) for name in ("span", "item_text")),
        *((name, pa.bool_()) for name in ("is_short", "is_whole_prompt")),
        ("prompt_key", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Limits:
    """What must be there of an item; see the module."""

    share: float = 0.5
    answer_share: float = 0.8
    short_tokens: int = 20


class Part(NamedTuple):
    """One of the texts that an example is made of."""

    side: str
    """prompt or response."""
    part: str
    """system, history, instruction or response."""
    text: str


class Overlap(NamedTuple):
    """What an example holds of an item."""

    item: ItemText
    part: Part
    first_token: int
    tokens: int
    item_tokens: int
    share: float
    is_short: bool
    is_whole_prompt: bool


@dataclass(frozen=True)
class Benchmarks:
    """The items that are looked for, their index, and the limits."""

    items: tuple[ItemText, ...]
    index: ItemIndex
    limits: Limits

    def overlaps(self, examples: Sequence[Sequence[Part]]) -> list[list[Overlap]]:
        """What each example holds of items: the longest run for each item, field and side."""
        parts = [(number, part) for number, example in enumerate(examples) for part in example]
        best: list[dict[tuple[str, str, str, str], Overlap]] = [{} for _ in examples]
        sizes = self.index.sizes
        for run in self.index.runs([part.text for _, part in parts]):
            number, part = parts[run.text]
            is_alone = sum(other.side == "prompt" for other in examples[number]) == 1
            size = int(sizes[run.item])
            is_whole = part.side == "prompt" and is_alone and run.tokens == size == run.text_tokens
            if not self._counts(run, size, is_whole_prompt=is_whole):
                continue
            item = self.items[run.item]
            share = run.tokens / size
            overlap = Overlap(
                item, part, run.text_start, run.tokens, size, share, size < self.limits.short_tokens, is_whole
            )
            key = (item.benchmark, item.item, item.field, part.side)
            if key not in best[number] or best[number][key].share < share:
                best[number][key] = overlap
        return [list(found.values()) for found in best]

    def _counts(self, run: Run, size: int, *, is_whole_prompt: bool) -> bool:
        is_short = size < self.limits.short_tokens
        if self.items[run.item].field == "answer":
            return not is_short and run.tokens >= self.limits.answer_share * size
        if is_short or self.index.is_form[run.item]:
            return run.tokens == size and (size >= LEAST_EMBEDDED or is_whole_prompt)
        return run.tokens >= self.limits.share * size


def index_benchmarks(items: Sequence[ItemText], limits: Limits) -> Benchmarks:
    """Index items, ready to be sent to executors."""
    shown = tuple(item._replace(text=item.text[:EXCERPT_CHARS]) for item in items)
    return Benchmarks(shown, build_index(item.text for item in items), limits)


def span_text(found: Overlap) -> str:
    """The run as tokens, at most `EXCERPT_CHARS` of it."""
    tokens = words(found.part.text)[found.first_token : found.first_token + found.tokens]
    return " ".join(tokens)[:EXCERPT_CHARS]


def parts_of(row: Mapping[str, Any]) -> list[Part]:
    """The parts of an example: a mapping with system, history (turns), instruction and response, null what is not."""
    prompt = [
        ("system", row["system"]),
        *(("history", turn["content"]) for turn in row["history"] or ()),
        ("instruction", row["instruction"]),
    ]
    parts = [Part("prompt", name, text) for name, text in prompt if text]
    return [*parts, Part("response", "response", row["response"])] if row["response"] else parts


def prompt_key(parts: Sequence[Part]) -> int:
    """A signed 64-bit hash of the prompt: equal for examples that ask the same thing."""
    prompt = "\0".join(part.text for part in parts if part.side == "prompt")
    digest = xxhash.xxh3_64_digest(prompt.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest, "big", signed=True)


def find_contamination(benchmarks: Benchmarks) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from examples to rows of `CANDIDATE`.

    The rows have example_id, source, system, history, instruction and response.
    """

    def find(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            rows = batch.to_pylist()
            examples = [parts_of(row) for row in rows]
            found = [
                _candidate(row, parts, overlap)
                for row, parts, overlaps in zip(rows, examples, benchmarks.overlaps(examples), strict=True)
                for overlap in overlaps
            ]
            yield pa.RecordBatch.from_pylist(found, schema=_SCHEMA)

    return find


def _candidate(row: Mapping[str, Any], parts: Sequence[Part], found: Overlap) -> dict[str, Any]:
    return {
        "example_id": row["example_id"],
        "source": row["source"],
        "benchmark": found.item.benchmark,
        "item": found.item.item,
        "field": found.item.field,
        "side": found.part.side,
        "part": found.part.part,
        "first_token": found.first_token,
        "tokens": found.tokens,
        "item_tokens": found.item_tokens,
        "share": found.share,
        "span": span_text(found),
        "item_text": found.item.text,
        "is_short": found.is_short,
        "is_whole_prompt": found.is_whole_prompt,
        "prompt_key": prompt_key(parts),
    }
