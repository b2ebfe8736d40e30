"""Every table: its name, the columns that make a row unique, and its columns.

Stages meet only in these tables. Scores are integer tenths (`quality_tenths` 85 is 8.5), so that a
threshold and an average mean the same on every machine.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BinaryType, DataType, MapType, StructField, StructType

from schemas.columns import DOUBLE, FLAG, INT, LONG, TEXT, TIME, USD, columns
from schemas.errors import SchemaMismatchError


@dataclass(frozen=True)
class Table:
    """A named table with its contract."""

    name: str
    key: tuple[str, ...]
    schema: StructType
    added: tuple[str, ...] = ()
    """Columns that a table written by an earlier version may lack; they are null there."""

    def with_added(self, rows: DataFrame) -> DataFrame:
        """Rows of a stored table of any version, with the columns that came later."""
        missing = self.added_since(rows.schema)
        if not missing:  # Connect refuses to add nothing
            return rows
        return rows.withColumns({field.name: F.lit(None).cast(field.dataType) for field in missing})

    def added_since(self, columns: StructType) -> list[StructField]:
        """Those of `added` that a stored table's columns lack."""
        return [self.schema[name] for name in self.added if name not in columns.names]

    def select_from(self, rows: DataFrame) -> DataFrame:
        """Keep exactly this table's columns, in its order.

        Raises:
            SchemaMismatchError: a column is missing or has another type; names them all.
        """
        self.require(rows.schema)
        return rows.select(*self.schema.fieldNames())

    def require(self, columns: StructType) -> None:
        """Refuse columns that are not this table's; more of them, and another order, are no fault.

        Raises:
            SchemaMismatchError: a column is missing or has another type; names them all.
        """
        found = {field.name: field.dataType for field in columns.fields}
        faults = []
        for field in self.schema.fields:
            if field.name not in found:
                faults.append(f"missing {field.name} ({field.dataType.simpleString()})")
            elif not _same_type(found[field.name], field.dataType):
                faults.append(
                    f"{field.name} is {found[field.name].simpleString()}, wanted {field.dataType.simpleString()}"
                )
        if faults:
            raise SchemaMismatchError(f"{self.name}: {'; '.join(faults)}. Columns found: {', '.join(found)}")


def _same_type(found: DataType, wanted: DataType) -> bool:
    # simpleString leaves out nullability, which Spark changes on the way through joins and Delta.
    return found.simpleString() == wanted.simpleString()


_NAMES = ArrayType(TEXT)

TURN = columns(("role", TEXT), ("content", TEXT))
HISTORY = ArrayType(TURN)

# What one record was read as; see udfs.formats.draft.Draft.
DRAFT = columns(
    ("example_id", TEXT),
    ("turn", INT),
    ("system", TEXT),
    ("history", HISTORY),
    ("instruction", TEXT),
    ("reference_response", TEXT),
    ("category", TEXT),
    ("language", TEXT),
    ("human_quality", DOUBLE),
    ("prompt_marks", _NAMES),
    ("response_marks", _NAMES),
)

# A record as read, before it is understood.
RECORD = columns(("source", TEXT), ("file", TEXT), ("position", LONG), ("record", BinaryType()), ("reason", TEXT))

RAW_RECORDS = Table(
    "raw_records",
    ("source", "file", "position"),
    StructType(
        [
            *RECORD.fields,
            StructField("outcome", TEXT),  # used, absorbed (its text is in another record's example) or refused
            StructField("drafts", ArrayType(DRAFT)),
        ]
    ),
)

EXAMPLES = Table(
    "examples",
    ("example_id",),
    StructType(
        [
            *(field for field in DRAFT.fields if field.name != "turn"),
            *columns(
                ("source", TEXT),
                ("licence", TEXT),
                ("copies", INT),  # records of this source that say exactly the same
                ("records", ArrayType(columns(("file", TEXT), ("position", LONG), ("turn", INT)))),
            ).fields,
        ]
    ),
)

# One row for each rule that marked a text. `effect` exclude keeps the text out, note only records the fact. `target`
# is prompt or response, both of an example, or answer: a model's, whose id is the pair's.
SCREEN = Table(
    "screen",
    ("id", "target", "rule"),
    columns(("id", TEXT), ("target", TEXT), ("rule", TEXT), ("effect", TEXT), ("span", TEXT)),
)

# What was looked for: the files of the benchmarks that the configuration names, none where it names none.
BENCHMARKS = Table(
    "benchmarks",
    ("benchmark", "file"),
    columns(
        ("benchmark", TEXT),
        ("file", TEXT),  # its name, or its path in the repository of the hub
        ("origin", TEXT),  # hub and commit, or address; null: a file that the configuration names by path
        ("licence", TEXT),
        ("sha256", TEXT),
        ("bytes", LONG),
        ("items", LONG),
    ),
)

