"""Export stage: `dataset` into the JSONL, its provenance, a manifest and a data set card.

Spark sorts and renders the lines; the driver streams the sorted parts into one file, a batch at a time.
The JSONL depends on the tables alone: sorted by `example_id`, whatever the partitions.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.publish.card import render_card
from jobs.publish.manifest import build_manifest
from jobs.workspace import files
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.errors import DataRefusedError
from schemas.manifest import sealed
from schemas.records import PROVENANCE_FILE
from schemas.tables import DATASET, EXAMPLES, SCORES, SCREEN
from udfs.export_lines import with_lines

_BATCH_ROWS = 5_000


def export_rows(dataset: DataFrame, scores: DataFrame, screen: DataFrame, examples: DataFrame) -> DataFrame:
    """The lines of the JSONL, sorted, each with its provenance.

    Returns:
        Columns example_id, pair_id, source, origin, licence, language, category, teacher, scorer,
        quality_tenths, dimensions (JSON), notes (rules that left a note), records (JSON: where it was read)
        and line.
    """
    notes = (
        screen.where("effect = 'note'")
        .groupBy(F.col("id").alias("example_id"))
        .agg(F.array_sort(F.collect_set("rule")).alias("notes"))
    )
    rows = (
        dataset.join(scores.select("pair_id", F.to_json("dimensions").alias("dimensions")), "pair_id", "left")
        .join(notes, "example_id", "left")
        .join(examples.select("example_id", F.to_json("records").alias("records")), "example_id", "left")
        .withColumn("notes", F.coalesce("notes", F.array().cast("array<string>")))
        .select(
            "example_id",
            "pair_id",
            "source",
            "origin",
            "licence",
            "language",
            "category",
            "teacher",
            "scorer",
            "quality_tenths",
            "dimensions",
            "notes",
            "records",
            "instruction",
            "response",
        )
    )
    fields = [f"{f.name} {f.dataType.simpleString()}" for f in rows.schema if f.name not in ("instruction", "response")]
    return rows.mapInArrow(with_lines, ", ".join([*fields, "line string"])).orderBy("example_id", "pair_id")


def run(runtime: Runtime) -> StageReport:
    """Write all files of the data set to `<workspace>/output`.

    Raises:
        DataRefusedError: no row was selected; an older export stays as it is.
    """
    output = files.join(runtime.settings.workspace, "output")
    jsonl = files.join(output, runtime.settings.export.file)
    if not runtime.query("select pair_id from {dataset} limit 1"):
        raise DataRefusedError(
            "nothing was selected, so there is nothing to export; `phase0 status` says which reasons took the rows"
        )
    rows = export_rows(*(runtime.read(table) for table in (DATASET, SCORES, SCREEN, EXAMPLES)))
    runtime.progress.step("sorting")
    runtime.storage.materialise(rows, "export")
    runtime.progress.step(f"writing {runtime.settings.export.file}")
    # Named in the order of the sort.
    parts = files.list_files(files.join(runtime.storage.scratch, "export"), ".parquet")
    facts = write_files(files.read_batches(parts, _BATCH_ROWS), jsonl, files.join(output, PROVENANCE_FILE))
    runtime.storage.clear_scratch()
    manifest = sealed(build_manifest(runtime, facts))
    files.write_text(files.join(output, "manifest.json"), json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    files.write_text(files.join(output, "README.md"), render_card(runtime.settings, manifest))
    return StageReport(facts["rows"], facts["rows"])


def write_files(batches: Iterator[pa.RecordBatch], jsonl: str, provenance: str) -> dict[str, Any]:
    """Stream sorted rows into the JSONL and, with their line numbers from 1, into the provenance.

    Returns:
        File name, sha256, rows and bytes of the JSONL.
    """
    digest, rows, size = hashlib.sha256(), 0, 0
    with ExitStack() as stack:
        lines_out = stack.enter_context(files.open_atomic(jsonl))
        provenance_out = stack.enter_context(files.open_atomic(provenance))
        writer: pq.ParquetWriter | None = None
        for batch in batches:
            text = "".join(f"{line}\n" for line in batch.column("line").to_pylist()).encode("utf-8")
            lines_out.write(text)
            digest.update(text)
            numbers = pa.array(range(rows + 1, rows + 1 + batch.num_rows), pa.int64())
            slim = batch.drop_columns(["line"])
            numbered = pa.record_batch([numbers, *slim.columns], names=["line", *slim.schema.names])
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(provenance_out, numbered.schema, compression="zstd"))
            writer.write_batch(numbered)
            rows, size = rows + batch.num_rows, size + len(text)
    return {"file": jsonl.rsplit("/", 1)[-1], "sha256": digest.hexdigest(), "rows": rows, "bytes": size}


STAGE: Stage = Stage(
    name="export",
    title="write the data set",
    run=run,
    reads=(DATASET, SCORES, SCREEN, EXAMPLES),
    writes=(),
    settings=("export", "targets"),
    after="select",
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
