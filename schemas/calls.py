"""What goes into the paid calls and what comes out: requests, a wave of them, the journal, and the ledger.

Money is US dollars as `decimal(38,12)`; times in the journal are seconds since the epoch.
"""

from pyspark.sql.types import StructType

from schemas.columns import DOUBLE, FLAG, INT, LONG, TEXT, TIME, USD, columns
from schemas.tables import Table

REQUESTS = Table(
    "requests",
    ("request_id",),
    columns(
        ("request_id", TEXT),  # udfs.llm.request.request_id
        ("provider", TEXT),
        ("model", TEXT),
        ("messages_json", TEXT),
        ("max_tokens", INT),
        ("max_tokens_cap", INT),  # room of the one retry after an answer that was cut
        ("temperature", DOUBLE),  # null: none is sent
        ("schema_json", TEXT),  # null: any answer will do
        ("sample", INT),
        ("ask", INT),
        ("prompt_tokens_bound", LONG),  # udfs.llm.cost.prompt_tokens_bound
    ),
)

# Requests that may be sent now. Not stored.
WAVE = Table(
    "wave",
    ("request_id",),
    StructType(
        [
            *REQUESTS.schema.fields,
            *columns(
                ("reserved_usd", USD),  # all attempts of this wave together never cost more
                ("attempts_before", INT),  # in earlier waves
                ("was_cut", FLAG),  # an answer of an earlier wave was cut at `max_tokens`
                ("task", INT),  # that calls it; `jobs.online.task_slots`
            ).fields,
        ]
    ),
)

# One row for each request of a wave. Not stored; the journal has all that matters.
OUTCOMES = Table(
    "outcomes",
    ("request_id",),
    columns(
        ("request_id", TEXT),
        ("provider", TEXT),
        ("model", TEXT),
        ("state", TEXT),  # a terminal state, or `returned`: it stays pending
        ("reason", TEXT),  # of a returned one, or over_bound; udfs.llm.outcome.Reason
        ("error", TEXT),  # what the provider said last
        ("attempts", INT),  # in this wave
        ("cost_usd", USD),  # of this wave's attempts
    ),
)

# The JSON lines that the calls leave behind; see udfs.llm.journal and udfs.llm.journal_records.
JOURNAL = columns(
    ("kind", TEXT),  # sent, attempt or response; null: a torn line
    ("attempt_id", TEXT),
    ("request_id", TEXT),
    ("attempt_no", INT),
    ("provider", TEXT),
    ("model", TEXT),
    ("sent_at", DOUBLE),
    ("max_tokens", INT),
    ("tokens", DOUBLE),  # counted against the tokens a minute
    ("cost_usd", USD),  # of `sent`: the worst case
    ("cost_basis", TEXT),  # usage, assumed or none
    ("latency_ms", LONG),
    ("status", TEXT),
    ("error", TEXT),
    ("prompt_tokens", LONG),
    ("cached_tokens", LONG),
    ("completion_tokens", LONG),
    ("reasoning_tokens", LONG),
    ("note", TEXT),
    ("answered_at", DOUBLE),
    ("text", TEXT),
    ("reasoning", TEXT),
    ("finish_reason", TEXT),
    ("served_model", TEXT),
)

# The money ledger: every call that was or may have been billed, and those that were refused for nothing.
ATTEMPTS = Table(
    "attempts",
    ("attempt_id",),
    columns(
        ("attempt_id", TEXT),
        ("request_id", TEXT),
        ("stage", TEXT),  # that paid for it: distill or score
        ("attempt_no", INT),
        ("provider", TEXT),
        ("model", TEXT),
        ("mode", TEXT),  # online or batch
        ("batch_id", TEXT),  # null: online
        ("sent_at", TIME),
        ("latency_ms", LONG),  # null: it was lost in flight
        ("status", TEXT),  # how it ended; `lost`: not known, charged at worst case
        ("error", TEXT),
        ("max_tokens", INT),
        ("prompt_tokens", LONG),  # null: the provider did not say
        ("cached_tokens", LONG),
        ("completion_tokens", LONG),
        ("cost_usd", USD),
        ("cost_basis", TEXT),  # usage, assumed or none
        ("reasoning_tokens", LONG),  # of completion_tokens; null: the provider did not say
        ("note", TEXT),  # why a stated usage is not believed: odd_usage or overlong; null: it is, or there is none
    ),
    added=("reasoning_tokens", "note"),
)

RESPONSES = Table(
    "responses",
    ("request_id",),
    columns(
        ("request_id", TEXT),
        ("attempt_id", TEXT),
        ("provider", TEXT),
        ("model", TEXT),
        ("answered_at", TIME),
        ("status", TEXT),  # answered, truncated, refused, content_filtered, empty, not_whole or failed
        ("error", TEXT),
        ("text", TEXT),
        ("finish_reason", TEXT),
        ("served_model", TEXT),
        ("reasoning", TEXT),  # what the model thought before it answered, apart from the text; null: it showed none
    ),
    added=("reasoning",),
)

# Which request brings the judge's score of a pair. `ask` 1 is the second ask, after a reply that could not be read.
JUDGEMENTS = Table(
    "judgements",
    ("pair_id", "ask"),
    columns(("pair_id", TEXT), ("ask", INT), ("request_id", TEXT)),
)
