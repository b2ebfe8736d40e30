"""Executor side of spec: requests made of the texts of examples and pairs, batch by batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from schemas.calls import REQUESTS
from udfs.arrow_groups import ArrowBatches
from udfs.llm.generation_spec import GenerationSpec, build_request
from udfs.llm.prompts import AnswerPrompt, JudgePrompt, Message, answer_messages, judge_messages
from udfs.llm.request import Request

ANSWERS_ASKED = StructType(
    [
        StructField("example_id", StringType()),
        StructField("sample", IntegerType()),
        *(field for field in REQUESTS.schema.fields if field.name != "sample"),
    ]
)
"""A request for the answer to a prompt: `example_id`, and the columns of `REQUESTS`."""

JUDGEMENTS_ASKED = StructType([StructField("pair_id", StringType()), *REQUESTS.schema.fields])
"""A request for the judgement of a pair."""

WARNED = 2
"""Number of the ask with a warning."""

_REQUEST_FIELDS = tuple(REQUESTS.schema.fieldNames())
Row = Mapping[str, Any]


def answer_requests(
    specs: Mapping[str, GenerationSpec], prompt: AnswerPrompt
) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from prompts to requests.

    Args:
        specs: teacher -> how it is asked.
        prompt: template of the messages.

    Returns:
        A function from rows of (example_id, sample, teacher, system, history, instruction) to `ANSWERS_ASKED`.
    """

    def ask(row: Row) -> Row:
        messages = answer_messages(
            prompt, system=row["system"], history=_turns(row["history"]), instruction=row["instruction"]
        )
        request = build_request(specs[row["teacher"]], messages, sample=row["sample"])
        return {"example_id": row["example_id"], **_columns(request)}

    return _by_row(ask, ANSWERS_ASKED)


def judge_requests(
    spec: GenerationSpec, prompt: JudgePrompt, ask_number: int, sample: int = 0
) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function from pairs to requests to the judge.

    Args:
        spec: how it is asked.
        prompt: template of the messages.
        ask_number: 0, 1 to ask once more after a reply that could not be read, or `WARNED` to ask with a warning about
            texts that speak to whoever scores them.
        sample: counts up where the very same is asked several times, to see whether the judge repeats itself.

    Returns:
        A function from rows of (pair_id, system, history, instruction, response) to `JUDGEMENTS_ASKED`.
    """

    def ask(row: Row) -> Row:
        messages = judge_messages(
            prompt,
            system=row["system"],
            history=_turns(row["history"]),
            instruction=row["instruction"],
            response=row["response"],
            again=ask_number == 1,
            warned=ask_number == WARNED,
        )
        return {"pair_id": row["pair_id"], **_columns(build_request(spec, messages, sample=sample, ask=ask_number))}

    return _by_row(ask, JUDGEMENTS_ASKED)


def _by_row(ask: Callable[[Row], Row], schema: StructType) -> Callable[[ArrowBatches], ArrowBatches]:
    arrow = to_arrow_schema(schema)

    def build(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            yield pa.RecordBatch.from_pylist([dict(ask(row)) for row in batch.to_pylist()], schema=arrow)

    return build


def _columns(request: Request) -> Row:
    return {name: getattr(request, name) for name in _REQUEST_FIELDS}


def _turns(history: Sequence[Row] | None) -> tuple[Message, ...]:
    return tuple({"role": turn["role"], "content": turn["content"]} for turn in history or ())