# What an example holds of an item of a benchmark: the longest run for each item, field and side. `effect` exclude
# keeps the example out; note says that it is a form of words, which many prompts hold.
CONTAMINATION = Table(
    "contamination",
    ("example_id", "benchmark", "item", "field", "side"),
    columns(
        ("example_id", TEXT),
        ("benchmark", TEXT),
        ("item", TEXT),  # what the benchmark calls it, else its number
        ("field", TEXT),  # question or answer
        ("side", TEXT),  # of the example: prompt or response
        ("effect", TEXT),
        ("part", TEXT),  # of that side: system, history, instruction or response
        ("first_token", INT),  # of the part, where the run begins, from 0
        ("tokens", INT),  # of the run
        ("item_tokens", INT),
        ("share", DOUBLE),  # tokens / item_tokens, of a run
        ("span", TEXT),  # the run, its tokens apart by spaces
        ("item_text", TEXT),  # the beginning of what the benchmark says
        ("kind", TEXT),  # run; rephrased: its features (stems, numbers) are counted, and share is their similarity
    ),
    added=("kind",),
)

DUPLICATES = Table(
    "duplicates",
    ("pass", "id"),
    columns(
        ("pass", TEXT),  # prompt or pair
        ("id", TEXT),
        ("duplicate_of", TEXT),  # a kept row of the same pass, or a row of the reference
        ("jaccard", DOUBLE),
        ("numbers_only", FLAG),  # the twins differ only in their numbers
        ("turn_jaccard", DOUBLE),  # of the last turns; null: neither row has earlier ones
        ("own_jaccard", DOUBLE),  # without the shingles that the sources' rows share; null: there are none
        ("reference_text", TEXT),  # the beginning of what the row of the reference says; null: it is a row of this run
    ),
    added=("turn_jaccard", "own_jaccard", "reference_text"),
)

ASSIGNMENTS = Table(
    "assignments",
    ("stage", "example_id", "sample"),
    columns(
        ("stage", TEXT),
        ("example_id", TEXT),
        ("sample", INT),
        ("requested_teacher", TEXT),
        ("actual_teacher", TEXT),
        ("request_id", TEXT),  # null: nothing is asked of anyone, the answer came with the source
    ),
)

PAIRS = Table(
    "pairs",
    ("pair_id",),
    columns(
        ("pair_id", TEXT),
        ("example_id", TEXT),
        ("sample", INT),
        ("teacher", TEXT),
        ("request_id", TEXT),
        ("answered_by", TEXT),  # who wrote the response: the data set's name, or the teacher's; never another's
        ("source", TEXT),
        ("licence", TEXT),
        ("system", TEXT),
        ("history", HISTORY),
        ("instruction", TEXT),
        ("response", TEXT),
        ("category", TEXT),
        ("language", TEXT),
        ("human_quality", DOUBLE),
    ),
)

SCORES = Table(
    "scores",
    ("pair_id",),
    columns(
        ("pair_id", TEXT),
        ("scorer", TEXT),
        ("dimensions", MapType(TEXT, INT)),  # name -> 1..10
        ("lowest_dimension", INT),
        ("highest_dimension", INT),
        ("quality_tenths", INT),  # 10..100
        ("judge_category", TEXT),  # what the judge takes the prompt for; null: rules scored, or it named none of ours
        ("reason", TEXT),
        # Where the judge's scores were learnt; null otherwise. A judge's row has what the model said, a distilled one
        # has it as its score, and no dimensions.
        ("predicted_tenths", INT),
        ("low_tenths", INT),  # the interval of the prediction, like `high_tenths`
        ("high_tenths", INT),
        ("is_held_out", FLAG),  # the judge's score was learnt from, and predicted by a model that had not seen it
        ("model", TEXT),  # fingerprint of what was learnt
    ),
    added=("predicted_tenths", "low_tenths", "high_tenths", "is_held_out", "model"),
)

# What people say of pairs. Rows are only ever added, by `jobs.curation.reviews`; the latest verdict on a pair counts.
REVIEWS = Table(
    "reviews",
    ("pair_id", "reviewer", "reviewed_at"),
    columns(
        ("pair_id", TEXT),
        ("example_id", TEXT),
        ("verdict", TEXT),  # keep or drop
        ("reviewer", TEXT),
        ("note", TEXT),  # null: none was given
        ("reviewed_at", TIME),
    ),
)

