"""A reference set: rows that are published already. They always stay, and a new row that resembles one of them falls.

What is compared of the reference is kept in a folder, named after the bytes of its files and all that shapes a
signature: a second run reads it and signs only what is new.
"""

import hashlib
import json
import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from jobs.config.paths import literal
from jobs.deduplication.buckets import shared_buckets, with_buckets
from jobs.deduplication.input_file import find_input, read_texts
from jobs.verify.shards import MANIFEST, read_package
from jobs.workspace import files
from jobs.workspace.storage import Storage
from schemas.errors import ConfigError
from udfs.column_functions import first_rows
from udfs.shingled_rows import TwinRules
from udfs.similarity import EDGE, verify_against

DUPLICATE_OF_REFERENCE = "duplicate_of_reference"
"""Why a row falls that resembles one of the reference."""

_ENDINGS = (".jsonl", ".jsonl.gz", ".ndjson", ".parquet")
_SHAPES_SIGNATURES = ("shingles.py", "symbols.py", "similarity.py", "token_hashes.py")
_COMPLETE = "complete.json"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Reference:
    """The signatures of a reference set; texts with equal shingles once."""

    rows: DataFrame
    """Columns id, text, set_key and node."""
    buckets: DataFrame
    """Columns bucket and node."""


def reference_files(given: Sequence[str]) -> dict[str, str]:
    """Name of each file of a reference, as its rows are named after it -> its path.

    Args:
        given: JSONL or Parquet (file, glob, URI or folder), folders of `phase0 package`, workspaces of earlier runs.

    Raises:
        ConfigError: one of them is not there, or two files have one name.
        DataRefusedError: the manifest of a package is damaged.
    """
    found: dict[str, str] = {}
    for one in given:
        paths = _files_of(one)
        if not paths:
            raise ConfigError(
                f"against {one}: no such file; name JSONL or Parquet, the folder of a package, or an earlier workspace"
            )
        for path in paths:
            name = posixpath.basename(path)
            if found.setdefault(name, path) != path:
                raise ConfigError(f"against: two files are called {name}; rename one to tell their rows apart")
    return found


def _files_of(given: str) -> list[str]:
    if os.path.isfile(given):
        return [given]
    if not os.path.isdir(given):
        return files.matching(given)
    if os.path.isfile(files.join(given, MANIFEST)):
        manifest = read_package(Path(given))
        kind = manifest.formats("default")[0]
        return [files.join(given, name) for name, _ in manifest.shards("default", kind)]
    is_workspace = os.path.isdir(files.join(given, "tables"))
    folder = files.join(given, "output") if is_workspace else given
    endings = (".jsonl",) if is_workspace else _ENDINGS
    return sorted(entry.path for entry in os.scandir(folder) if entry.is_file() and entry.name.endswith(endings))


