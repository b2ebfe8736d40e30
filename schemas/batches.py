"""What goes by the Batch API: the batches, their members, and what their files bring back.

Money is US dollars as `decimal(38,12)`.
"""

from schemas.columns import FLAG, INT, LONG, TEXT, TIME, USD, columns
from schemas.tables import Table

INTENT, UPLOADED, CREATED, ENDED, FOLDED = "intent", "uploaded", "created", "ended", "folded"
"""States of a batch, in their order. Its members are asked by nobody else until it is folded in."""

# One row a batch. Until it is folded in, its reservation is off the budget.
BATCHES = Table(
    "batches",
    ("batch_key",),
    columns(
        ("batch_key", TEXT),  # our name of it, and that of its file
        ("stage", TEXT),  # that pays for it: distill or score
        ("provider", TEXT),
        ("model", TEXT),
        ("state", TEXT),  # intent, uploaded, created, ended or folded
        ("requests", LONG),
        ("file_bytes", LONG),
        ("prompt_tokens", LONG),  # estimated, against the limit of what may be queued
        ("reserved_usd", USD),  # one attempt of each member at worst
        ("intent_at", TIME),
        ("input_file_id", TEXT),
        ("batch_id", TEXT),  # the provider's
        ("created_at", TIME),
        ("provider_state", TEXT),  # the last one seen, in the words of OpenAI; or `refused`
        ("done", LONG),  # answered so far, as the provider says
        ("output_file_id", TEXT),
        ("error_file_id", TEXT),
        ("error", TEXT),  # what the provider says of the batch as a whole
        ("ended_at", TIME),
        ("answered", LONG),  # members that have their response from it; null until it is folded in
        ("cost_usd", USD),
        ("note", TEXT),  # what was odd about its files; null: nothing
    ),
)

# One row for each attempt by batch. Rows whose batch is not in `batches` mean nothing: a run ended in between.
BATCH_ITEMS = Table(
    "batch_items",
    ("request_id", "batch_key"),
    columns(
        ("request_id", TEXT),
        ("batch_key", TEXT),
        ("attempt_no", INT),
        ("max_tokens", INT),  # room that was given
        ("max_tokens_cap", INT),
        ("was_cut", FLAG),  # an answer of an earlier attempt was
        ("prompt_tokens_bound", LONG),
        ("reserved_usd", USD),
    ),
)

# Which request goes into which batch; `number` counts the batches of one plan. Not stored.
PACKED = columns(
    ("request_id", TEXT),
    ("number", INT),
    ("line_bytes", LONG),
    ("prompt_tokens", LONG),
    ("reserved_usd", USD),
)

# What one line of an output or error file says about a member. Not stored.
RESULTS = columns(
    ("batch_key", TEXT),
    ("request_id", TEXT),
    ("attempt_no", INT),
    ("max_tokens", INT),
    ("reserved_usd", USD),
    ("status", TEXT),  # of the attempt
    ("error", TEXT),
    ("prompt_tokens", LONG),
    ("cached_tokens", LONG),
    ("completion_tokens", LONG),
    ("reasoning_tokens", LONG),
    ("cost_usd", USD),
    ("cost_basis", TEXT),
    ("note", TEXT),
    ("response_status", TEXT),  # null: the request stays pending
    ("response_error", TEXT),
    ("is_rejection", FLAG),  # final only where the model answers others
    ("text", TEXT),
    ("reasoning", TEXT),
    ("finish_reason", TEXT),
    ("served_model", TEXT),
)
