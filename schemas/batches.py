"""What goes by the Batch API: the batches, their members, and what their files bring back.

Money is US dollars as `decimal(38,12)`.
"""

from pyspark.sql.types import (
    BooleanType,
    DataType,
    DecimalType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from schemas.tables import Table

_TEXT, _INT, _LONG, _FLAG = StringType(), IntegerType(), LongType(), BooleanType()
_TIME, _USD = TimestampType(), DecimalType(38, 12)


def _columns(*columns: tuple[str, DataType]) -> StructType:
    return StructType([StructField(name, kind) for name, kind in columns])


INTENT, UPLOADED, CREATED, ENDED, FOLDED = "intent", "uploaded", "created", "ended", "folded"
"""States of a batch, in their order. Its members are asked by nobody else until it is folded in."""

# One row a batch. Until it is folded in, its reservation is off the budget.
BATCHES = Table(
    "batches",
    ("batch_key",),
    _columns(
        ("batch_key", _TEXT),  # our name of it, and that of its file
        ("stage", _TEXT),  # that pays for it: distill or score
        ("provider", _TEXT),
        ("model", _TEXT),
        ("state", _TEXT),  # intent, uploaded, created, ended or folded
        ("requests", _LONG),
        ("file_bytes", _LONG),
        ("prompt_tokens", _LONG),  # estimated, against the limit of what may be queued
        ("reserved_usd", _USD),  # one attempt of each member at worst
        ("intent_at", _TIME),
        ("input_file_id", _TEXT),
        ("batch_id", _TEXT),  # the provider's
        ("created_at", _TIME),
        ("provider_state", _TEXT),  # the last one seen, in the words of OpenAI; or `refused`
        ("done", _LONG),  # answered so far, as the provider says
        ("output_file_id", _TEXT),
        ("error_file_id", _TEXT),
        ("error", _TEXT),  # what the provider says of the batch as a whole
        ("ended_at", _TIME),
        ("answered", _LONG),  # members that have their response from it; null until it is folded in
        ("cost_usd", _USD),
        ("note", _TEXT),  # what was odd about its files; null: nothing
    ),
)

# One row for each attempt by batch. Rows whose batch is not in `batches` mean nothing: a run ended in between.
BATCH_ITEMS = Table(
    "batch_items",
    ("request_id", "batch_key"),
    _columns(
        ("request_id", _TEXT),
        ("batch_key", _TEXT),
        ("attempt_no", _INT),
        ("max_tokens", _INT),  # room that was given
        ("max_tokens_cap", _INT),
        ("was_cut", _FLAG),  # an answer of an earlier attempt was
        ("prompt_tokens_bound", _LONG),
        ("reserved_usd", _USD),
    ),
)

# Which request goes into which batch; `number` counts the batches of one plan. Not stored.
PACKED = _columns(
    ("request_id", _TEXT),
    ("number", _INT),
    ("line_bytes", _LONG),
    ("prompt_tokens", _LONG),
    ("reserved_usd", _USD),
)

# What one line of an output or error file says about a member. Not stored.
RESULTS = _columns(
    ("batch_key", _TEXT),
    ("request_id", _TEXT),
    ("attempt_no", _INT),
    ("max_tokens", _INT),
    ("reserved_usd", _USD),
    ("status", _TEXT),  # of the attempt
    ("error", _TEXT),
    ("prompt_tokens", _LONG),
    ("cached_tokens", _LONG),
    ("completion_tokens", _LONG),
    ("cost_usd", _USD),
    ("cost_basis", _TEXT),
    ("response_status", _TEXT),  # null: the request stays pending
    ("response_error", _TEXT),
    ("is_rejection", _FLAG),  # final only where the model answers others
    ("text", _TEXT),
    ("finish_reason", _TEXT),
    ("served_model", _TEXT),
)
