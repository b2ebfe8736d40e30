"""Ingest stage: source files into `raw_records`, every record kept, and `examples`, one row for one prompt.

What cannot be used stays in `raw_records` with its reason. Exact copies inside a source fold into one
example that names all the records it came from.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any
from urllib.parse import unquote

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from jobs.config.settings import SourceConfig
from jobs.sources.fetch import fetch_missing
from jobs.sources.inspection import ADVICE
from jobs.sources.listing import SourceListing, list_local, local_path
from jobs.sources.lockfile import located_sources
from jobs.sources.open_records import Parsing, open_records
from jobs.sources.source_file import SourceFile
from jobs.sources.source_files import (
    MAX_WHOLE_FILE_BYTES,
    inspect_sources,
    list_source_files,
    require_usable_sources,
    shares_files,
)
from jobs.workspace.queries import Answer
from jobs.workspace.runtime import Runtime, Stage, StageReport
from jobs.workspace.session import starts_here
from schemas.errors import DataRefusedError, SourceFormatError
from schemas.tables import DRAFT, EXAMPLES, RAW_RECORDS, RECORD
from udfs.categories import load_category_rules
from udfs.column_functions import looked_up
from udfs.parquet_head import parquet_row_count
from udfs.reading import FileOptions, parse_records, parse_trees, with_tree

FILE_REASONS = (
    "truncated",
    "trailing_data",
    "corrupt_gzip",
    "corrupt_bz2",
    "corrupt_xz",
    "corrupt_zst",
    "corrupt_parquet",
    "decompression_bomb",
    "html_not_json",
    "pointer_not_data",
    "not_utf8",
    "unreadable",
)
"""Reasons that say something about the file, not only about the record that shows it."""
_MOST_FILES_NAMED = 5


def read_drafts(spark: SparkSession, files: Sequence[SourceFile]) -> DataFrame:
    """Read the records of files, and parse them into drafts of examples.

    Args:
        spark: the session.
        files: how each file is read.

    Returns:
        Rows of `RAW_RECORDS`: all records with their outcome, reason and drafts.
    """
    options: Mapping[str, FileOptions] = {file.path: file.options for file in files}
    rules = load_category_rules()
    parts = []
    if others := [file for file in files if not file.is_message_rows]:
        parts.append(open_records(spark, others, Parsing(parse_records(options, rules), RAW_RECORDS.schema)))
    if of_messages := [file for file in files if file.is_message_rows]:
        with_trees = StructType([*RECORD.fields, StructField("tree", StringType())])
        keyed = open_records(spark, of_messages).mapInArrow(with_tree, with_trees)
        sorted_messages = keyed.repartition("file", "tree").sortWithinPartitions("tree", "file", "position")
        parts.append(sorted_messages.mapInArrow(parse_trees(options, rules), RAW_RECORDS.schema))
    return reduce(DataFrame.unionByName, parts)


def fold_examples(raw_records: DataFrame, licences: Mapping[str, str]) -> DataFrame:
    """Fold the drafts of all records into examples.

    Args:
        raw_records: rows of `RAW_RECORDS`.
        licences: source -> licence.

    Returns:
        Rows of `EXAMPLES`. Copies share all that makes the id; for the rest (category, language, human
        quality, marks) the first record in order of file, position and turn decides.
    """
    drafts = raw_records.select("source", "file", "position", F.explode("drafts").alias("draft"))
    place = F.struct("file", "position", "draft.turn")
    folded = drafts.groupBy("draft.example_id").agg(
        F.min_by(F.struct("source", "draft"), place).alias("first"),
        F.count("*").cast("int").alias("copies"),
        F.array_sort(F.collect_list(place)).alias("records"),
    )
    content = [F.col(f"first.draft.{name}") for name in DRAFT.fieldNames() if name not in ("example_id", "turn")]
    return EXAMPLES.select_from(
        folded.select(
            "example_id",
            *content,
            F.col("first.source").alias("source"),
            looked_up(licences, F.col("first.source")).alias("licence"),
            "copies",
            "records",
        )
    )


def run(runtime: Runtime) -> StageReport:
    """Read all sources.

    Raises:
        DataRefusedError: more than `max_refused_share` of a source's records cannot be used.
    """
    settings = runtime.settings
    runtime.progress.step("looking at the files")
    inspected = inspect_sources(runtime.spark, located_sources(settings), settings.ingest)
    files = inspected.files
    for warning in inspected.warnings:
        runtime.progress.warn(warning)
    runtime.progress.step(f"reading {len(files)} files, {sum(file.size for file in files) / 1e6:,.1f} MB")
    damaged = read_around_damage(lambda read: runtime.replace(RAW_RECORDS, read_drafts(runtime.spark, read)), files)
    for warning in damage_warnings(damaged):
        runtime.progress.warn(warning)
    runtime.progress.step("folding exact copies")
    licences = {source.name: source.licence for source in settings.sources}
    runtime.replace(EXAMPLES, fold_examples(runtime.read(RAW_RECORDS), licences))
    return _report(runtime, inspected.warnings, damaged)


def read_around_damage(
    read: Callable[[Sequence[SourceFile]], None], files: Sequence[SourceFile]
) -> dict[str, int | None]:
    """Read files so that a Parquet file that is damaged behind its head does not stop the others.

    Spark stops at the first such file, so each is found by reading once more without it. It is refused whole, as one
    record with its first bytes: which of its rows could be believed, nobody knows.

    Args:
        read: reads the records of some files and stores them, or fails.
        files: how each file is read.

    Returns:
        The damaged files, each with the number of its rows, null where it is not known.

    Raises:
        SourceFormatError: a file cannot be read to its end and cannot be left out in this way either.
    """
    left = list(files)
    damaged: dict[str, int | None] = {}
    while True:
        try:
            read(left)
        except (PySparkException, Py4JError) as error:  # what fails inside a task keeps the name that Java gives it
            place = damaged_place(str(error), left)
            if place is None:
                raise
            file = left[place]
            damaged[file.path] = parquet_row_count(local_path(file.path) or file.path) if file.is_here else None
            left[place] = replace(file, is_split=False)
        else:
            return damaged


def damaged_place(error: str, files: Sequence[SourceFile]) -> int | None:
    """Which of the files an error of Spark says that it cannot read.

    Args:
        error: all that Spark prints.
        files: those that were read.

    Returns:
        Its place; null where the error is another one, or the file is not one that can be left to our own reader.
    """
    found = re.search(r"FAILED_READ_FILE.*?reading file:? (\S+)", error, re.DOTALL)
    if found is None:
        return None
    named = re.sub(r"^file:/+", "file:/", unquote(found.group(1).rstrip(".")))
    paths = [file.path if file.is_split and file.container == "parquet" else "" for file in files]
    place = paths.index(named) if named in paths else None
    if place is not None and (files[place].is_here or files[place].size <= MAX_WHOLE_FILE_BYTES):
        return place
    raise SourceFormatError(f"{named} cannot be read to its end; get it again, or leave it out")


def damage_warnings(damaged: Mapping[str, int | None]) -> list[str]:
    """What is lost of each file of `read_around_damage`, for the user."""
    return [
        f"{file}: damaged behind its first rows, so none of its {'' if rows is None else f'{rows:,} '}rows are read; "
        "get it again"
        for file, rows in damaged.items()
    ]


_COUNTS = """
select source, file, outcome, reason, count(*) as records, sum(cast(cardinality(drafts) as bigint)) as drafts
from {raw_records} group by source, file, outcome, reason
"""


def _report(runtime: Runtime, said: Sequence[str], damaged: Mapping[str, int | None]) -> StageReport:
    counts = runtime.query(_COUNTS)
    reasons: dict[str, int] = {}
    for row in counts:
        key = row["reason"] if row["outcome"] == "refused" else row["outcome"]
        if key != "used":
            reasons[key] = reasons.get(key, 0) + row["records"]
    (found,) = runtime.query("select count(*) as rows from {examples}")
    examples: int = found["rows"]
    folded = sum(row["drafts"] or 0 for row in counts) - examples
    reasons |= {"exact_copy": folded} if folded else {}
    others = [row for row in counts if row["file"] not in damaged]
    warnings = [*said, *damage_warnings(damaged), *_file_warnings(others), *_use_warnings(runtime)]
    _require_usable(runtime, counts, damaged)
    return StageReport(sum(row["records"] for row in counts), examples, dict(sorted(reasons.items())), tuple(warnings))


def _file_warnings(counts: Sequence[Answer]) -> list[str]:
    warnings = []
    for row in sorted(counts, key=lambda row: (row["file"], row["reason"] or "")):
        if row["reason"] in FILE_REASONS:
            saved = sum(r["records"] for r in counts if r["file"] == row["file"] and r["outcome"] != "refused")
            advice = f" ({ADVICE[row['reason']]})" if row["reason"] in ADVICE else ""
            warnings.append(f"{row['file']}: {row['records']:,} {row['reason']}{advice}; {saved:,} records were saved")
    return warnings


def _use_warnings(runtime: Runtime) -> list[str]:
    return [
        f'{source.name}: its answers are used (use: pairs). Its data card says: "These data are not meant for '
        "supervised training of dialogue agents. Training dialogue agents on these data is likely to lead to "
        'harmful models and this should be avoided."'
        for source in runtime.settings.sources
        if source.use == "pairs"
    ]


def _require_usable(runtime: Runtime, counts: Sequence[Answer], damaged: Mapping[str, int | None]) -> None:
    limit, most_read = runtime.settings.ingest.max_refused_share, runtime.settings.ingest.limit
    lost_rows = {file: min(rows or 1, most_read or rows or 1) for file, rows in damaged.items()}
    faults = []
    for source in runtime.settings.sources:
        rows = [row for row in counts if row["source"] == source.name]
        if rows and (fault := unusable_share(rows, lost_rows, limit)):
            faults.append(f"  {source.name}: {fault}")
        elif not rows:
            where = ", ".join(source.paths or source.urls) or source.hub
            faults.append(f"  {source.name}: no records at all in {where}")
    if faults:
        raise DataRefusedError(
            f"more than {limit:.0%} of a source cannot be used (ingest.max_refused_share); the records and their "
            "reasons are in raw_records\n" + "\n".join(faults)
        )


def unusable_share(rows: Sequence[Answer], lost_rows: Mapping[str, int], limit: float) -> str | None:
    """How much of a source cannot be used, null where that is no more than `limit`.

    A file that gives nothing at all is a single record, however much it should have held. A damaged Parquet file says
    how much that is and counts with all its rows; for the others it is the files that are counted.

    Args:
        rows: of one source: records by file, outcome and reason.
        lost_rows: damaged files with the number of rows that each had.
        limit: share of the records, and of the files, that may be refused.
    """
    counted = [{**row, "records": lost_rows.get(row["file"], row["records"])} for row in rows]
    refused = [row for row in counted if row["outcome"] == "refused"]
    count, total = (sum(row["records"] for row in some) for some in (refused, counted))
    if count / total > limit:
        return f"{count:,} of {total:,} records refused ({_why(refused)})"
    files = {row["file"] for row in rows}
    lost = files - {row["file"] for row in rows if row["reason"] not in FILE_REASONS}
    if len(lost) / len(files) > limit:
        names = ", ".join(sorted(lost)[:_MOST_FILES_NAMED]) + (", …" if len(lost) > _MOST_FILES_NAMED else "")
        why = _why([row for row in rows if row["file"] in lost])
        return f"{len(lost):,} of {len(files):,} files give nothing ({why}): {names}"
    return None


def _why(refused: Sequence[Mapping[str, Any]]) -> str:
    """How often for which reason, the most frequent first, and what to do about that one."""
    reasons: Counter[str] = Counter()
    for row in refused:
        reasons[row["reason"]] += row["records"]
    listed = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
    advice = next((ADVICE[reason] for reason, _ in reasons.most_common() if reason in ADVICE), None)
    return f"{listed}; {advice}" if advice else listed


def _listing(runtime: Runtime, source: SourceConfig) -> SourceListing:
    """The files of a source, without Spark where they are on this machine, as it would list them the same."""
    is_here = shares_files(None) and starts_here(runtime.settings.spark)
    there = list_local(source.paths) if is_here else None
    return there if there is not None and there.files else list_source_files(runtime.spark, source)


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """State of every source file: its size and time of change."""
    sources = located_sources(runtime.settings)
    found = (file for source in sources for file in _listing(runtime, source).files)
    return {file.path: f"{file.size} bytes, {file.modified}" for file in found}


STAGE: Stage = Stage(
    name="ingest",
    title="read the sources",
    run=run,
    reads=(),
    writes=(RAW_RECORDS, EXAMPLES),
    settings=("sources", "ingest"),
    inputs=inputs,
    check=require_usable_sources,
    prepare=lambda runtime: fetch_missing(runtime.settings, runtime.progress.console),
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
