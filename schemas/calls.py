"""What goes into the paid calls and what comes out: requests, a wave of them, the journal, and the ledger.

Money is US dollars as `decimal(38,12)`; times in the journal are seconds since the epoch.
"""

from pyspark.sql.types import (
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from schemas.tables import Table

_TEXT, _INT, _LONG, _DOUBLE, _FLAG = StringType(), IntegerType(), LongType(), DoubleType(), BooleanType()
_TIME, _USD = TimestampType(), DecimalType(38, 12)


def _columns(*columns: tuple[str, DataType]) -> StructType:
    return StructType([StructField(name, kind) for name, kind in columns])


REQUESTS = Table(
    "requests",
    ("request_id",),
    _columns(
        ("request_id", _TEXT),  # udfs.llm.request.request_id
        ("provider", _TEXT),
        ("model", _TEXT),
        ("messages_json", _TEXT),
        ("max_tokens", _INT),
        ("max_tokens_cap", _INT),  # room of the one retry after an answer that was cut
        ("temperature", _DOUBLE),  # null: none is sent
        ("schema_json", _TEXT),  # null: any answer will do
        ("sample", _INT),
        ("ask", _INT),
        ("prompt_tokens_bound", _LONG),  # udfs.llm.cost.prompt_tokens_bound
    ),
)

# Requests that may be sent now. Not stored.
WAVE = Table(
    "wave",
    ("request_id",),
    StructType(
        [
            *REQUESTS.schema.fields,
            *_columns(
                ("reserved_usd", _USD),  # all attempts of this wave together never cost more
                ("attempts_before", _INT),  # in earlier waves
                ("was_cut", _FLAG),  # an answer of an earlier wave was cut at `max_tokens`
                ("task", _INT),  # that calls it; udfs.llm.deal
            ).fields,
        ]
    ),
)

# One row for each request of a wave. Not stored; the journal has all that matters.
OUTCOMES = Table(
    "outcomes",
    ("request_id",),
    _columns(
        ("request_id", _TEXT),
        ("provider", _TEXT),
        ("model", _TEXT),
        ("state", _TEXT),  # a terminal state, or `returned`: it stays pending
        ("reason", _TEXT),  # of a returned one; udfs.llm.outcome.Reason
        ("error", _TEXT),  # what the provider said last
        ("attempts", _INT),  # in this wave
        ("cost_usd", _USD),  # of this wave's attempts
    ),
)

# The JSON lines that the calls leave behind; see udfs.llm.journal and udfs.llm.records.
JOURNAL = _columns(
    ("kind", _TEXT),  # sent, attempt or response; null: a torn line
    ("attempt_id", _TEXT),
    ("request_id", _TEXT),
    ("attempt_no", _INT),
    ("provider", _TEXT),
    ("model", _TEXT),
    ("sent_at", _DOUBLE),
    ("max_tokens", _INT),
    ("tokens", _DOUBLE),  # counted against the tokens a minute
    ("cost_usd", _USD),  # of `sent`: the worst case
    ("cost_basis", _TEXT),  # usage, assumed or none
    ("latency_ms", _LONG),
    ("status", _TEXT),
    ("error", _TEXT),
    ("prompt_tokens", _LONG),
    ("cached_tokens", _LONG),
    ("completion_tokens", _LONG),
    ("answered_at", _DOUBLE),
    ("text", _TEXT),
    ("finish_reason", _TEXT),
    ("served_model", _TEXT),
)

# The money ledger: every call that was or may have been billed, and those that were refused for nothing.
ATTEMPTS = Table(
    "attempts",
    ("attempt_id",),
    _columns(
        ("attempt_id", _TEXT),
        ("request_id", _TEXT),
        ("stage", _TEXT),  # that paid for it: distill or score
        ("attempt_no", _INT),
        ("provider", _TEXT),
        ("model", _TEXT),
        ("mode", _TEXT),  # online or batch
        ("batch_id", _TEXT),  # null: online
        ("sent_at", _TIME),
        ("latency_ms", _LONG),  # null: it was lost in flight
        ("status", _TEXT),  # how it ended; `lost`: not known, charged at worst case
        ("error", _TEXT),
        ("max_tokens", _INT),
        ("prompt_tokens", _LONG),  # null: the provider did not say
        ("cached_tokens", _LONG),
        ("completion_tokens", _LONG),
        ("cost_usd", _USD),
        ("cost_basis", _TEXT),  # usage, assumed or none
    ),
)

RESPONSES = Table(
    "responses",
    ("request_id",),
    _columns(
        ("request_id", _TEXT),
        ("attempt_id", _TEXT),
        ("provider", _TEXT),
        ("model", _TEXT),
        ("answered_at", _TIME),
        ("status", _TEXT),  # answered, truncated, refused, content_filtered, empty or failed
        ("error", _TEXT),
        ("text", _TEXT),
        ("finish_reason", _TEXT),
        ("served_model", _TEXT),
    ),
)

# Which request brings the judge's score of a pair. `ask` 1 is the second ask, after a reply that could not be read.
JUDGEMENTS = Table(
    "judgements",
    ("pair_id", "ask"),
    _columns(("pair_id", _TEXT), ("ask", _INT), ("request_id", _TEXT)),
)
