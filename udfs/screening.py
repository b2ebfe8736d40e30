"""Executor side of the screen: rules over batches of prompts and responses."""

from collections.abc import Callable, Mapping

import pyarrow as pa
from pyspark.sql.pandas.types import to_arrow_schema

from schemas.tables import SCREEN
from udfs.arrow_groups import ArrowBatches
from udfs.screen.rules import Rule
from udfs.screen.screen import Violation, screen_prompt, screen_response

_SCHEMA = to_arrow_schema(SCREEN.schema)

RulesBySource = Mapping[str, tuple[Rule, ...]]


def screen_texts(rules: RulesBySource, *, prompts: bool) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function that marks prompts, responses or both.

    Args:
        rules: source -> the rules that apply to it, in order.
        prompts: whether the prompts are screened too; they are once, with the examples, and not again with
            each answer.

    Returns:
        A function from rows of (id, source, system, has_history, instruction, response) to rows of `SCREEN`.
    """

    def screen(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            rows = []
            for text in batch.to_pylist():
                active = rules[text["source"]]
                violations: list[Violation] = []
                if prompts:
                    violations += screen_prompt(
                        text["instruction"], text["system"], active, has_history=text["has_history"]
                    )
                if text["response"] is not None:
                    violations += screen_response(text["instruction"], text["response"], active, text["system"])
                rows += [
                    {"id": text["id"], "target": v.target, "rule": v.rule, "effect": v.effect, "span": v.span}
                    for v in violations
                ]
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)

    return screen
