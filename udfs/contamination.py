"""When a text counts as contaminated by a benchmark: what of an item it holds, and whether that tells anything.

A *question* counts where one run of tokens covers `share` of it, or all of it where it is short. An *answer* counts
where a run covers `answer_share` of it and it is not short: short answers, and the idioms of code, are everywhere.
What counts this way and is short may still be a form of words, "who is the president"; how often a source says it
decides, which only the whole of the data can tell (`jobs.decontaminate`). A prompt that asks a question in other words
(`udfs.rephrasings`) is found too, where that is wanted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import xxhash

from udfs.arrow_groups import ArrowBatches
from udfs.benchmark_items import ItemText
from udfs.item_index import ItemIndex, Run, build_index
from udfs.rephrasings import RephrasingIndex, index_rephrasings
from udfs.shingles import words

LEAST_EMBEDDED = 4
"""Tokens of an item that is looked for inside longer texts; a shorter one must be the whole prompt."""

FORM_PROMPTS = 4
"""Different prompts of one source that hold a short item, from which on it is a form of words."""

EXCERPT_CHARS = 2_000

FALSELY_MARKED_SHARE = 2 / 54_865
"""Of examples, those that hold no item and are marked for a run: measured on real files, where each mark was read
(docs/METHODOLOGY.md)."""

CANDIDATE = (
    "example_id string, source string, benchmark string, item string, field string, side string, part string, "
    "first_token int, tokens int, item_tokens int, share double, span string, item_text string, "
    "kind string, is_short boolean, is_whole_prompt boolean, prompt_key bigint"
)
"""Columns of `find_contamination`: those of the table `contamination`, and what the last step needs to know."""

_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("example_id", "source", "benchmark", "item", "field", "side", "part")),
        *((name, pa.int32()) for name in ("first_token", "tokens", "item_tokens")),
        ("share", pa.float64()),
        *((name, pa.string()) for name in ("span", "item_text", "kind")),
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
    shared: tuple[str, ...] = ()
    """Of a question in other words: its features that the prompt has too; `tokens` counts these, of `item_tokens`."""

    @property
    def kind(self) -> str:
        """run, or rephrased."""
        return "rephrased" if self.shared else "run"


@dataclass(frozen=True)
class Benchmarks:
    """The items that are looked for, their index, and the limits."""

    items: tuple[ItemText, ...]
    index: ItemIndex
    limits: Limits
    questions: tuple[int, ...] = ()
    """Numbers of the items in `rephrasings`."""
    rephrasings: RephrasingIndex | None = None
    """Of the questions, where those in other words are looked for too."""

    def overlaps(self, examples: Sequence[Sequence[Part]]) -> list[list[Overlap]]:
        """What each example holds of items: the longest run for each item, field and side, else what it rephrases."""
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
            key = (*item.key, part.side)
            if key not in best[number] or best[number][key].share < share:
                best[number][key] = overlap
        for number, overlap in self._rephrased(parts):
            best[number].setdefault((*overlap.item.key, overlap.part.side), overlap)
        return [list(found.values()) for found in best]

    def _rephrased(self, parts: Sequence[tuple[int, Part]]) -> Iterator[tuple[int, Overlap]]:
        """Questions that prompts ask in other words, the most similar part of each prompt first."""
        if self.rephrasings is None:
            return
        prompts = [one for one in parts if one[1].side == "prompt"]
        found = self.rephrasings.rephrasings([part.text for _, part in prompts])
        for one in sorted(found, key=lambda one: -one.similarity):
            number, part = prompts[one.text]
            item = self.items[self.questions[one.item]]
            size, share = len(one.shared), one.similarity
            yield number, Overlap(item, part, 0, size, one.item_features, share, False, False, one.shared)

    def _counts(self, run: Run, size: int, *, is_whole_prompt: bool) -> bool:
        is_short = size < self.limits.short_tokens
        if self.items[run.item].field == "answer":
            return not is_short and run.tokens >= self.limits.answer_share * size
        if is_short or self.index.is_form[run.item]:
            return run.tokens == size and (size >= LEAST_EMBEDDED or is_whole_prompt)
        return run.tokens >= self.limits.share * size


def index_benchmarks(items: Sequence[ItemText], limits: Limits, *, rephrased: bool = False) -> Benchmarks:
    """Index items, ready to be sent to executors.

    Args:
        items: what is looked for.
        limits: from what share on a run counts.
        rephrased: whether questions in other words are looked for too.
    """
    shown = tuple(item._replace(text=item.text[:EXCERPT_CHARS]) for item in items)
    questions = tuple(number for number, item in enumerate(items) if item.field == "question") if rephrased else ()
    rephrasings = index_rephrasings([items[number].text for number in questions]) if questions else None
    return Benchmarks(shown, build_index(item.text for item in items), limits, questions, rephrasings)


def span_text(found: Overlap) -> str:
    """The run as tokens, or what a prompt in other words has of the item; at most `EXCERPT_CHARS` of it."""
    run = slice(found.first_token, found.first_token + found.tokens)
    tokens = found.shared or words(found.part.text)[run]
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
        "kind": found.kind,
        "is_short": found.is_short,
        "is_whole_prompt": found.is_whole_prompt,
        "prompt_key": prompt_key(parts),
    }
