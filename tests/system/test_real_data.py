"""The whole pipeline on every real public file: a sample of each here, all of each in `make test-real`."""

from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from pyspark.sql import Column, DataFrame
from rich.console import Console

from jobs.config.deduplicate import DeduplicateConfig
from jobs.config.load import load_settings
from jobs.curation.eligibility import clean_pairs, open_prompts
from jobs.curation.fates import count_fates
from jobs.deduplication.ranking import pair_text, prompt_text, turn_start
from jobs.pipeline import STAGES
from jobs.reports.status import print_funnel
from jobs.run.run_stages import run_stages
from jobs.verify.file import verify_file
from jobs.workspace.runtime import open_runtime
from schemas.tables import DUPLICATES, EXAMPLES, PAIRS, RAW_RECORDS, SCREEN
from tests.support.exact_pairs import jaccard, similar_pairs
from udfs.exact_join import ShingleSets
from udfs.shingles import shingles

SAMPLE_RECORDS = 60


def write_config(folder: Path, data: Path, limit: int | None) -> Path:
    """One source for each file, formats detected."""
    files = sorted(path for path in (data / "sources").rglob("*") if path.is_file())
    sources = [
        {"name": path.name.split(".")[0] + f"-{number}", "path": str(path), "licence": "see INDEX.md"}
        for number, path in enumerate(files)
    ]
    config = folder / "real.yaml"
    config.write_text(yaml.safe_dump({"sources": sources, "ingest": {"limit": limit, "max_refused_share": 0.6}}))
    return config


@pytest.fixture(
    scope="module", params=[SAMPLE_RECORDS, pytest.param(None, marks=pytest.mark.real)], ids=["sample", "all"]
)
def real_run(request, spark, shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    settings = load_settings(str(write_config(folder, shared_data, request.param)), [f"workspace={folder}/w"])
    runtime = open_runtime(settings, Console(width=160))
    results = run_stages(runtime, STAGES)
    return runtime, results


def test_records_examples_and_data_set_reconcile(real_run):
    runtime, results = real_run
    funnel = count_fates(runtime)
    print_funnel(runtime.progress.console, funnel)

    assert sum(funnel.records.values()) == results[0].report.rows_in == runtime.read(RAW_RECORDS).count()
    assert sum(funnel.examples.values()) == results[0].report.rows_out
    assert funnel.examples["select", "selected"] == results[-1].report.rows_out > 0
    assert len(runtime.read(RAW_RECORDS).select("file").distinct().collect()) == 26


class Compared(NamedTuple):
    text: str
    turn: str
    """The last one, which is the whole text where there is no other."""


def compared(rows: DataFrame, key: str, text: Column, *last: str) -> dict[str, Compared]:
    found = rows.select(rows[key].alias("id"), text.alias("text"), turn_start(text, *last).alias("start")).collect()
    return {row["id"]: Compared(row["text"], row["text"][row["start"] :]) for row in found}


def test_removed_rows_have_true_kept_twins_and_few_true_twins_are_left(real_run):
    runtime = real_run[0]
    screen = runtime.read(SCREEN)
    passes = {
        "prompt": compared(open_prompts(runtime.read(EXAMPLES), screen), "example_id", prompt_text(), "instruction"),
        "pair": compared(clean_pairs(runtime.read(PAIRS), screen), "pair_id", pair_text(), "instruction", "response"),
    }
    for name, texts in passes.items():
        removed = {row["id"]: row for row in runtime.read(DUPLICATES).where(f"pass = '{name}'").collect()}
        assert removed.keys() <= texts.keys()
        for row in removed.values():
            assert row["duplicate_of"] in texts and row["duplicate_of"] not in removed
            assert row["jaccard"] == similarity(texts[row["id"]].text, texts[row["duplicate_of"]].text) >= 0.8
            assert are_twins(texts[row["id"]], texts[row["duplicate_of"]])
        left, true_pairs = leaks(texts, set(removed))
        print(f"{name}: {len(texts):,} texts, {true_pairs:,} true pairs, {len(removed):,} removed, {left:,} pairs left")
        assert left <= true_pairs * 0.001


def similarity(left: str, right: str) -> float:
    a, b = shingles(left), shingles(right)
    return jaccard(a, b) if len(a) or len(b) else 1.0


def are_twins(one: Compared, other: Compared) -> bool:
    """Whether two similar texts are so in their last turns, too."""
    is_one_turn = one.turn == one.text and other.turn == other.text
    return is_one_turn or similarity(one.turn, other.turn) >= DeduplicateConfig().turn_threshold


def leaks(texts: dict[str, Compared], removed: set[str]) -> tuple[int, int]:
    """True pairs among the kept rows, and among all, by an exact join that knows nothing of min-hashes."""
    ids = sorted(texts)
    sets = ShingleSets()
    for id_ in ids:
        sets.append(shingles(texts[id_].text), texts[id_].text)
    true_pairs = left = 0
    for i, j, _ in similar_pairs(sets, 0.8):
        if are_twins(texts[ids[i]], texts[ids[j]]):
            true_pairs += 1
            left += ids[i] not in removed and ids[j] not in removed
    return left, true_pairs


def test_what_is_exported_verifies(real_run):
    verification = verify_file(Path(real_run[0].settings.workspace) / "output" / "dataset.jsonl")

    assert verification.passed, [check for check in verification.checks if check.verdict.value == "FAIL"]
