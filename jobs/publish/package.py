"""`phase0 package`: a finished run as a folder to hand on, split, sharded and described.

Spark decides which row goes where and sorts; the driver streams the sorted rows into the files, a batch at a time.
Every file depends on the tables, the configuration and the versions alone. The folder is local: a package is made to
be copied, or pushed, from the machine where it lies.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.deduplicate import config_for
from jobs.config.settings import Settings
from jobs.publish.card import render_package_card
from jobs.publish.content import write_content
from jobs.publish.folder import MANIFEST, new_folder, require_own
from jobs.publish.manifest import build_package_manifest
from jobs.publish.rows import is_conversation, packable_rows
from jobs.publish.source import Source, require_exported
from jobs.publish.split import split_rows
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError, DataRefusedError
from schemas.manifest import sealed
from schemas.tables import DATASET, PAIRS, SCORES, SELECTION

CARD = "README.md"
_BATCH_ROWS = 1_000


def package_folder(settings: Settings, output: Path | None) -> Path:
    """Where the package goes.

    Raises:
        ConfigError: the workspace is no local folder and no other is named, or the folder holds something else.
    """
    if output is None and "://" in settings.workspace:
        raise ConfigError(f"a package is a local folder, unlike {settings.workspace}; name one with --output")
    target = (output or Path(settings.workspace) / "package").expanduser().absolute()
    require_own(target)
    return target


def build_package(runtime: Runtime, source: Source, target: Path) -> None:
    """Write the whole package, in place of an older one.

    Raises:
        ConfigError: the tables are newer than the export, the folder holds something else, or the validation split
            takes all rows.
        DataRefusedError: nothing was selected.
    """
    require_exported(runtime, source)
    with new_folder(target) as folder, runtime.progress.stage("package", "split, shard and describe the data set"):
        try:
            manifest = _write_package(runtime, source, folder)
        finally:
            runtime.storage.clear_scratch()
    rows = sum(manifest["counts"]["category"].values())
    runtime.progress.line(f"{rows:>9,} rows in {len(manifest['files']):,} files")


def _write_package(runtime: Runtime, source: Source, folder: Path) -> dict[str, Any]:
    config, storage = runtime.settings.package, runtime.storage
    found = packable_rows(*(runtime.read(table) for table in (DATASET, SELECTION, PAIRS, SCORES)))
    rows = storage.materialise(found.withColumn("fits", F.col("is_bare") | is_conversation()), "packable")
    if rows.where("is_bare").isEmpty():
        raise DataRefusedError("nothing was selected, so there is nothing to pack; `phase0 status` says why")
    runtime.progress.step("keeping near-duplicates together")
    banding = config_for(config.split_jaccard).model_copy(update={"seed": runtime.settings.deduplicate.seed})
    split = split_rows(rows.where("fits"), config.validation, banding, storage.materialise)
    runtime.progress.step("sorting")
    wanted = rows.where("fits") if config.messages else rows.where("is_bare")
    packed = wanted.join(split.rows, ["example_id", "pair_id"]).orderBy("split", "example_id", "pair_id")
    packed = storage.materialise(packed, "package")
    runtime.progress.step("writing")
    # Named in the order of the sort.
    parts = files.list_files(files.join(storage.scratch, "package"), ".parquet")
    content = write_content(files.read_batches(parts, _BATCH_ROWS), folder, config, _expected(packed, config.messages))
    needs, misfits = _needs(rows)
    manifest = build_package_manifest(config, source, content, split.facts, needs, misfits)
    card = render_package_card(runtime.settings, manifest).encode("utf-8")
    (folder / CARD).write_bytes(card)
    manifest["files"][CARD] = {"bytes": len(card), "sha256": hashlib.sha256(card).hexdigest()}
    (folder / MANIFEST).write_bytes((json.dumps(sealed(manifest), indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
    return manifest


def _expected(packed: DataFrame, messages: bool) -> dict[tuple[str, str], int]:
    """Configuration and split -> rows, for those that have any, train first."""
    counted = packed.groupBy("split").agg(F.count_if("is_bare").alias("default"), F.count("*").alias("messages"))
    rows = {row["split"]: row for row in counted.orderBy("split").collect()}
    configs = ("default", "messages") if messages else ("default",)
    return {(config, split): row[config] for config in configs for split, row in rows.items() if row[config]}


def _needs(rows: DataFrame) -> tuple[dict[str, int], int]:
    """Rows that only the chat messages can have, by reason, and rows that not even they can."""
    counted = rows.where("not is_bare").groupBy("needs", "fits").count().collect()
    misfits = sum(row["count"] for row in counted if not row["fits"])
    return {row["needs"]: row["count"] for row in counted if row["fits"]}, misfits
