"""Decontaminate stage: mark examples that hold an item of a benchmark, in their prompt or in their response.

Reads `examples`, replaces `benchmarks` (what was looked for) and `contamination`. Nothing is dropped: a mark keeps an
example from being asked, answered and exported, whichever side holds the item.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.decontaminate import DecontaminateConfig
from jobs.curation.benchmarks import NOTHING_LOOKED_FOR, BenchmarkFile, absent_benchmarks, benchmark_files
from jobs.curation.eligibility import CLEAN_EXAMPLES
from jobs.workspace.queries import with_parts
from jobs.workspace.runtime import Runtime, Stage, StageReport
from schemas.tables import BENCHMARKS, CONTAMINATION, EXAMPLES
from udfs.benchmark_items import ItemText
from udfs.contamination import CANDIDATE, FORM_PROMPTS, Benchmarks, Limits, find_contamination, index_benchmarks


def mark_contamination(examples: DataFrame, benchmarks: Benchmarks, rephrased: str = "note") -> DataFrame:
    """Search examples for the items of benchmarks.

    Args:
        examples: rows of `EXAMPLES`.
        benchmarks: the items, indexed; they travel to the executors.
        rephrased: effect of a question in other words, where those are looked for: note or exclude.

    Returns:
        Rows of `CONTAMINATION`. A short item that some source holds in `FORM_PROMPTS` different prompts is a form of
        words and only noted, but where it is all of a prompt.
    """
    texts = examples.select(
        "example_id", "source", "system", "history", "instruction", F.col("reference_response").alias("response")
    )
    found = texts.mapInArrow(find_contamination(benchmarks), CANDIDATE)
    item = ("benchmark", "item", "field", "kind")
    prompts = F.size(F.collect_set("prompt_key").over(Window.partitionBy(*item, "source")))
    most = F.max("prompts").over(Window.partitionBy(*item))
    is_form = F.col("is_short") & ~F.col("is_whole_prompt") & (most >= FORM_PROMPTS)
    effect = F.when(F.col("kind") == "rephrased", F.lit(rephrased)).when(is_form, F.lit("note")).otherwise("exclude")
    return CONTAMINATION.select_from(found.withColumn("prompts", prompts).withColumn("effect", effect))


def run(runtime: Runtime) -> StageReport:
    """Search the whole `examples` table, in one pass."""
    config = runtime.settings.decontaminate
    found = list(benchmark_files(runtime.settings))
    items = [(file, file.items()) for file in found]
    texts = [text for _, of_file in items for text in of_file]
    runtime.storage.replace_rows(BENCHMARKS, [_row(*one) for one in items])
    if texts:
        runtime.progress.step(f"looking for {len(texts):,} texts of benchmarks")
        benchmarks = index_benchmarks(texts, limits_of(config), rephrased=config.rephrased != "ignore")
        runtime.replace(CONTAMINATION, mark_contamination(runtime.read(EXAMPLES), benchmarks, config.rephrased))
    else:
        runtime.progress.line(NOTHING_LOOKED_FOR, style="dim")
        runtime.storage.replace_rows(CONTAMINATION, ())
    (counts,) = runtime.query(_COUNTS)
    total, clean = counts["total"], counts["clean"]
    reasons = {"contaminated": total - clean} if total > clean else {}
    absent = ", ".join(absent_benchmarks(runtime.settings, found))
    warnings = (f"benchmarks that are not here were not looked for: {absent}",) if absent else ()
    return StageReport(total, clean, reasons, warnings)


_COUNTS = with_parts(
    "select (select count(*) from {examples}) as total, (select count(*) from {clean_examples} as clean) as clean",
    clean_examples=CLEAN_EXAMPLES,
)


def limits_of(config: DecontaminateConfig) -> Limits:
    """The limits that a configuration sets."""
    return Limits(config.share, config.answer_share, config.short_tokens)


def _row(file: BenchmarkFile, items: Sequence[ItemText]) -> dict[str, object]:
    return {
        "benchmark": file.benchmark.name,
        "file": file.name,
        "origin": file.origin,
        "licence": file.benchmark.licence,
        "sha256": file.sha256,
        "bytes": len(file.content),
        "items": len({item.item for item in items}),
    }


def inputs(runtime: Runtime) -> Mapping[str, str]:
    """The bytes of every benchmark file."""
    return {f"{file.benchmark.name}/{file.name}": file.sha256 for file in benchmark_files(runtime.settings)}


STAGE: Stage = Stage(
    name="decontaminate",
    title="mark what holds an item of a benchmark",
    run=run,
    reads=(EXAMPLES,),
    writes=(BENCHMARKS, CONTAMINATION),
    settings=("decontaminate",),
    inputs=inputs,
    after="screen",
)

if __name__ == "__main__":
    from jobs.run.command import run_as_script

    run_as_script(STAGE)
