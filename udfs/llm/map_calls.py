"""The runners: the engine within the tasks of a Spark job (`map_calls`), or in this process (`drive_calls`).

How a wave is run:

1. `tasks_of` says which task calls which endpoint, and `with_task` adds the column (`jobs.online.task_slots`); each
   request carries its `reserved_usd`, which the caller has taken off the budget.
2. A `WaveContext` names a *new* journal folder, the endpoints, the tasks, what was sent in the last window, the lease
   and the stop file. The lease is a JSON file `{"epoch": int, "expires_at": seconds since the epoch}`, replaced
   atomically by its holder; no call starts once it is missing, expired or of another epoch.
3. `map_calls` or `drive_calls` answers with one row of `OUTCOMES` for each request. They are for the terminal: nothing
   may be computed from them, since a Spark task that is run again tells of its second run.
4. The journal folder holds everything that was paid; `jobs` appends to the ledger what it does not have yet
   (`attempts`, with `sent` records that never ended as lost; `responses`). It may do so once the wave is over, or once
   the lease of a dead run has expired and `grace_seconds` more have passed.

Run again on the same journal folder, nothing that is answered there is called. Speculative execution must be off, and
all tasks must run at once, or an endpoint's limits are not used up.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from schemas.calls import OUTCOMES, WAVE
from udfs.arrow_groups import ArrowBatches
from udfs.llm.engine import run_requests
from udfs.llm.loop_thread import iterate, read_in_thread
from udfs.llm.outcome import Outcome
from udfs.llm.request import Request
from udfs.llm.wave import WaveContext

_OUTCOMES = to_arrow_schema(OUTCOMES.schema)
_REQUEST_FIELDS = tuple(Request.__dataclass_fields__)
_ROWS_OUT = 256


def map_calls(wave: DataFrame, context: WaveContext) -> DataFrame:
    """Call from executors. Nothing happens before an action, and the action must be run once.

    Args:
        wave: rows of `WAVE`.
        context: of the wave.

    Returns:
        Rows of `OUTCOMES`, lazily.

    Raises:
        SchemaMismatchError: a column is missing or has another type.
    """
    dealt = WAVE.select_from(wave).repartitionById(context.task_count, "task")
    return dealt.mapInArrow(call_batches(context), OUTCOMES.schema)


def drive_calls(requests: Iterable[Request], context: WaveContext) -> Iterator[Outcome]:
    """Call from this process, as task 0, which has the whole of every limit.

    Args:
        requests: read as room appears.
        context: of the wave; its `tasks` are empty.

    Raises:
        OSError: the journal cannot be written or read; nothing more is sent then.
    """
    return _call(_in_batches(iter(requests)), context, 0)


def call_batches(context: WaveContext) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from rows of `WAVE`, all of one task, to rows of `OUTCOMES`."""

    def call(batches: ArrowBatches) -> ArrowBatches:
        rows = (row for batch in batches for row in batch.to_pylist())
        first = next(rows, None)
        if first is None:
            return
        task = first["task"]

        def requests() -> Iterator[Request]:
            yield request_of(first)
            for row in rows:
                if row["task"] != task:
                    raise ValueError(f"rows of tasks {task} and {row['task']} in one partition: deal them by `task`")
                yield request_of(row)

        outcomes = _call(_in_batches(requests()), context, task)
        while some := list(islice(outcomes, _ROWS_OUT)):
            yield pa.RecordBatch.from_pylist([vars(outcome) for outcome in some], schema=_OUTCOMES)

    return call


def request_of(row: Any) -> Request:
    """The request in a row of `WAVE`: a mapping, or a `Row`."""
    return Request(**{name: row[name] for name in _REQUEST_FIELDS})


def _call(batches: Iterator[list[Request]], context: WaveContext, task: int) -> Iterator[Outcome]:
    return iterate(lambda: run_requests(read_in_thread(batches), context, task))


def _in_batches(requests: Iterator[Request]) -> Iterator[list[Request]]:
    while some := list(islice(requests, _ROWS_OUT)):
        yield some
