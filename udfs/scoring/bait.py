"""Executor side of judging: which pairs hold words that are meant for whoever scores them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from udfs.arrow_groups import ArrowBatches
from udfs.screen.judge_bait import addresses_judge
from udfs.screen.subject import Subject


def speak_to_judge(texts: Iterable[str]) -> bool:
    """Whether any of the texts that a judge is shown holds words meant for it."""
    return any(addresses_judge(Subject(text, text)) is not None for text in texts)


def keep_marked(batches: ArrowBatches) -> ArrowBatches:
    """Of rows with system, history, instruction and response those that speak to the judge, as they are."""
    for batch in batches:
        marked = [row_speaks_to_judge(row) for row in batch.to_pylist()]
        yield batch.filter(pa.array(marked, pa.bool_()))


def row_speaks_to_judge(row: Mapping[str, Any]) -> bool:
    """Whether a row with system, history, instruction and response does."""
    return speak_to_judge(_texts(row))


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    turns = (turn["content"] for turn in row["history"] or ())
    yield from (text for text in (row["system"], *turns, row["instruction"], row["response"]) if text)
