"""`phase0 deduplicate`: remove near-duplicates from any JSONL or Parquet file.

The search is that of the pipeline (`jobs.deduplication.near_duplicates`). Of two twins the row that comes first in
the input stays, so whoever wants the better one to stay sorts the input. A row without text is compared with nothing
and stays. What is kept is copied from the input as it is, in its order: lines byte for byte (only the line end is
made sure of, and blank lines go), Parquet rows with the types and metadata of their file.
"""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from jobs.config.deduplicate import DeduplicateConfig, config_for
from jobs.config.paths import from_home
from jobs.config.spark import SparkConfig
from jobs.deduplication.input_file import InputFiles, find_input, read_texts
from jobs.deduplication.kept_rows import KEPT, write_result
from jobs.deduplication.near_duplicates import NearDuplicates, find_near_duplicates
from jobs.deduplication.reference import DUPLICATE_OF_REFERENCE, open_reference
from jobs.rendering.progress import Progress
from jobs.rendering.terminal import say
from jobs.workspace import files
from jobs.workspace.quick_start import JAVA_OPTIONS, QUICK_COMPILER
from jobs.workspace.session import get_session
from jobs.workspace.storage import Storage
from schemas.errors import ConfigError, Phase0Error
from udfs.column_functions import looked_up
from udfs.printable import printable

DUPLICATES_FILE = "duplicates.parquet"
_SCRATCH = ".scratch"
_FILE_DIGITS, _POSITION_DIGITS = 6, 12
_SHOWN = 3
_QUICK_BYTES = 200_000_000


@dataclass(frozen=True)
class _Group:
    """A kept row and the rows removed for it."""

    kept: str
    removed: int
    first: tuple[str, ...]


def deduplicate_file(
    input: str,
    output: str,
    text_columns: tuple[str, ...],
    id_column: str | None,
    threshold: float,
    *,
    protect_numbers: bool,
    verbose: bool,
    console: Console,
    against: Sequence[str] = (),
    signatures: str | None = None,
    common_shingle_share: float | None = None,
) -> None:
    """Write `<output>/kept.jsonl` (or `kept.parquet`) and `<output>/duplicates.parquet`.

    The latter has a row for each row that is removed: `id`, `duplicate_of` (a row that is kept, or one of the
    reference), `jaccard`, and `reason` (duplicate or duplicate_of_reference). Without
    `id_column` the id is the row's place from 0, for a JSONL file its line (blank lines count); where there are
    several files, that after the file's name and a colon. Ids are text.

    Args:
        input: JSON lines, gzip or not, or Parquet: file, folder, glob or URI.
        output: folder or URI; it may hold an earlier result of this command, which is replaced, and nothing else.
        text_columns: columns whose text is compared, joined in this order.
        id_column: column with a unique value in each row.
        threshold: Jaccard similarity from which on rows are twins, 0.5 to 1.0.
        protect_numbers: rows that differ only in their numbers are no twins.
        verbose: leave what Java prints on the terminal.
        console: where the result is summed up.
        against: rows that are published already, and stay: see `jobs.deduplication.reference.reference_files`.
        signatures: folder where those of the reference are kept; null: `phase0` in the user's cache.
        common_shingle_share: shingles that more than this share of the rows have make no twins.

    Raises:
        ConfigError: there is no such input, a column is missing or nested, an id is missing or not unique, or the
            output folder holds something else.
        SourceFormatError: the input is neither JSON lines nor Parquet.
        DataRefusedError: a line is no JSON object; nothing is written.
    """
    started = time.monotonic()
    source, target = _absolute(input), _absolute(output)
    config = config_for(threshold, protect_numbers, common_shingle_share)
    _require_there(input, source)
    _require_own(target, [*KEPT.values(), DUPLICATES_FILE])
    with _scratch(target) as scratch:
        spark = _session(None if verbose or "://" in target else Path(scratch) / "spark.log", _spark_config(source))
        storage = Storage(lambda: spark, scratch)
        progress = Progress(console)
        with progress.stage("deduplicate", f"{input}, Jaccard {threshold:g} or more"):
            found = find_input(spark, source)
            _require_own(target, [KEPT[found.kind], DUPLICATES_FILE])
            _require_outside(found, target)
            progress.step("reading")
            texts = read_texts(spark, found, text_columns, id_column, storage)
            reference = None
            if against:
                progress.step("reading what is published")
                kept_in = signatures or files.join(_user_cache(), "reference")
                reference = open_reference(spark, [_absolute(one) for one in against], text_columns, config, kept_in)
            progress.step("comparing")
            ranked = with_file_rank(texts.rows, found, threshold)
            twins = find_near_duplicates(ranked, config, storage.materialise, reference)
            removed = storage.materialise(_named(twins).orderBy("rank"), "removed")
            progress.step("writing")
            parts = files.list_files(files.join(storage.scratch, "removed"), ".parquet")
            lost = write_result(found, parts, files.join(target, KEPT[found.kind]), files.join(target, DUPLICATES_FILE))
        groups = _largest_groups(removed)
        of_reference = removed.where(F.col("reason") == DUPLICATE_OF_REFERENCE).count() if against else 0
    seconds = time.monotonic() - started
    _print_summary(
        console, config, twins, groups, target, found.kind, (texts.total, lost, texts.silent, of_reference), seconds
    )


