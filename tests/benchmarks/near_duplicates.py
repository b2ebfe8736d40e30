"""Near-duplicate search against exact truth: pairs leaked, false removals, seconds.

    python -m tests.benchmarks.near_duplicates [--data FOLDER] [--rows N]

With a folder of real files their instructions are searched (Alpaca-like records, as many as `--rows`); without one,
texts are generated: clusters of variants of a base text with words of a Zipf distribution. Spark's own
`approxSimilarityJoin`, which takes one equal min-hash for a candidate, is timed on the same rows where there are few
enough of them.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from pyspark.ml.feature import MinHashLSH
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.config.deduplicate import DeduplicateConfig
from jobs.config.spark import SparkConfig
from jobs.deduplication.near_duplicates import find_near_duplicates, shingle
from jobs.workspace.session import get_session
from tests.support.frames import storing_in
from udfs.exact_join import ShingleSets, similar_pairs
from udfs.shingles import jaccard, shingles

APPROX_ROWS = 5_000


def generated(count: int) -> list[str]:
    """Texts of 20 to 120 words; every fifth is a variant of an earlier one."""
    chance = random.Random(1)
    words = [f"w{i}" for i in range(20_000)]
    weights = [1 / (i + 1) for i in range(len(words))]
    texts: list[str] = []
    for number in range(count):
        if number % 5 == 4:
            tokens = texts[chance.randrange(len(texts))].split()
            for _ in range(chance.randint(0, 4)):
                tokens[chance.randrange(len(tokens))] = chance.choice(words)
        else:
            tokens = chance.choices(words, weights, k=chance.randint(20, 120))
        texts.append(" ".join(tokens))
    return texts


def real(folder: Path, count: int) -> list[str]:
    """Instructions of the Alpaca-like JSON arrays below a folder."""
    texts: list[str] = []
    for path in sorted(folder.rglob("alpaca_format/*.json")):
        texts += [f"{row['instruction']}\n{row.get('input') or ''}" for row in json.loads(path.read_text("utf-8"))]
    return texts[:count]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    given = parser.parse_args()
    texts = real(given.data, given.rows) if given.data else generated(given.rows)
    with tempfile.TemporaryDirectory() as folder:
        spark = get_session(SparkConfig(), Path(folder) / "spark.log")
        measure(spark, texts, Path(folder))


def measure(spark: SparkSession, texts: list[str], folder: Path) -> None:
    """Search the texts with the product and with the exact join, and compare."""
    materialise = storing_in(spark, folder)
    config = DeduplicateConfig()
    rows = [(f"{number:08d}", text, config.threshold) for number, text in enumerate(texts)]
    frame = materialise(spark.createDataFrame(rows, "rank string, text string, threshold double"), "texts")
    started = time.monotonic()
    found = find_near_duplicates(frame, config, materialise)
    removed = {int(row["rank"]): row for row in found.duplicates.collect()}
    searched = time.monotonic() - started
    started = time.monotonic()
    sets = ShingleSets()
    for text in texts:
        sets.append(shingles(text), text)
    pairs = [(i, j) for i, j, _ in similar_pairs(sets, config.threshold)]
    joined = time.monotonic() - started
    left = sum(i not in removed and j not in removed for i, j in pairs)
    false = sum(
        jaccard(shingles(texts[row]), shingles(texts[int(fate["kept_rank"])])) < config.threshold
        for row, fate in removed.items()
        if shingles(texts[row]).size
    )
    print(f"rows {len(texts):,}, true pairs {len(pairs):,}, removed {len(removed):,} in {found.rounds} rounds")
    print(f"pairs left among kept rows {left:,}, false removals {false:,}")
    print(f"search {searched:.1f} s, exact join on one core {joined:.1f} s")
    if len(texts) <= APPROX_ROWS:
        print(f"approxSimilarityJoin with 5 tables {approximate(frame, folder):.1f} s for the pairs alone")


def approximate(frame: DataFrame, folder: Path) -> float:
    """Seconds of Spark's own join on the same vectors."""
    vectors = shingle(frame).where(F.col("features").isNotNull()).select("rank", "features")
    model = MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=5, seed=1).fit(vectors)
    started = time.monotonic()
    pairs = model.approxSimilarityJoin(vectors, vectors, 0.2).where("datasetA.rank < datasetB.rank")
    pairs.select("distCol").write.mode("overwrite").parquet(str(folder / "approximate"))
    return time.monotonic() - started


if __name__ == "__main__":
    main()