def reference_key(found: dict[str, str], columns: Sequence[str], config: DeduplicateConfig) -> str:
    """Hash of the bytes of the files and of all else that shapes their signatures."""
    contents = {name: _sha256_of(path) for name, path in sorted(found.items())}
    code = [(resources.files("udfs") / name).read_text("utf-8") for name in _SHAPES_SIGNATURES]
    parts = [contents, list(columns), config.bands, config.rows, config.seed, code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()


def reference_state(given: Sequence[str]) -> dict[str, str]:
    """Name and hash of each file of a reference, for a stage's fingerprint."""
    return {f"against/{name}": _sha256_of(path) for name, path in reference_files(given).items()}


def _sha256_of(path: str) -> str:
    digest = hashlib.sha256()
    with files.open_for_reading(path) as handle:
        while piece := handle.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def open_reference(
    spark: SparkSession, given: Sequence[str], columns: Sequence[str], config: DeduplicateConfig, folder: str
) -> Reference:
    """The signatures of a reference, made where they are not there yet.

    Args:
        spark: the session.
        given: see `reference_files`.
        columns: whose text is compared, joined in this order.
        config: threshold and banding.
        folder: where signatures are kept.

    Raises:
        ConfigError: a file is not there or lacks a column.
        SourceFormatError: a file is neither JSON lines nor Parquet.
        DataRefusedError: a file is damaged, or a line no JSON object.
    """
    found = reference_files(given)
    target = files.join(folder, reference_key(found, columns, config))
    rows, buckets = files.join(target, "rows"), files.join(target, "buckets")
    if not files.exists(files.join(target, _COMPLETE)):
        files.remove_folder(target)
        _sign(spark, found, columns, config, target)
        files.write_text(files.join(target, _COMPLETE), json.dumps({"files": found, "columns": list(columns)}))
    return Reference(spark.read.parquet(literal(rows)), spark.read.parquet(literal(buckets)))


def _sign(
    spark: SparkSession, found: dict[str, str], columns: Sequence[str], config: DeduplicateConfig, target: str
) -> None:
    texts = None
    for number, (name, path) in enumerate(found.items()):
        storage = Storage(lambda: spark, files.join(target, f"read-{number}"))
        read = read_texts(spark, find_input(spark, literal(path), "against"), columns, None, storage).rows
        place = F.concat(F.lit(f"{name}:"), F.col("position").cast("string")).alias("rank")
        named = read.where("not is_silent").select(place, "text", F.lit(config.threshold).alias("threshold"))
        texts = named if texts is None else texts.unionByName(named)
    assert texts is not None  # noqa: S101 - `reference_files` gives at least one
    storage = Storage(lambda: spark, files.join(target, "signing"))
    parts = storage.materialise(with_buckets(texts, config), "parts")
    first = Window.partitionBy("set_key").orderBy("rank")
    rows = first_rows(parts.where("rank is not null").select(F.col("rank"), "text", "set_key", "node"), first)
    rows.withColumnRenamed("rank", "id").write.parquet(files.join(target, "rows"))
    parts.select("bucket", "node").distinct().write.parquet(files.join(target, "buckets"))
    storage.clear_scratch()
    for number in range(len(found)):
        files.remove_folder(files.join(target, f"read-{number}"))


def fallen_to(
    reference: Reference, parts: DataFrame, leaders: DataFrame, threshold: float, rules: TwinRules
) -> DataFrame:
    """Columns of `udfs.walk.FALLEN`: the rows that resemble one of the reference, the most similar one and of equally
    similar ones the first by id as `kept_rank`.

    Args:
        reference: what always stays.
        parts: of the new texts, as `with_buckets` gives them.
        leaders: rows of `parts` with a text, each shingle set once.
        threshold: the least that any row has.
        rules: what makes twins.
    """
    same = leaders.join(reference.rows.select("set_key", F.col("id").alias("left")), "set_key").select(
        "node",
        "left",
        F.col("rank").alias("right"),
        F.lit(1.0).alias("jaccard"),
        F.when(F.col("turn_start") > 0, 1.0).alias("turn_jaccard"),
        F.lit(None).cast("double").alias("own_jaccard"),
        F.lit(False).alias("numbers_only"),
    )
    new = parts.select("bucket", "node").join(same.select("node"), "node", "left_anti").select("bucket", "node")
    known = reference.buckets.join(new.select("bucket").distinct(), "bucket", "left_semi").select("bucket", "node")
    met = new.join(known.select("bucket").distinct(), "bucket", "left_semi").select("bucket", "node")
    columns = ("node", "rank", "threshold", "text", "turn_start", "source")
    texts = reference.rows.select(
        "node", F.col("id").alias("rank"), F.lit(threshold).alias("threshold"), "text",
        F.lit(0).alias("turn_start"), F.lit("").alias("source"), F.lit(True).alias("is_reference"),
    )  # fmt: skip
    both = texts.unionByName(leaders.select(*columns, F.lit(False).alias("is_reference")))
    members = shared_buckets(known.unionByName(met)).join(both, "node").drop("node")
    edges = members.repartition("bucket").sortWithinPartitions("bucket", "rank").mapInArrow(verify_against(rules), EDGE)
    best = Window.partitionBy("right").orderBy(F.desc("jaccard"), "left")
    found = first_rows(edges.unionByName(same.drop("node")), best)
    return found.withColumnsRenamed({"right": "rank", "left": "kept_rank"})