# How a scorer compares with people, one row for each file of labels and one for its consistency. Rows are only ever
# added, by `phase0 calibrate`; of a scorer's fingerprint and labels the latest counts.
CALIBRATIONS = Table(
    "calibrations",
    ("fingerprint", "labels", "measured_at"),
    columns(
        ("fingerprint", TEXT),  # of all that shapes the scores: rules, or model, prompt and parameters
        ("scorer", TEXT),  # heuristic, judge or distilled
        ("name", TEXT),  # the judge's model, else as `scorer`
        ("measured_at", TIME),
        ("labels", TEXT),  # name of the file of labels, `self-consistency` where none is asked
        ("labels_sha256", TEXT),
        ("measure", TEXT),  # choices, grades or consistency
        ("rows", INT),  # choices, grades, or rows that were asked about more than once
        ("unscored", INT),  # left out, as the scorer gave no valid score
        ("undecided", INT),  # left out, as people find both answers alike
        ("value", DOUBLE),  # choices: share of agreement; grades: rank correlation; consistency: share that crosses
        ("low", DOUBLE),  # 95 % interval, like `high`
        ("high", DOUBLE),
        ("ties", INT),  # choices whose answers have the same score; each counts half
        ("longer", DOUBLE),  # what the number of words alone gets, by the same measure
        ("length_correlation", DOUBLE),  # rank correlation of the score with the number of words
        ("threshold_tenths", INT),  # select.min_score
        ("kept_good", INT),  # preferred, or of the upper half of the grades, and above the threshold
        ("kept_bad", INT),
        ("lost_good", INT),
        ("lost_bad", INT),
        ("writer_means", MapType(TEXT, DOUBLE)),  # who wrote the answers -> mean score, in points
        ("asks", INT),  # of the same question, where consistency is measured
        ("deviation", DOUBLE),  # of the replies to one question, in points
    ),
)

# What became of the prompts that `phase0 plan --probe N` had answered and scored before all others.
PROBES = Table(
    "probes",
    ("pair_id",),
    columns(
        ("pair_id", TEXT),  # as in `pairs`, which need not be there yet
        ("category", TEXT),
        ("teacher", TEXT),  # that was asked in the end; public: the source's own response
        ("state", TEXT),  # scored, not_scored, convicted by a rule, or as `responses.status` where there is no answer
        ("scorer", TEXT),  # as in `scores`
        ("quality_tenths", INT),  # null: it has none
    ),
)

SELECTION = Table(
    "selection",
    ("pair_id",),
    columns(
        ("pair_id", TEXT),
        ("example_id", TEXT),
        ("category", TEXT),
        ("quality_tenths", INT),
        ("reason", TEXT),  # null: selected
    ),
)

# What became of each example; written when the selection is known.
FATES = Table(
    "fates",
    ("example_id",),
    columns(
        ("example_id", TEXT),
        ("source", TEXT),
        ("stage", TEXT),  # that decided
        ("reason", TEXT),  # selected, or why not
        ("duplicate_of", TEXT),  # example_id of the kept twin, null for other reasons
    ),
)

DATASET = Table(
    "dataset",
    ("pair_id",),
    columns(
        ("pair_id", TEXT),
        ("example_id", TEXT),
        ("instruction", TEXT),
        ("response", TEXT),
        ("source", TEXT),  # as exported: who wrote the response
        ("quality_tenths", INT),
        ("category", TEXT),
        ("origin", TEXT),  # the source the prompt came from
        ("licence", TEXT),
        ("language", TEXT),
        ("teacher", TEXT),
        ("scorer", TEXT),
        ("system", TEXT),
        ("history", HISTORY),
    ),
)

RUNS = Table(
    "runs",
    ("run_id", "stage"),
    columns(
        ("run_id", TEXT),
        ("stage", TEXT),
        ("status", TEXT),  # done, refused, stopped or failed
        ("started_at", TIME),
        ("seconds", DOUBLE),
        ("rows_in", LONG),
        ("rows_out", LONG),
        ("reasons", MapType(TEXT, LONG)),  # rows marked by this stage, by reason
        ("tokens", LONG),
        ("cost_usd", USD),
        ("fingerprint", TEXT),  # of everything the stage depends on; equal means nothing to do
        ("versions", MapType(TEXT, TEXT)),
        ("message", TEXT),
    ),
)

PASSED_OVER = Table(
    "passed_over",
    ("settings", "pass", "id"),
    columns(
        ("settings", TEXT),  # hash of those that decide what is kept and exported: with others nothing is passed over
        ("pass", TEXT),  # of `duplicates`: prompt or pair
        ("id", TEXT),  # a row that was kept and then not exported, although another fell to it: it ranks behind now
        ("reason", TEXT),  # why it was not exported
    ),
)

ALL = (
    RAW_RECORDS,
    EXAMPLES,
    SCREEN,
    BENCHMARKS,
    CONTAMINATION,
    DUPLICATES,
    PASSED_OVER,
    ASSIGNMENTS,
    PAIRS,
    SCORES,
    REVIEWS,
    CALIBRATIONS,
    PROBES,
    SELECTION,
    FATES,
    DATASET,
    RUNS,
)
