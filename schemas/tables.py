"""Every table: its name, the columns that make a row unique, and its columns.

Stages meet only in these tables. Scores are integer tenths (`quality_tenths` 85 is 8.5), so that a
threshold and an average mean the same on every machine.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from schemas.errors import SchemaMismatchError


@dataclass(frozen=True)
class Table:
    """A named table with its contract."""

    name: str
    key: tuple[str, ...]
    schema: StructType

    def select_from(self, rows: DataFrame) -> DataFrame:
        """Keep exactly this table's columns, in its order.

        Raises:
            SchemaMismatchError: a column is missing or has another type; names them all.
        """
        found = {field.name: field.dataType for field in rows.schema.fields}
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
        return rows.select(*self.schema.fieldNames())


def _same_type(found: DataType, wanted: DataType) -> bool:
    # simpleString leaves out nullability, which Spark changes on the way through joins and Delta.
    return found.simpleString() == wanted.simpleString()


def _columns(*columns: tuple[str, DataType]) -> StructType:
    return StructType([StructField(name, kind) for name, kind in columns])


_TEXT, _INT, _LONG, _DOUBLE = StringType(), IntegerType(), LongType(), DoubleType()
_NAMES = ArrayType(_TEXT)

TURN = _columns(("role", _TEXT), ("content", _TEXT))
HISTORY = ArrayType(TURN)

# What one record was read as; see udfs.formats.draft.Draft.
DRAFT = _columns(
    ("example_id", _TEXT),
    ("turn", _INT),
    ("system", _TEXT),
    ("history", HISTORY),
    ("instruction", _TEXT),
    ("reference_response", _TEXT),
    ("category", _TEXT),
    ("language", _TEXT),
    ("human_quality", _DOUBLE),
    ("prompt_marks", _NAMES),
    ("response_marks", _NAMES),
)

# A record as read, before it is understood.
RECORD = _columns(("source", _TEXT), ("file", _TEXT), ("position", _LONG), ("record", BinaryType()), ("reason", _TEXT))

RAW_RECORDS = Table(
    "raw_records",
    ("source", "file", "position"),
    StructType(
        [
            *RECORD.fields,
            StructField("outcome", _TEXT),  # used, absorbed (its text is in another record's example) or refused
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
            *_columns(
                ("source", _TEXT),
                ("licence", _TEXT),
                ("copies", _INT),  # records of this source that say exactly the same
                ("records", ArrayType(_columns(("file", _TEXT), ("position", _LONG), ("turn", _INT)))),
            ).fields,
        ]
    ),
)

# One row for each rule that marked a text. `effect` exclude keeps the text out, note only records the fact. `target`
# is prompt or response, both of an example, or answer: a model's, whose id is the pair's.
SCREEN = Table(
    "screen",
    ("id", "target", "rule"),
    _columns(("id", _TEXT), ("target", _TEXT), ("rule", _TEXT), ("effect", _TEXT), ("span", _TEXT)),
)

DUPLICATES = Table(
    "duplicates",
    ("pass", "id"),
    _columns(
        ("pass", _TEXT),  # prompt or pair
        ("id", _TEXT),
        ("duplicate_of", _TEXT),  # a kept row of the same pass
        ("jaccard", _DOUBLE),
        ("numbers_only", BooleanType()),  # the twins differ only in their numbers
    ),
)

ASSIGNMENTS = Table(
    "assignments",
    ("stage", "example_id", "sample"),
    _columns(
        ("stage", _TEXT),
        ("example_id", _TEXT),
        ("sample", _INT),
        ("requested_teacher", _TEXT),
        ("actual_teacher", _TEXT),
        ("request_id", _TEXT),  # null: nothing is asked of anyone, the answer came with the source
    ),
)

PAIRS = Table(
    "pairs",
    ("pair_id",),
    _columns(
        ("pair_id", _TEXT),
        ("example_id", _TEXT),
        ("sample", _INT),
        ("teacher", _TEXT),
        ("request_id", _TEXT),
        ("answered_by", _TEXT),  # who wrote the response: the data set's name, or the teacher's; never another's
        ("source", _TEXT),
        ("licence", _TEXT),
        ("system", _TEXT),
        ("history", HISTORY),
        ("instruction", _TEXT),
        ("response", _TEXT),
        ("category", _TEXT),
        ("language", _TEXT),
        ("human_quality", _DOUBLE),
    ),
)

SCORES = Table(
    "scores",
    ("pair_id",),
    _columns(
        ("pair_id", _TEXT),
        ("scorer", _TEXT),
        ("dimensions", MapType(_TEXT, _INT)),  # name -> 1..10
        ("lowest_dimension", _INT),
        ("highest_dimension", _INT),
        ("quality_tenths", _INT),  # 10..100
        ("judge_category", _TEXT),  # what the judge takes the prompt for; null: rules scored, or it named none of ours
        ("reason", _TEXT),
    ),
)

# What people say of pairs. Rows are only ever added, by `jobs.reviews`; the latest verdict on a pair counts.
REVIEWS = Table(
    "reviews",
    ("pair_id", "reviewer", "reviewed_at"),
    _columns(
        ("pair_id", _TEXT),
        ("example_id", _TEXT),
        ("verdict", _TEXT),  # keep or drop
        ("reviewer", _TEXT),
        ("note", _TEXT),  # null: none was given
        ("reviewed_at", TimestampType()),
    ),
)

SELECTION = Table(
    "selection",
    ("pair_id",),
    _columns(
        ("pair_id", _TEXT),
        ("example_id", _TEXT),
        ("category", _TEXT),
        ("quality_tenths", _INT),
        ("reason", _TEXT),  # null: selected
    ),
)

# What became of each example; written when the selection is known.
FATES = Table(
    "fates",
    ("example_id",),
    _columns(
        ("example_id", _TEXT),
        ("source", _TEXT),
        ("stage", _TEXT),  # that decided
        ("reason", _TEXT),  # selected, or why not
        ("duplicate_of", _TEXT),  # example_id of the kept twin, null for other reasons
    ),
)

DATASET = Table(
    "dataset",
    ("pair_id",),
    _columns(
        ("pair_id", _TEXT),
        ("example_id", _TEXT),
        ("instruction", _TEXT),
        ("response", _TEXT),
        ("source", _TEXT),  # as exported: who wrote the response
        ("quality_tenths", _INT),
        ("category", _TEXT),
        ("origin", _TEXT),  # the source the prompt came from
        ("licence", _TEXT),
        ("language", _TEXT),
        ("teacher", _TEXT),
        ("scorer", _TEXT),
        ("system", _TEXT),
        ("history", HISTORY),
    ),
)

RUNS = Table(
    "runs",
    ("run_id", "stage"),
    _columns(
        ("run_id", _TEXT),
        ("stage", _TEXT),
        ("status", _TEXT),  # done, refused, stopped or failed
        ("started_at", TimestampType()),
        ("seconds", _DOUBLE),
        ("rows_in", _LONG),
        ("rows_out", _LONG),
        ("reasons", MapType(_TEXT, _LONG)),  # rows marked by this stage, by reason
        ("tokens", _LONG),
        ("cost_usd", DecimalType(38, 12)),
        ("fingerprint", _TEXT),  # of everything the stage depends on; equal means nothing to do
        ("versions", MapType(_TEXT, _TEXT)),
        ("message", _TEXT),
    ),
)

ALL = (
    RAW_RECORDS,
    EXAMPLES,
    SCREEN,
    DUPLICATES,
    ASSIGNMENTS,
    PAIRS,
    SCORES,
    REVIEWS,
    SELECTION,
    FATES,
    DATASET,
    RUNS,
)
