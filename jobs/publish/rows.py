"""Which rows a package holds: the data set, and for chat messages also what needs its system prompt or its history."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from jobs.curation.dataset import PAIRS_AS_ROWS
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime
from schemas.tables import DATASET

NEEDS_CONTEXT = ("needs_system", "needs_history")
"""Reasons of pairs that score high enough and were only too much for the bare format."""

_ROWS = with_parts(
    "select {columns}, cast(null as string) as reason from {dataset} union all {context}",
    columns=", ".join(DATASET.schema.names),
    context=with_parts(PAIRS_AS_ROWS, which="chosen.reason in (:needs)"),
)


def packable_rows(runtime: Runtime) -> pa.Table:
    """The data set and the pairs that only a conversation can show.

    Quotas (`select.rows`, `select.composition`) have shaped the data set. They do not count the pairs that need their
    context, of which all that score above `select.min_score` are here: nothing bare gives way to them.

    Returns:
        Rows of `DATASET` with `reason`, why a row does not make sense without system prompt or history and null where
        it does (the row is *bare*); sorted by example_id and pair_id.
    """
    found = runtime.query_arrow(_ROWS, needs=NEEDS_CONTEXT)
    wide = found.cast(pa.schema([(field.name, _wide(field.type)) for field in found.schema]))
    return wide.sort_by([("example_id", "ascending"), ("pair_id", "ascending")]).combine_chunks()


def _wide(kind: pa.DataType) -> pa.DataType:
    """The type with texts of any length in all: a column of the others ends at 2 GiB."""
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_list(kind):
        return pa.list_(_wide(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _wide(field.type)) for field in kind])
    return kind


def is_conversation(history: Sequence[Mapping[str, Any]], system: str | None) -> bool:
    """Whether the turns alternate, the user's first, and none is blank: what chat templates ask for."""
    texts = [turn["content"] for turn in history] + ([] if system is None else [system])
    roles = ["user", "assistant"] * (len(history) // 2)
    return [turn["role"] for turn in history] == roles and all(text.strip() for text in texts)