def with_file_rank(rows: DataFrame, found: InputFiles, threshold: float) -> DataFrame:
    """Columns rank, text, threshold of the rows that have text: the row that comes first in the input ranks first.

    The rank is the file's number, the place in it and the id, each of the first two with leading zeros.
    """
    number = looked_up({name: number for number, name in enumerate(found.names)}, "file")
    label = looked_up(dict(zip(found.names, found.labels, strict=True)), "file")
    place = F.concat(label, F.col("position").cast("string"))
    rank = F.concat(
        F.lpad(number.cast("string"), _FILE_DIGITS, "0"),
        F.lpad(F.col("position").cast("string"), _POSITION_DIGITS, "0"),
        F.coalesce(F.col("id"), place),
    )
    return rows.where("not is_silent").select(rank.alias("rank"), "text", F.lit(threshold).alias("threshold"))


def _named(twins: NearDuplicates) -> DataFrame:
    """Columns rank, file (its number), position, id, duplicate_of, jaccard, reason."""
    id_start = _FILE_DIGITS + _POSITION_DIGITS + 1
    of_kept = twins.duplicates.select(
        "rank", F.expr(f"substring(kept_rank, {id_start})").alias("duplicate_of"), "jaccard"
    ).withColumn("reason", F.lit("duplicate"))
    if twins.of_reference is not None:
        named = twins.of_reference.select("rank", F.col("kept_rank").alias("duplicate_of"), "jaccard")
        of_kept = of_kept.unionByName(named.withColumn("reason", F.lit(DUPLICATE_OF_REFERENCE)))
    return of_kept.select(
        "rank",
        F.substring("rank", 1, _FILE_DIGITS).cast("int").alias("file"),
        F.substring("rank", _FILE_DIGITS + 1, _POSITION_DIGITS).cast("bigint").alias("position"),
        F.expr(f"substring(rank, {id_start})").alias("id"),
        "duplicate_of",
        "jaccard",
        "reason",
    )


def _user_cache() -> str:
    return files.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "phase0")


def _largest_groups(removed: DataFrame) -> list[_Group]:
    members = F.slice(F.sort_array(F.collect_list(F.struct("rank", "id"))), 1, _SHOWN).alias("first")
    groups = removed.groupBy("duplicate_of").agg(F.count("*").alias("rows"), members)
    largest = groups.orderBy(F.desc("rows"), F.col("first")[0]["rank"]).limit(_SHOWN).collect()
    return [_Group(row["duplicate_of"], row["rows"], tuple(one["id"] for one in row["first"])) for row in largest]


def _print_summary(
    console: Console,
    config: DeduplicateConfig,
    twins: NearDuplicates,
    groups: list[_Group],
    target: str,
    kind: str,
    counts: tuple[int, int, int, int],
    seconds: float,
) -> None:
    total, lost, silent, of_reference = counts
    lines = [
        f"{total:,} rows in, {total - lost:,} kept, {lost:,} removed ({lost / total:.1%}), {seconds:.1f} s",
        f"expected recall at {config.threshold:g}: {config.expected_recall(config.threshold):.3%}"
        f" ({config.bands} bands of {config.rows} min-hashes); every pair found is compared exactly",
    ]
    if of_reference:
        lines.append(f"{of_reference:,} of the removed resemble a row that is published already")
    if silent:
        lines.append(f"{silent:,} rows have no text in these columns: kept, compared with nothing")
    if twins.numbers_only:
        fate = "kept" if config.protect_numbers else "removed; --protect-numbers keeps them"
        lines.append(f"{twins.numbers_only:,} pairs of twins differ only in numbers: {fate}")
    for group in groups:
        shown = ", ".join(map(_printable, group.first)) + (", …" if group.removed > len(group.first) else "")
        others = "other" if group.removed == 1 else "others"
        lines.append(f"  {_printable(group.kept)} stays for {group.removed:,} {others}: {shown}")
    lines += [files.join(target, KEPT[kind]), files.join(target, DUPLICATES_FILE)]
    say(console, "\n" + "\n".join(lines))


def _printable(text: str) -> str:
    return printable(text[:80]) + ("…" if len(text) > 80 else "")


def _absolute(path: str) -> str:
    return path if re.match(r"^[A-Za-z0-9+]+:/", path) else str(Path(from_home(path)).absolute())


def _session(log: Path | None, config: SparkConfig) -> SparkSession:
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return get_session(config, log)


def _spark_config(source: str) -> SparkConfig:
    """Java's best compiler takes 12 s of CPU from the start; what it makes earns that back from about 240 MB on."""
    system, pattern = fsspec.core.url_to_fs(source)
    size = sum(system.du(path) for path in system.glob(pattern))
    if size > _QUICK_BYTES:
        return SparkConfig()
    return SparkConfig(conf={JAVA_OPTIONS: QUICK_COMPILER})


@contextmanager
def _scratch(target: str) -> Iterator[str]:
    """A folder for intermediate files; it stays after an unforeseen error, because Java's log is in it."""
    system, path = fsspec.core.url_to_fs(target)
    is_new = not system.exists(path)
    scratch = files.join(target, _SCRATCH)
    files.remove_folder(scratch)
    try:
        yield scratch
    except Phase0Error:
        files.remove_folder(target if is_new else scratch)
        raise
    files.remove_folder(scratch)


def _require_there(given: str, source: str) -> None:
    """Spark looks, too, but takes seconds to start; what may be a pattern is left to it."""
    if "://" not in source and not set(source) & set("*?[]{}") and not Path(source).exists():
        raise ConfigError(f"--input {given}: no such file")


def _require_own(target: str, own: list[str]) -> None:
    system, path = fsspec.core.url_to_fs(target)
    if not system.exists(path):
        return
    if not system.isdir(path):
        raise ConfigError(f"--output {target} is a file; name a folder")
    names = sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in system.ls(path, detail=False))
    if others := [name for name in names if name not in (*own, _SCRATCH)]:
        raise ConfigError(
            f"--output {target} holds {', '.join(others[:5])}{', …' if len(others) > 5 else ''}, which this run does "
            "not write; name a new or empty folder"
        )


def _require_outside(found: InputFiles, target: str) -> None:
    folder = fsspec.core.url_to_fs(target)[1].rstrip("/") + "/"
    if any(fsspec.core.url_to_fs(path)[1].startswith(folder) for path in found.paths):
        raise ConfigError(f"the input lies in the output folder {target} and would be replaced; name another folder")
